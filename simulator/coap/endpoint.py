"""One CoAP endpoint as seen from one peer: client and server at once, without I/O.

Datagrams and the time go in through ``receive`` and ``expire``; datagrams come out through the ``transmit`` callable
that the owner gave, answers through the methods of exchanges and of the handler, and the next time at which something
has to happen through ``deadline``. The owner is told by ``alarm`` only when that time comes earlier than what it knows,
so a transfer that goes well sets no timer at all.

The random part of ACK_TIMEOUT (RFC 7252 §4.2) is drawn when ACK_TIMEOUT itself has passed: an answered message needs no
draw, and the distribution is the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import inf
from typing import Protocol

from simulator.coap.block import SZX_MAX
from simulator.coap.codes import (
    ACK,
    BAD_OPTION,
    CON,
    EMPTY,
    RST,
    is_request,
    is_response,
)
from simulator.coap.deduplication import SeenMessages
from simulator.coap.exchange import Exchange, Failure, Handler
from simulator.coap.message import Message, MessageFormatError, bad_option, decode, empty, encode, reset_for
from simulator.coap.observe import Observation
from simulator.coap.params import DEFAULT_PARAMETERS, TransmissionParameters
from simulator.coap.server import RequestServer


class Chance(Protocol):
    """Where tokens, Message IDs and time-outs get their random part from."""

    def random(self) -> float:
        """A float in [0, 1)."""

    def getrandbits(self, k: int, /) -> int:
        """An integer of ``k`` random bits."""


Alarm = Callable[["Endpoint", float], None]


def no_alarm(_endpoint: Endpoint, _when: float) -> None:
    """For owners that ask for ``deadline`` themselves."""


class Endpoint:
    """A CoAP endpoint towards one peer.

    Args:
        transmit: takes each outgoing datagram.
        chance: the random parts; a stream of this endpoint's own.
        handler: answers requests; without one every request gets 4.04.
        params: transmission parameters of RFC 7252 §4.8.
        szx: the largest block that this side wants, as an exponent (6 is 1024 bytes).
        alarm: called with the endpoint and a time that is earlier than any told before.
    """

    __slots__ = (
        "_ack_timeout",
        "_exchanges",
        "_mid",
        "_pending",
        "_queue",
        "_send",
        "_token",
        "alarm",
        "armed",
        "bytes_in",
        "bytes_out",
        "chance",
        "closed",
        "duplicates",
        "messages_in",
        "messages_out",
        "observations",
        "params",
        "retransmissions",
        "seen",
        "server",
        "szx",
        "user",
    )

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
        self._ack_timeout = params.ACK_TIMEOUT
        self._mid = chance.getrandbits(16)
        self._token = chance.getrandbits(32)
        self._pending: dict[int, Exchange] = {}
        self._exchanges: dict[bytes, Exchange] = {}
        self._queue: deque[Exchange] | None = None
        self.messages_in = self.messages_out = self.bytes_in = self.bytes_out = 0
        self.retransmissions = self.duplicates = 0

    # -- sending ---------------------------------------------------------------------------------------------------

    def transmit(self, datagram: bytes) -> None:
        """Send one datagram as it is."""
        if not self.closed:
            self.messages_out += 1
            self.bytes_out += len(datagram)
            self._send(datagram)

    def next_mid(self) -> int:
        """A fresh Message ID (RFC 7252 §4.4)."""
        mid = self._mid
        self._mid = (mid + 1) & 0xFFFF
        return mid

    def next_token(self) -> bytes:
        """A fresh token; the first is random, so that answers are hard to forge (RFC 7252 §5.3.1)."""
        self._token = (self._token + 1) & 0xFFFFFFFF
        return self._token.to_bytes(4, "big")

    def launch(self, exchange: Exchange, now: float) -> None:
        """Send the confirmable datagram of an exchange, or queue it while NSTART are under way (RFC 7252 §4.7)."""
        if self.closed:
            exchange.on_failure(self, Failure.CLOSED, now)
        elif len(self._pending) >= self.params.NSTART or self._queue:
            if self._queue is None:
                self._queue = deque()
            exchange.due = 0.0
            self._queue.append(exchange)
        else:
            self._transmit_first(exchange, now)

    def expect(self, exchange: Exchange) -> None:
        """Have responses with the exchange's token delivered to it."""
        self._exchanges[exchange.token] = exchange

    def request(self, exchange: Exchange, now: float) -> None:
        """Send a request: its token, Message ID and datagram are set."""
        self._exchanges[exchange.token] = exchange
        self.launch(exchange, now)

    def finish(self, exchange: Exchange) -> None:
        """An exchange needs no further response."""
        if self._exchanges.get(exchange.token) is exchange:
            del self._exchanges[exchange.token]
        if self._pending.get(exchange.mid) is exchange:
            del self._pending[exchange.mid]
        if self._queue and exchange in self._queue:
            self._queue.remove(exchange)

    def cancel(self, exchange: Exchange, now: float) -> None:
        """Give an exchange up; what comes for it later is answered with a Reset."""
        self.finish(exchange)
        exchange.on_failure(self, Failure.CLOSED, now)
        self._pump(now)

    def _transmit_first(self, exchange: Exchange, now: float) -> None:
        exchange.attempt = 0
        exchange.timeout = 0.0
        exchange.due = due = now + self._ack_timeout
        self._pending[exchange.mid] = exchange
        datagram = exchange.datagram
        self.messages_out += 1
        self.bytes_out += len(datagram)
        self._send(datagram)
        if due < self.armed:
            self.armed = due
            self.alarm(self, due)

    def _pump(self, now: float) -> None:
        while self._queue and len(self._pending) < self.params.NSTART:
            self._transmit_first(self._queue.popleft(), now)

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
            reset = reset_for(error)
            if reset is not None:
                self.transmit(reset)
            return
        if message.type >= ACK:
            self._on_reply(message, now)
        elif is_response(message.code):
            self._on_separate_response(message, now)
        elif is_request(message.code):
            self._on_request(message, now)
        elif message.type == CON:
            # A ping (RFC 7252 §4.3), or a code of a reserved class: both are rejected with a Reset.
            self.transmit(empty(RST, message.mid))
        if self._queue:
            self._pump(now)

    def _on_reply(self, message: Message, now: float) -> None:
        exchange = self._pending.get(message.mid)
        if message.type == RST:
            if exchange is not None and message.code == EMPTY:
                self.finish(exchange)
                exchange.on_failure(self, Failure.RESET, now)
            elif message.code == EMPTY:
                self._reset_of_notification(message.mid, now)
            return
        if exchange is None:
            return
        if message.code == EMPTY:
            del self._pending[message.mid]
            if self._exchanges.get(exchange.token) is exchange:
                self._await_separate(exchange, now)
            exchange.on_acknowledged(self, now)
        elif message.token == exchange.token and exchange.token in self._exchanges and is_response(message.code):
            del self._pending[message.mid]
            if bad_option(message) < 0:
                exchange.on_response(self, message, now)
            else:
                # An unknown critical option makes a response unusable (RFC 7252 §5.4.1).
                self.finish(exchange)
                exchange.on_failure(self, Failure.PROTOCOL, now)

    def _await_separate(self, exchange: Exchange, now: float) -> None:
        exchange.due = now + self.params.EXCHANGE_LIFETIME
        self._arm(exchange.due)

    def _on_separate_response(self, message: Message, now: float) -> None:
        repeated = self.seen.get(message.mid)
        if repeated is not None:
            self.duplicates += 1
            if repeated:
                self.transmit(repeated)
            return
        exchange = self._exchanges.get(message.token)
        known = exchange is not None and bad_option(message) < 0
        answer = b""
        if not known:
            answer = empty(RST, message.mid)
        elif message.type == CON:
            answer = empty(ACK, message.mid)
        self.seen.add(message.mid, answer, now)
        if answer:
            self.transmit(answer)
        if known and exchange is not None:
            self._pending.pop(exchange.mid, None)
            exchange.on_response(self, message, now)

    def _on_request(self, message: Message, now: float) -> None:
        repeated = self.seen.get(message.mid)
        if repeated is not None:
            self.duplicates += 1
            if repeated:
                self.transmit(repeated)
            return
        refused = bad_option(message)
        if refused >= 0:
            if message.type == CON:
                text = f"option {refused}".encode()
                self.transmit(encode(ACK, BAD_OPTION, message.mid, message.token, [], text))
            return
        self.server.serve(self, message, now)

    # -- observations ----------------------------------------------------------------------------------------------

    def end_observation(self, observation: Observation, now: float) -> None:
        """Forget one observation and tell the handler."""
        if observation in self.observations:
            self.observations.remove(observation)
            self.server.observation_ended(self, observation.key, now)

    def _reset_of_notification(self, mid: int, now: float) -> None:
        for observation in self.observations:
            if observation.last_mid == mid:
                self.end_observation(observation, now)
                return

    # -- time ------------------------------------------------------------------------------------------------------

    def _arm(self, when: float) -> None:
        if when < self.armed:
            self.armed = when
            self.alarm(self, when)

    @property
    def deadline(self) -> float:
        """When ``expire`` has to be called next, or infinity."""
        deadline = self.server.deadline
        for exchange in self._pending.values():
            deadline = min(deadline, exchange.due)
        for exchange in self._exchanges.values():
            if exchange.due and exchange.mid not in self._pending:
                deadline = min(deadline, exchange.due)
        return deadline

    def expire(self, now: float) -> None:
        """Do what is due: retransmit, or give up (RFC 7252 §4.2)."""
        for exchange in [e for e in self._pending.values() if e.due <= now]:
            self._retransmit(exchange, now)
        for exchange in [e for e in self._exchanges.values() if 0 < e.due <= now and e.mid not in self._pending]:
            self._give_up(exchange, now)
        self.server.expire(self, now)
        self.seen.forget_expired(now)
        self._pump(now)
        self.armed = self.deadline

    def _retransmit(self, exchange: Exchange, now: float) -> None:
        if not exchange.timeout:
            # ACK_TIMEOUT has passed; now draw by how much this message's own time-out is longer.
            spread = self._ack_timeout * (self.params.ACK_RANDOM_FACTOR - 1)
            extra = spread * self.chance.random()
            exchange.timeout = self._ack_timeout + extra
            exchange.due += extra
            if exchange.due > now:
                return
        if exchange.attempt >= self.params.MAX_RETRANSMIT:
            self._give_up(exchange, now)
            return
        exchange.attempt += 1
        exchange.timeout *= 2
        exchange.due = now + exchange.timeout
        self.retransmissions += 1
        self.transmit(exchange.datagram)

    def _give_up(self, exchange: Exchange, now: float) -> None:
        self.finish(exchange)
        exchange.on_failure(self, Failure.TIMEOUT, now)

    def unreachable(self, now: float) -> None:
        """The network says that nobody listens at the peer's address: fail all that waits."""
        self._fail_all(Failure.UNREACHABLE, now)

    def close(self, now: float) -> None:
        """Stop for good: nothing is sent or delivered from now on."""
        self.closed = True
        self._fail_all(Failure.CLOSED, now)
        self.server.close(self, now)
        self.observations.clear()

    def _fail_all(self, failure: Failure, now: float) -> None:
        waiting = {id(e): e for e in (*self._pending.values(), *self._exchanges.values(), *(self._queue or ()))}
        self._pending.clear()
        self._exchanges.clear()
        self._queue = None
        for exchange in waiting.values():
            exchange.on_failure(self, failure, now)


class Ping(Exchange):
    """An Empty confirmable message; the Reset that answers it shows that the peer lives (RFC 7252 §4.3)."""

    __slots__ = ("done",)

    def __init__(self, done: Callable[[bool], None]) -> None:
        super().__init__()
        self.done = done

    def on_failure(self, endpoint: Endpoint, failure: Failure, now: float) -> None:  # noqa: ARG002
        """A Reset is the answer that a ping waits for."""
        self.done(failure is Failure.RESET)


def ping(endpoint: Endpoint, done: Callable[[bool], None], now: float) -> None:
    """Ask whether the peer lives; ``done`` is called with the answer."""
    exchange = Ping(done)
    exchange.mid = endpoint.next_mid()
    exchange.datagram = empty(CON, exchange.mid)
    endpoint.launch(exchange, now)


__all__ = ["Alarm", "Chance", "Endpoint", "Ping", "no_alarm", "ping"]
