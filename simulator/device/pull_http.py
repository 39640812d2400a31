"""A pull over HTTP/1.1 (RFC 9110, 9112)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.device.pull import Progress, Pull, UnknownHostError
from simulator.lwm2m.firmware_table import Event
from simulator.transport.http import HttpClient, SchemeNotSupportedError, plain_streams
from simulator.transport.http_uri import parse_http_uri

if TYPE_CHECKING:
    from simulator.coap.exchange import Failure
    from simulator.device.device import Device


class HttpPull(Pull):
    """A download with connections of its own, one for each request that it takes.

    Raises:
        ValueError: the Package URI cannot be used.
    """

    __slots__ = ("_client", "_uri")

    def __init__(self, device: Device, uri: str, offset: int, etag: bytes) -> None:
        self._uri = uri
        self._client: HttpClient | None = None
        super().__init__(device, parse_http_uri(uri).scheme, offset, etag)

    async def start(self) -> None:
        """Begin to connect."""
        if not self._ended:
            self._ask()

    def _ask(self) -> None:
        device = self._device
        world = device.world
        progress = self._progress()
        if progress is not None:
            wire_in, wire_out = self._wire_before
            self._wire_before = (wire_in + progress.wire_in, wire_out + progress.wire_out)
        self._let_go(world.now())
        self._client = HttpClient(
            self._uri,
            self,
            plain_streams(device.download_network, self._resolve),
            world.deadlines,
            world.now,
            offset=self._offset,
            etag=self._etag,
        )
        self._client.start()

    def failed(self, failure: Failure | None, code: int, now: float) -> None:
        """As for every transport, but for a host without an address or a redirect to https, which shows only here."""
        error = self._client.download.error if self._client is not None else None
        if isinstance(error, UnknownHostError):
            self._end(Event.URI_INVALID, now)
        elif isinstance(error, SchemeNotSupportedError):
            self._end(Event.SCHEME_UNSUPPORTED, now)
        else:
            super().failed(failure, code, now)

    def _progress(self) -> Progress | None:
        if self._client is None:
            return None
        download = self._client.download
        return Progress(
            download.size,
            download.received,
            download.etag,
            download.blocks,
            download.block_us,
            download.wire_in,
            download.wire_out,
        )

    def _let_go(self, now: float) -> None:  # noqa: ARG002
        client, self._client = self._client, None
        if client is not None:
            client.stop()
