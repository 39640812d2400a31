"""A CoAP endpoint of a device that is made of aiocoap: its message, token, block-wise and observe layers."""

from __future__ import annotations

import asyncio
import logging
from math import inf
from typing import TYPE_CHECKING, Any, Final

import aiocoap
from aiocoap import error as coap_error
from aiocoap.pipe import Pipe
from aiocoap.tokenmanager import TokenManager

from simulator.coap.call import Result
from simulator.coap.exchange import Failure
from simulator.stacks.layers import OSCORE_SLACK, DatagramMessages, PeerAddress, SeededMessages, StackContext
from simulator.stacks.messages import failure_of, new_message, own_options, tuning
from simulator.stacks.site import DeviceSite

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from simulator.coap.exchange import Response
    from simulator.coap.message import Options
    from simulator.coap.owner import Chance
    from simulator.coap.params import TransmissionParameters
    from simulator.stacks.oscore import OscoreContext
    from simulator.stacks.site import DeviceHandler, StackObservation

log = logging.getLogger(__name__)

LOGGER: Final = "simulator.stacks.aiocoap"
"""Where aiocoap's own messages go. Its warnings tell of what peers and links do, which is what a run is about and is
recorded as events; errors are passed on."""
logging.getLogger(LOGGER).setLevel(logging.ERROR)


TOKEN_MAX: Final = 8


class StackCall:
    """One request of the device, with its whole body, and whoever waits for the answer."""

    __slots__ = ("done", "response", "timer")

    def __init__(self, response: asyncio.Future[Any], done: Callable[[Result], None], timer: asyncio.Handle) -> None:
        self.response = response
        self.done = done
        self.timer = timer


class Asked:
    """One request for one message: a block of a download."""

    __slots__ = ("failed", "stop", "taken")

    def __init__(self, taken: Callable[[Any], None], failed: Callable[[Failure], None]) -> None:
        self.taken = taken
        self.failed = failed
        self.stop: Callable[[], None] = lambda: None


class AiocoapEndpoint:
    """An endpoint towards one peer over datagrams.

    Must be made inside a running event loop, whose time it lives by: aiocoap sets its timers there.

    Args:
        transmit: takes each outgoing datagram.
        chance: the random parts; a stream of this endpoint's own.
        handler: answers requests; without one every request gets 4.04.
        params: transmission parameters of RFC 7252 §4.8; NSTART is 1 whatever they say.
        now: the device's time.
        szx: the largest block that this side wants, as an exponent.
        oscore: protects everything (RFC 8613).
    """

    def __init__(
        self,
        transmit: Callable[[bytes], None],
        chance: Chance,
        handler: DeviceHandler | None,
        params: TransmissionParameters,
        now: Callable[[], float],
        *,
        szx: int,
        oscore: OscoreContext | None = None,
    ) -> None:
        self._send = transmit
        self._params = params
        self._now = now
        self.szx = szx
        self.closed = False
        self.armed = self.deadline = inf
        """aiocoap sets its own timers."""
        self.messages_in = self.messages_out = self.bytes_in = self.bytes_out = 0
        self.retransmissions = self.duplicates = 0
        self._calls: set[StackCall] = set()
        self._asked: set[Asked] = set()
        self._loop = asyncio.get_running_loop()
        self.wire_peer = PeerAddress(szx) if oscore is None else PeerAddress(6, OSCORE_SLACK)
        protected = oscore is not None
        self._site = None if handler is None else DeviceSite(self, handler, params, szx, now, protected=protected)
        self._context = context = StackContext(self._site, LOGGER)
        self._tokens = TokenManager(context)
        self._tokens._token = chance.getrandbits(32)  # noqa: SLF001  aiocoap takes no seed
        self._messages = SeededMessages(self._tokens, chance, self)
        self._messages.message_interface = DatagramMessages(self, self.wire_peer)
        self._tokens.token_interface = self._messages
        self._requests, self._peer = self._tokens, self.wire_peer
        if oscore is not None:
            self._requests, self._peer = oscore.protect_endpoint(context, self._site, self.wire_peer, szx)
        context.request_interfaces.append(self._tokens)

    @property
    def observations(self) -> Sequence[StackObservation]:
        """What the peer observes here."""
        return () if self._site is None else self._site.observations

    def send_by(self, transmit: Callable[[bytes], None]) -> None:
        """Send by something else from now on: a port that is open only later."""
        self._send = transmit

    # -- datagrams -------------------------------------------------------------------------------------------------

    def transmit(self, datagram: bytes) -> None:
        """Send one datagram as it is."""
        if not self.closed:
            self.messages_out += 1
            self.bytes_out += len(datagram)
            self._send(datagram)

    def receive(self, data: bytes, now: float) -> None:  # noqa: ARG002  as the engine's
        """Take one datagram from the peer. Nothing that it may hold raises."""
        if self.closed:
            return
        self.messages_in += 1
        self.bytes_in += len(data)
        if data and data[0] & 0xF > TOKEN_MAX:
            return  # RFC 7252 §3: a message format error; aiocoap would answer with such a token
        try:
            message = aiocoap.Message.decode(data, self.wire_peer)
        except (coap_error.Error, ValueError, IndexError) as error:
            log.debug("no message, dropped: %s", error)
            return
        message.transport_tuning = tuning(self._params)
        try:
            self._messages.dispatch_message(message)
        except Exception:
            log.exception("aiocoap did not get over a message of %d bytes", len(data))

    def unreachable(self, now: float) -> None:  # noqa: ARG002  as the engine's
        """The network says that nobody listens at the peer's address: fail all that waits."""
        if not self.closed:
            self._messages.dispatch_error(ConnectionRefusedError("nobody listens there"), self.wire_peer)

    def expire(self, now: float) -> None:
        """Nothing: aiocoap has timers of its own."""

    # -- requests --------------------------------------------------------------------------------------------------

    def call(self, code: int, options: Options, body: bytes, done: Callable[[Result], None]) -> StackCall:
        """Send a request whole, in blocks where it is long, and give its whole answer to ``done``."""
        message = new_message(code, options, body, tuning(self._params))
        message.remote = self._peer
        response = self._context.request(message).response
        # An acknowledged request whose response never comes would wait for ever.
        timer = self._loop.call_later(self._params.EXCHANGE_LIFETIME, self._give_up, response)
        call = StackCall(response, done, timer)
        self._calls.add(call)
        response.add_done_callback(lambda _: self._answered(call))
        return call

    @staticmethod
    def _give_up(response: asyncio.Future[Any]) -> None:
        response.cancel()

    def _answered(self, call: StackCall) -> None:
        call.timer.cancel()
        cancelled = call.response.cancelled()
        # Asked for in any case: what nobody asks for, asyncio reports.
        error = None if cancelled else call.response.exception()
        if call not in self._calls:
            return
        self._calls.discard(call)
        if cancelled:
            call.done(Result(0, [], b"", Failure.TIMEOUT, False))
        elif error is None:
            answer = call.response.result()
            call.done(Result(int(answer.code), own_options(answer), answer.payload, None, False))
        else:
            plain = getattr(error, "plain_message", None)
            # Of an answer without OSCORE only an error is believed (RFC 8613 §8.4): the peer has lost its context.
            code = int(plain.code) if plain is not None and not plain.code.is_successful() else 0
            call.done(Result(code, [], b"", None if code else self._failure(error), False))

    @staticmethod
    def _failure(error: BaseException | type[BaseException]) -> Failure:
        failure = failure_of(error)
        if failure is None:
            log.error("aiocoap ended a request with %r", error)
            return Failure.PROTOCOL
        return failure

    def finish(self, call: StackCall) -> None:
        """A call needs no answer any more."""
        if call in self._calls:
            self._calls.discard(call)
            call.timer.cancel()
            call.response.cancel()

    def ask(
        self,
        code: int,
        options: Options,
        taken: Callable[[Any], None],
        failed: Callable[[Failure], None],
    ) -> Asked:
        """Send a request without body for one message, which is given to ``taken`` as aiocoap has it."""
        message = new_message(code, options, b"", tuning(self._params))
        message.remote = self._peer
        asked = Asked(taken, failed)
        pipe = Pipe(message, self._context.log)
        asked.stop = pipe.on_event(lambda event: self._took(asked, event))
        self._asked.add(asked)
        self._requests.request(pipe)
        return asked

    def _took(self, asked: Asked, event: Any) -> bool:
        if asked in self._asked:
            if event.message is not None:
                self._asked.discard(asked)
                asked.taken(event.message)
            else:
                # Not in this turn: aiocoap is about to tell others of the same, and must not be closed meanwhile.
                self._loop.call_soon(self._fail, asked, self._failure(event.exception))
        return False

    def _fail(self, asked: Asked, failure: Failure) -> None:
        if asked in self._asked:
            self._asked.discard(asked)
            asked.failed(failure)

    def drop(self, asked: Asked) -> None:
        """A request for one message needs no answer any more."""
        if asked in self._asked:
            self._asked.discard(asked)
            asked.stop()

    # -- observations ----------------------------------------------------------------------------------------------

    def notify(self, observation: StackObservation, answer: Response, *, confirmable: bool) -> None:
        """Send one notification; an error code ends the observation. Nothing where it has ended already."""
        if self._site is not None and observation in self._site.observations:
            self._site.notify(observation, answer, confirmable=confirmable)

    def end_observation(self, observation: StackObservation, now: float) -> None:  # noqa: ARG002  as the engine's
        """Forget one observation, without a word to the peer, and tell the handler."""
        if self._site is not None:
            self._site.ended(observation)

    # -- end -------------------------------------------------------------------------------------------------------

    def close(self, now: float) -> None:
        """Stop for good: nothing is sent or taken from now on, and all that waits fails with Failure.CLOSED."""
        if self.closed:
            return
        self.closed = True
        calls, self._calls = self._calls, set()
        asked, self._asked = self._asked, set()
        if self._site is not None:
            self._site.close(now)
        for one in asked:
            one.stop()
        for call in calls:
            call.timer.cancel()
            call.response.cancel()
        self._context.close()
        for call in calls:
            call.done(Result(0, [], b"", Failure.CLOSED, False))
        for one in asked:
            one.failed(Failure.CLOSED)


__all__ = ["LOGGER", "AiocoapEndpoint", "Asked", "StackCall"]
