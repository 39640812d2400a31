"""A package that the device fetches from its Package URI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.coap.block import szx_for
from simulator.coap.download import Download
from simulator.coap.endpoint import Endpoint
from simulator.coap.exchange import Failure
from simulator.coap.requests import CoapUri, parse_uri, request_options
from simulator.events import TransferEnded
from simulator.lwm2m.firmware_table import Event
from simulator.ports import Address

if TYPE_CHECKING:
    from simulator.device.device import Device
    from simulator.ports import DatagramPort


class Pull:
    """One download of one device: a port and an endpoint of its own, gone when it ends.

    Raises:
        ValueError: the Package URI cannot be used.
    """

    __slots__ = (
        "_device",
        "_download",
        "_ended",
        "_endpoint",
        "_etag",
        "_offset",
        "_port",
        "_resumes",
        "_retries",
        "_started",
        "_uri",
    )

    def __init__(self, device: Device, uri: str, *, offset: int = 0, etag: bytes = b"") -> None:
        self._device = device
        self._uri: CoapUri = parse_uri(uri)
        self._started = device.world.now()
        self._offset = offset
        self._etag = etag
        self._resumes = offset > 0
        """Whether the first answer has yet to show that it is still the same representation."""
        self._retries = device.profile.extra_pull_retries
        self._port: DatagramPort | None = None
        self._endpoint: Endpoint | None = None
        self._download: Download | None = None
        self._ended = False

    @property
    def etag(self) -> bytes:
        """The ETag of what is being fetched, for a resumption."""
        return self._etag if self._download is None else self._download.etag

    async def start(self) -> None:
        """Open the port and ask for the first block; the rest happens as datagrams arrive."""
        device = self._device
        world, plan = device.world, device.plan
        try:
            host = await world.resolve(self._uri.host)
            port = await device.download_network.open_datagram(Address(host, self._uri.port), self)
        except OSError:
            self._end(Event.URI_INVALID, world.now())
            return
        if self._ended:
            port.close()
            return
        self._port = port
        self._endpoint = Endpoint(
            port.send,
            device.chance,
            params=plan.parameters,
            szx=szx_for(plan.block_size),
            alarm=world.deadlines.arm,
        )
        self._begin()

    def _begin(self) -> None:
        assert self._endpoint is not None
        szx = szx_for(self._device.plan.block_size)
        # A server that cut into smaller blocks may have left an offset that is no multiple of ours: begin anew.
        offset = 0 if self._offset % (16 << szx) else self._offset
        options = request_options(self._uri.path, self._uri.query)
        self._download = Download(options, self, szx, offset=offset, etag=self._etag)
        self._download.start(self._endpoint, self._device.world.now())

    # -- from the port ---------------------------------------------------------------------------------------------

    def on_datagram(self, data: bytes, peer: Address) -> None:  # noqa: ARG002
        """A datagram of the package origin."""
        if self._endpoint is not None:
            self._endpoint.receive(data, self._device.world.now())

    def on_datagram_error(self, error: OSError) -> None:  # noqa: ARG002
        """Nobody listens at the origin."""
        if self._endpoint is not None:
            self._endpoint.unreachable(self._device.world.now())

    # -- from the download -----------------------------------------------------------------------------------------

    def begin(self, size: int, etag: bytes, offset: int, now: float) -> bool:  # noqa: ARG002
        """The first bytes are about to come.

        A server that gives no ETag with a block in the middle (libcoap's, to a port that it did not know) does not say
        that it is a block of the same representation, so the download begins anew.
        """
        resumes, self._resumes = self._resumes, False
        if resumes and offset and not etag:
            self._offset, self._etag = 0, b""
            self._begin()
            return False
        self._device.receiver.begin(offset)
        return True

    def write(self, data: bytes, now: float) -> bool:
        """Store the next bytes."""
        event = self._device.receiver.write(data)
        if event is None:
            return True
        self._end(event, now)
        return False

    def complete(self, now: float) -> None:
        """All bytes are stored."""
        self._end(self._device.receiver.finish(), now)

    def failed(self, failure: Failure | None, code: int, now: float) -> None:
        """No answer, or an error of the origin."""
        if failure is None:
            self._end(self._device.profile.pull_failed(code), now)
        elif failure is Failure.TIMEOUT and self._retries > 0 and self._download is not None:
            self._retries -= 1
            self._offset, self._etag = self._device.receiver.flash.written, self._download.etag
            self._begin()
        else:
            self._end(Event.CONNECTION_LOST, now)

    # -- end -------------------------------------------------------------------------------------------------------

    def stop(self, now: float) -> None:
        """Stop without an event: the server cancelled, or the device goes down."""
        if not self._ended:
            self._ended = True
            self._record("unknown", now)
            self._close(now)

    def _end(self, event: Event, now: float) -> None:
        if self._ended:
            return
        self._ended = True
        self._device.transfer_ended(event, now)
        self._record("ok" if event is Event.DOWNLOAD_COMPLETED else "fail", now)
        self._close(now)
        self._device.act(now)

    def _close(self, now: float) -> None:
        download, endpoint, port = self._download, self._endpoint, self._port
        self._etag = self.etag
        # The three refer back to this object: what is let go of here needs no garbage collector.
        self._download = self._endpoint = self._port = None
        if endpoint is not None:
            if download is not None:
                download.stop(endpoint, now)
            endpoint.close(now)
            self._device.world.deadlines.disarm(endpoint)
        if port is not None:
            port.close()

    def _record(self, outcome: str, now: float) -> None:
        device, download, endpoint = self._device, self._download, self._endpoint
        result = int(device.firmware.machine.result) if outcome != "unknown" else 0
        device.world.sink.emit(
            TransferEnded(
                now,
                device.plan.index,
                self._uri.scheme,
                "pull",
                self._started,
                download.size if download else -1,
                download.received if download else 0,
                endpoint.bytes_in if endpoint else 0,
                endpoint.bytes_out if endpoint else 0,
                download.blocks if download else 0,
                endpoint.retransmissions if endpoint else 0,
                endpoint.duplicates if endpoint else 0,
                outcome,
                result,
                download.block_us.tolist() if download else [],
            )
        )
