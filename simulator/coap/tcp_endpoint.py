"""One end of a CoAP connection over TCP (RFC 8323): client and server at once, without I/O.

It is an ``Endpoint`` with another message layer, so that downloads, calls, observations and handlers work on both. The
stream delivers each message once and in order: there is no acknowledgement, no repetition and no NSTART. An exchange
waits for its response, and the end of the connection ends all of them.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, ClassVar, Final

from simulator.coap.block import SZX_BERT, Fit
from simulator.coap.codes import INTERNAL_SERVER_ERROR
from simulator.coap.endpoint import Endpoint
from simulator.coap.exchange import Failure
from simulator.coap.message import MessageFormatError
from simulator.coap.owner import Alarm, Chance, no_alarm
from simulator.coap.params import DEFAULT_PARAMETERS, TransmissionParameters
from simulator.coap.retransmission import fail_all, forget, next_deadline
from simulator.coap.tcp import MESSAGE_SIZE_BASE, FrameDecoder, frame, frame_encoded
from simulator.coap.tcp_capabilities import Capabilities
from simulator.coap.tcp_reception import Custody, settle, take
from simulator.coap.tcp_signalling import (
    MESSAGE_SIZE_MIN,
    PING,
    Released,
    abort,
    csm,
    ping_or_pong,
    release,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.coap.exchange import Exchange, Handler, Parts
    from simulator.coap.message import Message, Options
    from simulator.coap.observe import Observation
    from simulator.coap.ping import Ping

MAX_MESSAGE_SIZE_DEFAULT: Final = 8192 + 256
"""Eight blocks of 1024 bytes with their options."""
PROGRESS_S: Final = 600.0
PROGRESS_BYTES: Final = 4096
"""What has to come in so many seconds of a message that is not whole, or its rest: 7 byte/s. An exchange waits no more
for one that drips."""


class TcpEndpoint(Endpoint):
    """A CoAP endpoint at one end of a stream. Call ``open`` once, when the stream stands.

    Args:
        transmit: takes each outgoing frame.
        hang_up: called once, at the end: close the connection after what was transmitted is sent.
        chance: the first token.
        handler: answers requests; without one every request gets 4.04.
        params: response_timeout and the life of unfinished transfers follow from them.
        szx: the largest block that this side wants; 7 for whole bodies where they fit, and BERT where they do not.
        max_message_size: the longest message that this side takes, in bytes.
        response_timeout: how long an exchange waits while nothing comes for it, in seconds; without one
            MAX_TRANSMIT_WAIT, after which a client over UDP gives up.
        alarm: called with the endpoint and a time that is earlier than any told before; 0 means at once.

    Attributes:
        csm_due: when the peer's first CSM must have come; infinity when it has.
        peer: what the peer takes; None until its CSM has come.
        released: what the peer's Release said; None without one.
        open_requests: tokens of the peer's requests that the handler has put off.

    Raises:
        ValueError: max_message_size is below 64 or above 2^32 - 1.
    """

    __slots__ = ("_began", "_hang_up", "_heard", "_owed", "_release_due", "csm_due", "custody", "decoder",
                 "max_message_size", "open_requests", "peer", "pings", "released", "response_timeout",
                 "unready")  # fmt: skip

    SZX_LARGEST: ClassVar[int] = SZX_BERT
    ORDERED: ClassVar[bool] = True

    def __init__(
        self,
        transmit: Callable[[bytes], None],
        hang_up: Callable[[], None],
        chance: Chance,
        handler: Handler | None = None,
        params: TransmissionParameters = DEFAULT_PARAMETERS,
        *,
        szx: int = SZX_BERT,
        max_message_size: int = MAX_MESSAGE_SIZE_DEFAULT,
        response_timeout: float | None = None,
        alarm: Alarm = no_alarm,
    ) -> None:
        if not MESSAGE_SIZE_MIN <= max_message_size <= 0xFFFF_FFFF:
            msg = f"max_message_size {max_message_size} is not {MESSAGE_SIZE_MIN} to 2^32 - 1"
            raise ValueError(msg)
        super().__init__(transmit, chance, handler, params, szx=szx, alarm=alarm)
        self._hang_up = hang_up
        self.max_message_size = max_message_size
        self.response_timeout = params.MAX_TRANSMIT_WAIT if response_timeout is None else response_timeout
        # Until it has read the CSM, a peer may send what every endpoint takes.
        self.decoder = FrameDecoder(max(max_message_size, MESSAGE_SIZE_BASE))
        self.peer: Capabilities | None = None
        self.released: Released | None = None
        self.unready: list[Exchange] = []
        """Exchanges to be started when the peer's CSM has come."""
        self.open_requests: list[bytes] = []
        self.pings: list[Ping] = []
        self.custody: list[Custody] = []
        """Pings whose Pong waits for requests that came before them (RFC 8323 §5.4.1)."""
        self._heard = self._began = 0.0
        """When something came last, and from when on ``PROGRESS_S`` counts."""
        self._owed = PROGRESS_BYTES
        self.csm_due = self._release_due = inf

    # -- the connection --------------------------------------------------------------------------------------------

    def open(self, now: float) -> None:
        """The stream stands: send the CSM, which comes before all else (RFC 8323 §5.3)."""
        self.transmit(csm(self.max_message_size))
        self.csm_due = now + self.response_timeout
        self.wake_by(self.csm_due)

    def release(self, now: float, *, hold_off: int = -1) -> None:
        """Ask the peer to close the connection when it has answered (RFC 8323 §5.5); no request goes out from now on.

        ``hold_off`` asks for no new connection within so many seconds. A peer that leaves the connection open for
        ``response_timeout`` finds it closed.
        """
        self.transmit(release(hold_off))
        self._release_due = now + self.response_timeout
        self.wake_by(self._release_due)

    def abort(self, reason: str, now: float, bad_csm_option: int = -1, failure: Failure = Failure.PROTOCOL) -> None:
        """Tell the peer why, and end the connection at once (RFC 8323 §5.6)."""
        self.transmit(abort(reason, bad_csm_option))
        self.end(failure, now)

    def end(self, failure: Failure, now: float) -> None:
        """The connection is over, and with it every exchange and observation (RFC 8323 §3.4, §7.4)."""
        if self.closed:
            return
        self.closed = True
        fail_all(self, failure, now)
        for observation in list(self.observations):
            self.end_observation(observation, now)
        self.server.close(now)
        self._hang_up()

    def unreachable(self, now: float) -> None:
        """The network says that the connection is gone."""
        self.end(Failure.UNREACHABLE, now)

    def close(self, now: float) -> None:
        """Stop for good: nothing is sent or taken from now on, and all that waits fails with Failure.CLOSED."""
        if not self.closed:
            super().close(now)
            self._hang_up()

    # -- sending ---------------------------------------------------------------------------------------------------

    def ready(self, exchange: Exchange, now: float) -> bool:
        """Whether the peer's CSM has come: what it takes decides how a body goes out, and how a rest is asked for."""
        if self.peer is not None or self.closed:
            return True
        exchange.token = self.next_token()
        self.exchanges[exchange.token] = exchange
        exchange.due = now + self.response_timeout
        self.wake_by(exchange.due)
        self.unready.append(exchange)
        return False

    def fit(self, szx: int, options: Options) -> Fit:
        """What a message with these options may carry of a body: by the peer's CSM, and blocks of ``szx`` at most."""
        return (self.peer or Capabilities()).fit(szx, options)

    def szx_to_ask(self, szx: int, offset: int) -> int:
        """BERT only of a peer that knows it, and where this side takes it. At the start no block need be asked for."""
        return (self.peer or Capabilities()).szx_to_ask(self.max_message_size, szx, offset)

    def ask(self, exchange: Exchange, parts: Parts, now: float, *, renew: bool = True) -> None:
        """Send a request, with ``renew`` under a fresh token."""
        if renew:
            self.renew(exchange)
        code, options, payload = parts
        exchange.datagram = frame(code, exchange.token, options, payload)
        self.launch(exchange, now)

    def ask_next(self, exchange: Exchange, code: int, encoded_options: bytes, now: float) -> None:
        """The same for a request without payload whose options are encoded already."""
        self.renew(exchange)
        exchange.datagram = frame_encoded(code, exchange.token, encoded_options)
        self.launch(exchange, now)

    def launch(self, exchange: Exchange, now: float) -> None:
        """Send the frame of an exchange, or fail it where the connection ends or the peer takes no such message."""
        data, exchange.datagram = exchange.datagram, b""
        failure = self._hindrance(len(data))
        if failure is not None:
            forget(self, exchange)
            exchange.on_failure(self, failure, now)
            return
        exchange.due = due = now + self.response_timeout
        self.transmit(data)
        if due < self.armed:
            self.wake_by(due)

    def _hindrance(self, size: int) -> Failure | None:
        if self.closed or self._release_due < inf:
            return Failure.CLOSED
        if self.released is not None:
            return Failure.UNREACHABLE
        longest = MESSAGE_SIZE_BASE if self.peer is None else self.peer.max_message_size
        return Failure.PROTOCOL if size > longest else None

    def probe(self, exchange: Ping, now: float) -> None:
        """Send a Ping (RFC 8323 §5.4)."""
        self.pings = [ping for ping in self.pings if self.exchanges.get(ping.token) is ping]
        self.pings.append(exchange)
        self.renew(exchange)
        exchange.datagram = ping_or_pong(PING, exchange.token, custody=exchange.custody)
        self.launch(exchange, now)

    def answer(self, request: Message, parts: Parts, now: float) -> None:  # noqa: ARG002
        """Answer a request."""
        self._respond(request.token, parts)

    def tell(self, observation: Observation, parts: Parts, now: float, *, confirmable: bool) -> None:  # noqa: ARG002
        """Send a notification; TCP sees to it that it arrives (RFC 8323 §7.2)."""
        self._respond(observation.token, parts)

    def _respond(self, token: bytes, parts: Parts) -> None:
        code, options, payload = parts
        data = frame(code, token, options, payload)
        if self.peer is not None and len(data) > self.peer.max_message_size:
            data = frame(INTERNAL_SERVER_ERROR, token, [], b"")  # options alone that are too long
        self.transmit(data)

    def defer(self, request: Message, now: float) -> None:  # noqa: ARG002
        """Keep in mind that a request is still to be answered."""
        self.open_requests.append(request.token)

    def answer_later(self, request: Message, parts: Parts, now: float) -> None:
        """Answer a request that was put off."""
        self._respond(request.token, parts)
        settle(self, request.token, now)

    # -- receiving and time ----------------------------------------------------------------------------------------

    def receive(self, data: bytes, now: float) -> None:
        """Take the next bytes of the stream. Nothing that they may hold raises."""
        if self.closed:
            return
        self.bytes_in += len(data)
        self._heard = now
        decoder = self.decoder
        self._owed -= len(data)
        if self._owed <= 0 or not decoder.held:
            self._owed, self._began = PROGRESS_BYTES, now
        decoder.feed(data)
        while not self.closed:
            try:
                message = decoder.next()
            except MessageFormatError as error:
                self.abort(str(error), now)
                return
            if message is None:
                return
            self.messages_in += 1
            self._owed, self._began = PROGRESS_BYTES, now
            take(self, message, now)

    @property
    def deadline(self) -> float:
        """When ``expire`` has to be called next: a time, or infinity."""
        return inf if self.closed else min(next_deadline(self), self.csm_due, self._release_due)

    def expire(self, now: float) -> None:
        """Give up what got no response, and a peer that sent no CSM or does not close what was released."""
        if self.csm_due <= now:
            self.abort("no CSM came", now, failure=Failure.TIMEOUT)
        elif self._release_due <= now:
            self.end(Failure.CLOSED, now)
        if self.closed:
            return
        progress = min(self._heard + self.response_timeout, self._began + PROGRESS_S)
        if self.decoder.held and progress > now:
            # A long message takes its time on a slow link; as long as it grows, the peer lives, but does not drip.
            for exchange in self.exchanges.values():
                if 0 < exchange.due <= now:
                    exchange.due = progress
        super().expire(now)
        if self.released is not None:
            settle(self, None, now)


__all__ = ["MAX_MESSAGE_SIZE_DEFAULT", "TcpEndpoint"]
