"""A pull over CoAP on a stream port (RFC 8323), with TLS below it for coaps+tcp."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from simulator.coap.block import SZX_BERT, SZX_MAX, szx_for
from simulator.coap.download import Download
from simulator.coap.requests import parse_uri, request_options
from simulator.device.progress import Progress
from simulator.device.pull import Pull, UnknownHostError
from simulator.device.secure import NoCredentialError, reason_of, wire_of
from simulator.lwm2m.firmware_table import Event
from simulator.ports import Address
from simulator.transport.coap_tcp import CoapTcpConnection

if TYPE_CHECKING:
    from simulator.coap.exchange import Failure
    from simulator.device.device import Device

MESSAGE_MAX: Final = (32 << 10) + 256
"""Longest message that a pull takes: 32 blocks of 1024 bytes with their options. What has come of one is in memory."""
RECORD_MAX: Final = 1 << 14
"""The same over TLS: what one record holds (RFC 8446 §5.1). Of a longer message libcoap 4.3.1 writes each record by
itself, and the last one waits for an acknowledgement (RFC 896), which a system may delay: 44 ms a message on Linux."""


class CoapTcpPull(Pull):
    """A download with a connection of its own; another attempt has another connection.

    A device whose block size is the largest, 1024, takes several blocks in one message (BERT), and the whole package
    where it fits into one.

    Raises:
        ValueError: the Package URI cannot be used.
    """

    __slots__ = ("_connection", "_download", "_opening", "_uri")

    def __init__(self, device: Device, uri: str, offset: int, etag: bytes) -> None:
        self._uri = parse_uri(uri)
        self._connection: CoapTcpConnection | None = None
        self._download: Download | None = None
        self._opening: asyncio.Task[None] | None = None
        super().__init__(device, self._uri.scheme, offset, etag)

    async def start(self) -> None:
        """Begin to connect."""
        if not self._ended:
            self._ask()

    def _ask(self) -> None:
        device = self._device
        now = device.world.now()
        self._give_up(now)
        szx = szx_for(device.plan.block_size)
        offset, szx = self._place(SZX_BERT if szx == SZX_MAX else szx)
        self._download = download = Download(
            request_options(self._uri.path, self._uri.query),
            self,
            szx,
            offset=offset,
            etag=self._etag,
        )
        self._connection = connection = CoapTcpConnection(
            device.world.now,
            device.chance,
            None,
            device.world.deadlines.arm,
            params=device.plan.parameters,
            max_message_size=MESSAGE_MAX if self.scheme == "coap+tcp" else RECORD_MAX,
        )
        self._opening = device.world.spawn(self._connect(connection, download))

    async def _connect(self, connection: CoapTcpConnection, download: Download) -> None:
        device = self._device
        try:
            address = Address(await self._resolve(self._uri.host), self._uri.port)
            network = self._network(self.scheme, self._uri.host)
        except UnknownHostError as error:
            self._opening = None
            self._cause = str(error)
            self._end(Event.URI_INVALID, device.world.now())
            return
        except NoCredentialError as error:
            self._opening = None
            self._without_credential(error)
            return
        # It waits within the connection until that stands and the peer's CSM has come, and fails with it.
        download.start(connection.endpoint, device.world.now())
        try:
            await connection.connect(network, address)
        except OSError:
            return
        if self._connection is connection:
            self._opening = None

    def failed(self, failure: Failure | None, code: int, now: float) -> None:
        """As for every transport; the connection knows more of why."""
        if self._connection is not None:
            self._cause = reason_of(self._connection.error)
        super().failed(failure, code, now)

    def _progress(self) -> Progress | None:
        download, connection = self._download, self._connection
        if download is None or connection is None:
            return None
        return Progress(
            download.size,
            download.received,
            download.etag,
            download.blocks,
            download.block_us,
            *wire_of(connection.port, (connection.endpoint.bytes_in, connection.endpoint.bytes_out)),
        )

    def _let_go(self, now: float) -> None:
        download, connection, opening = self._download, self._connection, self._opening
        self._download = self._connection = self._opening = None
        if connection is not None:
            if download is not None:
                download.stop(connection.endpoint, now)
            connection.close()
            self._device.world.deadlines.disarm(connection.endpoint)
        if opening is not None and opening is not asyncio.current_task():
            opening.cancel()
