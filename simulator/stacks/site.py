"""What aiocoap serves in the name of a device: requests go to its handler, and observations are kept."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Protocol

from aiocoap import interfaces

from simulator.coap.block import Block
from simulator.coap.codes import (
    BAD_OPTION,
    BAD_REQUEST,
    BLOCK1,
    CONTENT,
    FETCH,
    GET,
    OBSERVE,
    UNAUTHORIZED,
)
from simulator.coap.exchange import Response
from simulator.coap.message import uint_bytes
from simulator.coap.observe import OBSERVATIONS_MAX
from simulator.coap.option_check import bad_option
from simulator.coap.requests import put_option
from simulator.coap.uploads import BODY_MAX, too_large
from simulator.stacks.blocks import StreamedUploads, asked_block, cut
from simulator.stacks.messages import new_message, own_message, tuning

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.coap.exchange import Upload
    from simulator.coap.message import Message
    from simulator.coap.params import TransmissionParameters

SEQUENCE_MODULUS: Final = 1 << 24


class DeviceHandler(Protocol):
    """The device, as its server sees it; it answers at once."""

    def on_request(self, endpoint: Any, request: Message, now: float) -> Response:
        """Answer a request with its whole body."""

    def open_upload(self, endpoint: Any, request: Message, now: float) -> Upload | Response | None:
        """A block-wise request begins: an Upload takes its body, a Response refuses it, None has it joined."""

    def on_observation_ended(self, endpoint: Any, key: object, now: float) -> None:
        """The peer cancelled an observation, answered it with a Reset, or did not answer at all."""


class StackObservation:
    """One observation of the peer: what it is about, where notifications go in, and what waits for its end."""

    __slots__ = ("asked", "end", "key", "pipe", "token")

    def __init__(self, token: bytes, key: object, asked: Block | None, pipe: Any) -> None:
        self.token = token
        self.key = key
        self.asked = asked
        self.pipe = pipe
        self.end: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class DeviceSite(interfaces.Resource):  # type: ignore[misc]  # aiocoap has no types
    """The root resource of one device.

    Args:
        endpoint: what the handler is told of.
        handler: answers; None answers everything with 4.04.
        params: transmission parameters.
        szx: the largest size exponent of this side.
        now: the device's time.
        protected: refuse what does not come in an OSCORE message with 4.01.
    """

    def __init__(
        self,
        endpoint: Any,
        handler: DeviceHandler,
        params: TransmissionParameters,
        szx: int,
        now: Callable[[], float],
        *,
        protected: bool,
    ) -> None:
        super().__init__()
        self._endpoint = endpoint
        self._handler = handler
        self._params = params
        self._szx = szx
        self._now = now
        self._protected = protected
        self._uploads = StreamedUploads(szx, params.EXCHANGE_LIFETIME, now)
        self._sequence = 0
        self._tokenless = 0
        self.observations: list[StackObservation] = []

    def close(self, now: float) -> None:
        """Forget the observations, and give up what is on its way."""
        observations, self.observations = self.observations, []
        for observation in observations:
            observation.end.cancel()
        self._uploads.close(now)

    # -- for aiocoap -----------------------------------------------------------------------------------------------

    async def render_to_pipe(self, pipe: Any) -> None:
        """Answer one request; for an observation, stay until it ends."""
        request = pipe.request
        message = self._read(request)
        refusal = self._refusal(request, message)
        if refusal is not None:
            pipe.add_response(self._whole(refusal), is_last=True)
        elif request.opt.observe == 0 and message.code in (GET, FETCH) and request.opt.block1 is None:
            await self._observe(pipe, message)
        else:
            await self._render_to_pipe(pipe)

    async def needs_blockwise_assembly(self, request: Any) -> bool:
        """Whether aiocoap joins the blocks of the request and cuts the response; a GET is answered anew each time."""
        return int(request.code) != GET

    async def render(self, request: Any) -> Any:
        """Answer a whole request."""
        return self._reply(request, self._handler.on_request(self._endpoint, self._read(request), self._now()))

    # -- requests --------------------------------------------------------------------------------------------------

    def _read(self, request: Any) -> Message:
        message = own_message(request)
        if not message.token:
            # Inside OSCORE there is no token; what is observed is known by it.
            self._tokenless += 1
            message.token = self._tokenless.to_bytes(8, "big")
        return message

    def _refusal(self, request: Any, message: Message) -> Response | None:
        """The answer to a request that goes no further: refused, or one block of several that was taken."""
        if self._protected and request.remote is self._endpoint.wire_peer:
            return Response(UNAUTHORIZED)
        refused = bad_option(message)
        if refused >= 0:
            return Response(BAD_OPTION, f"option {refused}".encode())
        block = asked_block(request.opt.block1)
        if block is None:
            return None
        answer = self._uploads.take(message, block, self._open_upload)
        if answer is None and block.start + len(message.payload) > BODY_MAX:
            answer = too_large(BODY_MAX)
            answer.options = put_option(answer.options, BLOCK1, block._replace(more=False).to_bytes())
        return answer

    def _open_upload(self, request: Message, now: float) -> Upload | Response | None:
        return self._handler.open_upload(self._endpoint, request, now)

    def _whole(self, response: Response) -> Any:
        return new_message(response.code, response.options, response.payload, tuning(self._params))

    def _reply(self, request: Any, response: Response) -> Any:
        """The message of an answer; of a large representation, the block that was asked for."""
        if response.code == CONTENT and int(request.code) == GET:
            return self._part(response, asked_block(request.opt.block2))
        return self._whole(response)

    def _part(self, response: Response, asked: Block | None) -> Any:
        found = cut(response.payload, response.options, asked, self._szx)
        if found is None:
            return self._whole(Response(BAD_REQUEST, b"no such block"))
        return self._whole(Response(response.code, found[1], found[0]))

    # -- observations ----------------------------------------------------------------------------------------------

    async def _observe(self, pipe: Any, message: Message) -> None:
        response = self._handler.on_request(self._endpoint, message, self._now())
        asked = asked_block(pipe.request.opt.block2)
        accepted = response.code == CONTENT and response.observe_key is not None
        if not accepted or len(self.observations) >= OBSERVATIONS_MAX or (asked is not None and asked.num):
            pipe.add_response(self._part(response, asked), is_last=True)
            return
        observation = StackObservation(message.token, response.observe_key, asked, pipe)
        self.observations.append(observation)
        try:
            response.options = put_option(response.options, OBSERVE, self._next_sequence())
            pipe.add_response(self._part(response, asked), is_last=False)
            # aiocoap cancels this as soon as nobody listens any more.
            await observation.end
        finally:
            self.ended(observation)

    def _next_sequence(self) -> bytes:
        """One row of numbers for all observations, so that one that is renewed goes on with larger ones."""
        self._sequence = (self._sequence + 1) % SEQUENCE_MODULUS
        return uint_bytes(self._sequence)

    def notify(self, observation: StackObservation, response: Response, *, confirmable: bool) -> None:
        """Send one notification; one that is not 2.05 is the last (RFC 7641 §4.2)."""
        last = response.code != CONTENT
        if not last:
            response.options = put_option(response.options, OBSERVE, self._next_sequence())
        message = self._whole(response) if last else self._part(response, observation.asked)
        message.transport_tuning = tuning(self._params, confirmable)
        observation.pipe.add_response(message, is_last=last)
        if last:
            self.ended(observation)

    def ended(self, observation: StackObservation) -> None:
        """An observation is over; told once, and not after ``close``."""
        if observation in self.observations:
            self.observations.remove(observation)
            self._handler.on_observation_ended(self._endpoint, observation.key, self._now())


__all__ = ["DeviceHandler", "DeviceSite", "StackObservation"]
