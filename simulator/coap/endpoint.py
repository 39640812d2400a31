"""One CoAP endpoint as seen from one peer: client and server at once, without I/O.

Datagrams and the time go in through ``receive`` and ``expire``; datagrams come out through the owner's ``transmit``,
answers through the methods of exchanges and of the handler, and the next time at which something has to happen through
``deadline``. ``alarm`` is called only when that time comes earlier than what the owner knows, so a transfer that goes
well sets no timer at all.
"""

from __future__ import annotations

from collections import deque
from math import inf
from typing import TYPE_CHECKING, ClassVar

from simulator.coap import sending
from simulator.coap.block import DATAGRAM_FITS, SZX_MAX, Fit
from simulator.coap.codes import ACK, CON, RST, is_request, is_response
from simulator.coap.deduplication import SeenMessages
from simulator.coap.exchange import Exchange, Failure, Handler, Parts
from simulator.coap.message import Message, MessageFormatError, Options, decode, empty, encode
from simulator.coap.owner import Alarm, Chance, no_alarm
from simulator.coap.params import DEFAULT_PARAMETERS, TransmissionParameters
from simulator.coap.ping import Ping, ping
from simulator.coap.reception import take_reply, take_request, take_separate_response
from simulator.coap.retransmission import expire_exchanges, fail_all, forget, next_deadline
from simulator.coap.server import RequestServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.coap.observe import Observation


class Endpoint:
    """A CoAP endpoint towards one peer: over datagrams here, and the base of the one over a stream.

    Args:
        transmit: takes each outgoing datagram.
        chance: the random parts; a stream of this endpoint's own.
        handler: answers requests; without one every request gets 4.04.
        params: transmission parameters of RFC 7252 §4.8.
        szx: the largest block that this side wants, as an exponent (6 is 1024 bytes).
        alarm: called with the endpoint and a time that is earlier than any told before; 0 means at once.

    Attributes:
        pending: by Message ID, what waits for its acknowledgement (at most NSTART); ``queue`` waits to go out.
        exchanges: by token, what takes responses.
        observations: what this peer observes here; ``seen``: what would be recognised if it came again.
    """

    __slots__ = ("_mid", "_send", "_token", "alarm", "armed", "bytes_in", "bytes_out", "chance", "closed", "duplicates",
                 "exchanges", "messages_in", "messages_out", "observations", "params", "pending", "queue",
                 "retransmissions", "seen", "server", "szx", "user")  # fmt: skip

    SZX_LARGEST: ClassVar[int] = SZX_MAX  # that a Block option may have (RFC 7959 §2.2)
    ORDERED: ClassVar[bool] = False  # whether messages arrive in the order in which they were sent

    def __init__(
        self,
        transmit: Callable[[bytes], None],
        chance: Chance,
        handler: Handler | None = None,
        params: TransmissionParameters = DEFAULT_PARAMETERS,
        *,
        szx: int = SZX_MAX,
        alarm: Alarm = no_alarm,
    ) -> None:
        self._send = transmit
        self.chance = chance
        self.params = params
        self.szx = szx
        self.alarm = alarm
        self.armed = inf
        self.closed = False
        self.user: object = None
        """For the owner."""
        self.server = RequestServer(handler)
        self.observations: list[Observation] = []
        self.seen = SeenMessages(params.EXCHANGE_LIFETIME)
        self._mid = chance.getrandbits(16)
        self._token = chance.getrandbits(32)
        self.pending: dict[int, Exchange] = {}
        self.exchanges: dict[bytes, Exchange] = {}
        self.queue: deque[Exchange] | None = None
        self.messages_in = self.messages_out = self.bytes_in = self.bytes_out = 0
        self.retransmissions = self.duplicates = 0

    # -- sending ---------------------------------------------------------------------------------------------------

    def send_by(self, transmit: Callable[[bytes], None]) -> None:
        """Send datagrams by another function from now on."""
        self._send = transmit

    def transmit(self, datagram: bytes) -> None:
        """Send one datagram."""
        if not self.closed:
            self.messages_out += 1
            self.bytes_out += len(datagram)
            self._send(datagram)

    def next_mid(self) -> int:
        """A Message ID that no message under way has (RFC 7252 §4.4)."""
        mid = self._mid
        while mid in self.pending:
            mid = (mid + 1) & 0xFFFF
        self._mid = (mid + 1) & 0xFFFF
        return mid

    def next_token(self) -> bytes:
        """A fresh token; the first is random, so that answers are hard to forge (RFC 7252 §5.3.1)."""
        self._token = (self._token + 1) & 0xFFFFFFFF
        return self._token.to_bytes(4, "big")

    # -- the message layer: what a stream does otherwise, as it does ``launch``, ``receive`` and the times -----------
    def ready(self, exchange: Exchange, now: float) -> bool:  # noqa: ARG002
        """Whether a first request can be sent now; else the exchange is started again when it can be."""
        return True

    def fit(self, szx: int, options: Options) -> Fit:  # noqa: ARG002
        """What a message with these options may carry of a body, where blocks are to have ``szx`` at most."""
        return DATAGRAM_FITS[min(szx, SZX_MAX)]

    def szx_to_ask(self, szx: int, offset: int) -> int:  # noqa: ARG002
        """The size exponent with which a Block2 request at an offset may ask for ``szx``."""
        return min(szx, SZX_MAX)

    def ask(self, exchange: Exchange, parts: Parts, now: float, *, renew: bool = True) -> None:
        """Send a confirmable request with a fresh Message ID and, with ``renew``, a fresh token."""
        exchange.mid = self.next_mid()
        if renew:
            self.renew(exchange)
        exchange.datagram = encode(CON, parts[0], exchange.mid, exchange.token, parts[1], parts[2])
        self.launch(exchange, now)

    def ask_next(self, exchange: Exchange, code: int, encoded_options: bytes, now: float) -> None:
        """The same for a request without payload whose options are encoded already: one of a long row."""
        mid = self._mid
        if mid in self.pending:
            mid = self.next_mid()
        else:
            self._mid = (mid + 1) & 0xFFFF
        exchange.mid = mid
        self.renew(exchange)
        # Version 1, CON, a token of four bytes; then the code and the Message ID (RFC 7252 §3).
        exchange.datagram = bytes((0x44, code, mid >> 8, mid & 0xFF)) + exchange.token + encoded_options
        if self.closed or self.queue or len(self.pending) >= self.params.NSTART:
            self.launch(exchange, now)
        else:
            self._transmit_first(exchange, now)

    def renew(self, exchange: Exchange) -> None:
        """Give an exchange a fresh token for its next request.

        A late second response to the request before then finds nobody, instead of being taken for the next block.
        """
        self._token = token = (self._token + 1) & 0xFFFFFFFF
        exchanges = self.exchanges
        exchanges.pop(exchange.token, None)
        exchange.token = key = token.to_bytes(4, "big")
        exchanges[key] = exchange

    def answer(self, request: Message, parts: Parts, now: float) -> None:
        """Answer a request at once."""
        sending.answer(self, request, parts, now)

    def defer(self, request: Message, now: float) -> None:
        """Let the peer know that the answer to a request comes later."""
        sending.defer(self, request, now)

    def answer_later(self, request: Message, parts: Parts, now: float) -> None:
        """Answer a request that was put off."""
        sending.answer_later(self, request, parts, now)

    def tell(self, observation: Observation, parts: Parts, now: float, *, confirmable: bool) -> None:
        """Send a notification."""
        sending.tell(self, observation, parts, now, confirmable=confirmable)

    def probe(self, exchange: Ping, now: float) -> None:
        """Ping (RFC 7252 §4.3)."""
        sending.probe(self, exchange, now)

    def launch(self, exchange: Exchange, now: float) -> None:
        """Send the confirmable datagram of an exchange, or queue it while NSTART are under way (RFC 7252 §4.7)."""
        if self.closed:
            forget(self, exchange)
            exchange.on_failure(self, Failure.CLOSED, now)
        elif self.queue or len(self.pending) >= self.params.NSTART:
            exchange.due = 0.0
            self.queue = self.queue or deque()
            self.queue.append(exchange)
        else:
            self._transmit_first(exchange, now)

    def expect(self, exchange: Exchange) -> None:
        """Have responses with the exchange's token delivered to it."""
        self.exchanges[exchange.token] = exchange

    def request(self, exchange: Exchange, now: float) -> None:
        """Send a request: its token, Message ID and datagram are set."""
        self.expect(exchange)
        self.launch(exchange, now)

    def is_queued(self, exchange: Exchange) -> bool:
        """Whether an exchange still waits for its first transmission."""
        return self.queue is not None and exchange in self.queue

    def finish(self, exchange: Exchange) -> None:
        """An exchange needs no further response; what comes for it later is answered with a Reset."""
        forget(self, exchange)
        if self.queue and len(self.pending) < self.params.NSTART:
            self.wake_by(0.0)

    def cancel(self, exchange: Exchange, now: float) -> None:
        """Give an exchange up, with Failure.CLOSED; nothing where it is over already."""
        if forget(self, exchange):
            exchange.on_failure(self, Failure.CLOSED, now)
            self.pump(now)

    def _transmit_first(self, exchange: Exchange, now: float) -> None:
        exchange.attempt = 0
        exchange.timeout = 0.0
        exchange.due = due = now + self.params.ACK_TIMEOUT
        self.pending[exchange.mid] = exchange
        datagram = exchange.datagram
        self.messages_out += 1
        self.bytes_out += len(datagram)
        self._send(datagram)
        if due < self.armed:
            self.wake_by(due)

    def pump(self, now: float) -> None:
        """Send from the queue what NSTART allows."""
        while self.queue and len(self.pending) < self.params.NSTART:
            self._transmit_first(self.queue.popleft(), now)

    # -- receiving -------------------------------------------------------------------------------------------------

    def receive(self, data: bytes, now: float) -> None:
        """Take one datagram from the peer. Nothing that it may hold raises."""
        if self.closed:
            return
        self.messages_in += 1
        self.bytes_in += len(data)
        try:
            message = decode(data)
        except MessageFormatError as error:
            sending.reject(self, error)
            return
        if message.type >= ACK:
            take_reply(self, message, now)
        elif is_response(message.code):
            take_separate_response(self, message, now)
        elif is_request(message.code):
            take_request(self, message, now)
        elif message.type == CON:
            # A ping (RFC 7252 §4.3), or a code of a reserved class: both are rejected with a Reset.
            self.transmit(empty(RST, message.mid))
        if self.queue:
            self.pump(now)

    def end_observation(self, observation: Observation, now: float) -> None:
        """Forget one observation and the notification that is on its way, and tell the handler."""
        if observation in self.observations:
            self.observations.remove(observation)
            if observation.notification is not None:
                self.finish(observation.notification)
            self.server.observation_ended(self, observation.key, now)

    def wake_by(self, when: float) -> None:
        """Have ``expire`` called by this time."""
        if when < self.armed:
            self.armed = when
            self.alarm(self, when)

    @property
    def deadline(self) -> float:
        """When ``expire`` has to be called next: a time, 0 for at once, or infinity."""
        return next_deadline(self)

    def expire(self, now: float) -> None:
        """Do what is due: retransmit, give up, forget."""
        expire_exchanges(self, now)
        self.server.expire(self, now)
        self.seen.forget_expired(now)
        self.pump(now)
        self.armed = self.deadline

    def unreachable(self, now: float) -> None:
        """Nobody listens at the peer's address: fail all that waits."""
        fail_all(self, Failure.UNREACHABLE, now)

    def close(self, now: float) -> None:
        """Stop for good: nothing is sent or taken from now on, and all that waits fails with Failure.CLOSED."""
        self.closed = True
        fail_all(self, Failure.CLOSED, now)
        self.server.close(now)
        self.observations.clear()


__all__ = ["Alarm", "Chance", "Endpoint", "Ping", "no_alarm", "ping"]
