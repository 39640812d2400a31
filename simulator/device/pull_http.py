"""A pull over HTTP/1.1 (RFC 9110, 9112), with TLS below it for https."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.device.progress import Progress
from simulator.device.pull import Pull, UnknownHostError
from simulator.device.secure import NoCredentialError, reason_of, wire_of
from simulator.lwm2m.firmware_table import Event
from simulator.ports import Address
from simulator.transport.http import HttpClient, SchemeNotSupportedError
from simulator.transport.http_uri import parse_http_uri

if TYPE_CHECKING:
    from simulator.coap.exchange import Failure
    from simulator.device.device import Device
    from simulator.ports import StreamPort, StreamReceiver
    from simulator.transport.http_uri import HttpUri


class HttpPull(Pull):
    """A download with connections of its own, one for each request that it takes.

    Raises:
        ValueError: the Package URI cannot be used.
    """

    __slots__ = ("_client", "_ports", "_uri")

    def __init__(self, device: Device, uri: str, offset: int, etag: bytes) -> None:
        self._uri = uri
        self._client: HttpClient | None = None
        self._ports: list[StreamPort] = []
        """The connections of the present attempt: one, but for redirects and where the package has changed."""
        super().__init__(device, parse_http_uri(uri).scheme, offset, etag)

    async def start(self) -> None:
        """Begin to connect."""
        if not self._ended:
            self._ask()

    def _ask(self) -> None:
        world = self._device.world
        self._give_up(world.now())
        self._client = HttpClient(
            self._uri,
            self,
            self._open,
            world.deadlines,
            world.now,
            offset=self._offset,
            etag=self._etag,
        )
        self._client.start()

    async def _open(self, uri: HttpUri, receiver: StreamReceiver) -> StreamPort:
        """A stream to the host of a URI, which may be one that the origin has redirected to.

        Raises:
            SchemeNotSupportedError: the device does not support the scheme.
            OSError: no address, no credential, no connection, or a handshake that failed.
        """
        if uri.scheme not in self._device.plan.protocols:
            msg = f"the device does not support {uri.scheme}"
            raise SchemeNotSupportedError(msg)
        address = Address(await self._resolve(uri.host), uri.port)
        port = await self._network(uri.scheme, uri.host).open_stream(address, receiver)
        self._ports.append(port)
        return port

    def failed(self, failure: Failure | None, code: int, now: float) -> None:
        """As for every transport, but for what shows only when a connection is opened."""
        download = self._client.download if self._client is not None else None
        error = download.error if download is not None else None
        self._cause = reason_of(error) or (download.reason if download is not None else "")
        if isinstance(error, UnknownHostError):
            self._end(Event.URI_INVALID, now)
        elif isinstance(error, SchemeNotSupportedError):
            self._end(Event.SCHEME_UNSUPPORTED, now)
        elif isinstance(error, NoCredentialError):
            self._without_credential(error)
        else:
            super().failed(failure, code, now)

    def _progress(self) -> Progress | None:
        if self._client is None:
            return None
        download = self._client.download
        plain = (0, 0)
        secure = [wire for port in self._ports if any(wire := wire_of(port, plain))]
        wire_in = sum(wire[0] for wire in secure) if secure else download.wire_in
        wire_out = sum(wire[1] for wire in secure) if secure else download.wire_out
        return Progress(
            download.size,
            download.received,
            download.etag,
            download.blocks,
            download.block_us,
            wire_in,
            wire_out,
        )

    def _let_go(self, now: float) -> None:  # noqa: ARG002
        client, self._client = self._client, None
        self._ports.clear()
        if client is not None:
            client.stop()
