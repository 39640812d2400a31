"""A pull over CoAP on a datagram port (RFC 7252, 7959), with DTLS below it for coaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.coap.block import szx_for
from simulator.coap.exchange import Failure
from simulator.coap.requests import parse_uri, request_options
from simulator.device.progress import Progress
from simulator.device.pull import Pull
from simulator.device.secure import NoCredentialError, dtls_of, reason_of, waits_for, wire_of
from simulator.device.stacks import ENGINE
from simulator.device.thinking import thinking
from simulator.lwm2m.firmware_table import Event
from simulator.ports import Address

if TYPE_CHECKING:
    from simulator.device.device import Device
    from simulator.device.stacks import CoapEndpoint, Fetching, Stack
    from simulator.ports import DatagramPort


class CoapPull(Pull):
    """A download with a port and an endpoint of its own.

    Raises:
        ValueError: the Package URI cannot be used.
    """

    __slots__ = ("_download", "_endpoint", "_port", "_stack", "_uri")

    def __init__(self, device: Device, uri: str, offset: int, etag: bytes) -> None:
        self._uri = parse_uri(uri)
        self._port: DatagramPort | None = None
        self._stack: Stack = device.stack if self._uri.scheme == "coap" else ENGINE
        self._endpoint: CoapEndpoint | None = None
        self._download: Fetching | None = None
        super().__init__(device, self._uri.scheme, offset, etag)

    async def start(self) -> None:
        """Open the port and ask for the first block."""
        device = self._device
        world, plan = device.world, device.plan
        try:
            host = await self._resolve(self._uri.host)
            network = self._network(self.scheme, self._uri.host)
            receiver = thinking(self, plan.think_time_s)
            port = await network.open_datagram(Address(host, self._uri.port), receiver)
        except NoCredentialError as error:
            self._without_credential(error)
            return
        except OSError as error:
            self._cause = reason_of(error)
            self._end(Event.URI_INVALID, world.now())
            return
        if self._ended:
            port.close()
            return
        self._port = port
        szx = szx_for(plan.block_size)
        self._endpoint = self._stack.endpoint(device, port.send, "download", serves=False, szx=szx)
        self._ask()

    def failed(self, failure: Failure | None, code: int, now: float) -> None:
        """As for every transport; a request that timed out may have waited for the end of a handshake."""
        if failure is Failure.TIMEOUT:
            self._cause = waits_for(self._port)
        super().failed(failure, code, now)

    def _ask(self) -> None:
        assert self._endpoint is not None
        offset, szx = self._place(szx_for(self._device.plan.block_size))
        self._download = self._stack.download(
            self._device,
            request_options(self._uri.path, self._uri.query),
            self,
            szx,
            offset=offset,
            etag=self._etag,
        )
        self._download.start(self._endpoint, self._device.world.now())

    @property
    def _keeps_connection(self) -> bool:
        return dtls_of(self._port) is None

    def _ask_again(self) -> None:
        """Over DTLS by a new connection: behind a NAT that gave the device another port, the old one leads nowhere."""
        dtls = dtls_of(self._port)
        if dtls is not None:
            dtls.reconnect()
        self._ask()

    def _progress(self) -> Progress | None:
        download, endpoint = self._download, self._endpoint
        if download is None or endpoint is None:
            return None
        return Progress(
            download.size,
            download.received,
            download.etag,
            download.blocks,
            download.block_us,
            *wire_of(self._port, (endpoint.bytes_in, endpoint.bytes_out)),
            endpoint.retransmissions,
            endpoint.duplicates,
        )

    def _let_go(self, now: float) -> None:
        download, endpoint, port = self._download, self._endpoint, self._port
        self._download = self._endpoint = self._port = None
        if endpoint is not None:
            if download is not None:
                download.stop(endpoint, now)
            endpoint.close(now)
            self._device.world.deadlines.disarm(endpoint)
        if port is not None:
            port.close()

    # -- from the port ---------------------------------------------------------------------------------------------

    def on_datagram(self, data: bytes, peer: Address) -> None:  # noqa: ARG002
        """A datagram of the package origin."""
        if self._endpoint is not None:
            self._endpoint.receive(data, self._device.world.now())

    def on_datagram_error(self, error: OSError) -> None:
        """Nobody listens at the origin, or the handshake has failed."""
        self._cause = reason_of(error)
        if self._endpoint is not None:
            self._endpoint.unreachable(self._device.world.now())
