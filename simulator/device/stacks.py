"""Whose CoAP a device speaks: that of the engine (simulator.coap), or that of aiocoap (simulator.stacks).

A stack makes endpoints and downloads, and sends what the device has to say by them. Which one it is, is said once.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Protocol

from simulator.coap.call import Call
from simulator.coap.download import Download
from simulator.coap.endpoint import Endpoint
from simulator.coap.observe import notify
from simulator.stacks.download import AiocoapDownload
from simulator.stacks.endpoint import AiocoapEndpoint

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Mapping, Sequence

    from simulator.coap.call import Result
    from simulator.coap.download import DownloadSink
    from simulator.coap.exchange import Response
    from simulator.coap.message import Options
    from simulator.device.device import Device
    from simulator.security.oscore import Oscore
    from simulator.stacks.oscore import OscoreContext


class Observed(Protocol):
    """An observation of the peer."""

    key: Any
    """What the handler has called it."""


class CoapEndpoint(Protocol):
    """What a device asks of an endpoint, whatever it is made of. Bytes are those of datagrams or of the stream."""

    szx: int
    closed: bool
    messages_in: int
    messages_out: int
    bytes_in: int
    bytes_out: int
    retransmissions: int
    duplicates: int

    @property
    def observations(self) -> Sequence[Observed]:
        """What the peer observes here."""

    def send_by(self, transmit: Callable[[bytes], None]) -> None:
        """Send datagrams by another function from now on."""

    def receive(self, data: bytes, now: float) -> None:
        """Take one datagram."""

    def unreachable(self, now: float) -> None:
        """The network says that nobody listens at the peer's address."""

    def end_observation(self, observation: Any, now: float) -> None:
        """Forget one observation, without a word to the peer, and tell the handler."""

    def close(self, now: float) -> None:
        """Stop for good."""


class Fetching(Protocol):
    """A download in blocks, and how far it is."""

    size: int
    received: int
    etag: bytes
    blocks: int
    block_us: array[int]

    def start(self, endpoint: Any, now: float) -> None:
        """Ask for the first block."""

    def stop(self, endpoint: Any, now: float) -> None:
        """Stop without telling the sink."""


class Stack(Protocol):
    """One implementation of CoAP over datagrams; endpoints are its own."""

    def endpoint(
        self, device: Device, transmit: Callable[[bytes], None], purpose: str, *, serves: bool, szx: int
    ) -> CoapEndpoint:
        """A new endpoint of a device.

        Args:
            device: whose it is.
            transmit: takes each outgoing datagram.
            purpose: ``management`` or ``download``: whose credentials.
            serves: whether the device answers requests there.
            szx: the largest block, as an exponent.
        """

    def call(
        self, endpoint: Any, code: int, options: Options, body: bytes, done: Callable[[Result], None], now: float
    ) -> object:
        """Send a request with its whole body; ``done`` gets the whole answer, once."""

    def finish(self, endpoint: Any, call: Any) -> None:
        """A call needs no answer any more."""

    def notify(self, endpoint: Any, observation: Any, answer: Response, now: float, *, confirmable: bool) -> None:
        """Send one notification; an error ends the observation."""

    def download(
        self, device: Device, options: Options, sink: DownloadSink, szx: int, *, offset: int, etag: bytes
    ) -> Fetching:
        """A download, not yet started; ``offset`` and ``etag`` are those of one before that was interrupted."""


class EngineStack:
    """The engine of this project."""

    def endpoint(
        self,
        device: Device,
        transmit: Callable[[bytes], None],
        purpose: str,  # noqa: ARG002  what is secure is below this stack
        *,
        serves: bool,
        szx: int,
    ) -> Endpoint:
        """A new endpoint."""
        alarm = device.world.deadlines.arm
        handler = device.world.handler(device) if serves else None
        return Endpoint(transmit, device.chance, handler, device.plan.parameters, szx=szx, alarm=alarm)

    def call(
        self, endpoint: Endpoint, code: int, options: Options, body: bytes, done: Callable[[Result], None], now: float
    ) -> Call:
        """Send a request."""
        call = Call(code, options, body, done, szx=endpoint.szx)
        call.start(endpoint, now)
        return call

    def finish(self, endpoint: Endpoint, call: Call) -> None:
        """Need no answer."""
        endpoint.finish(call)

    def notify(self, endpoint: Endpoint, observation: Any, answer: Response, now: float, *, confirmable: bool) -> None:
        """Send one notification."""
        notify(endpoint, observation, answer.code, answer.options, answer.payload, now, confirmable=confirmable)

    def download(
        self,
        device: Device,  # noqa: ARG002  the engine is told the time
        options: Options,
        sink: DownloadSink,
        szx: int,
        *,
        offset: int,
        etag: bytes,
    ) -> Download:
        """A download."""
        return Download(options, sink, szx, offset=offset, etag=etag)


class AiocoapStack:
    """aiocoap over the device's own port, with OSCORE where the device has a security context."""

    def endpoint(
        self, device: Device, transmit: Callable[[bytes], None], purpose: str, *, serves: bool, szx: int
    ) -> AiocoapEndpoint:
        """A new endpoint."""
        return AiocoapEndpoint(
            transmit,
            device.chance,
            device.world.handler(device) if serves else None,
            device.plan.parameters,
            device.world.now,
            szx=szx,
            oscore=_oscore_of(device, purpose),
        )

    def call(
        self,
        endpoint: AiocoapEndpoint,
        code: int,
        options: Options,
        body: bytes,
        done: Callable[[Result], None],
        now: float,  # noqa: ARG002  aiocoap lives by the event loop's time
    ) -> object:
        """Send a request."""
        return endpoint.call(code, options, body, done)

    def finish(self, endpoint: AiocoapEndpoint, call: Any) -> None:
        """Need no answer."""
        endpoint.finish(call)

    def notify(
        self,
        endpoint: AiocoapEndpoint,
        observation: Any,
        answer: Response,
        now: float,  # noqa: ARG002  aiocoap lives by the event loop's time
        *,
        confirmable: bool,
    ) -> None:
        """Send one notification."""
        endpoint.notify(observation, answer, confirmable=confirmable)

    def download(
        self, device: Device, options: Options, sink: DownloadSink, szx: int, *, offset: int, etag: bytes
    ) -> AiocoapDownload:
        """A download."""
        return AiocoapDownload(options, sink, szx, device.world.now, offset=offset, etag=etag)


def _oscore_of(device: Device, purpose: str) -> OscoreContext | None:
    """The security context of a device. It outlives reboots: its numbers must never come twice."""
    shared = device.world.credentials(device.plan, purpose).oscore
    if shared is None:
        return None
    from simulator.stacks.oscore import OscoreContext  # noqa: PLC0415  needs packages that may be missing

    if shared not in device.oscore:
        device.oscore = {**device.oscore, shared: OscoreContext(shared)}
    return device.oscore[shared]


NO_CONTEXTS: Final[Mapping[Oscore, OscoreContext]] = MappingProxyType({})
"""The security contexts of a device without OSCORE."""
ENGINE: Final = EngineStack()
STACKS: Final[Mapping[str, Stack]] = {"own": ENGINE, "aiocoap": AiocoapStack()}
"""By the names of the scenario's key ``stack``."""

__all__ = ["ENGINE", "NO_CONTEXTS", "STACKS", "AiocoapStack", "CoapEndpoint", "EngineStack", "Fetching", "Stack"]
