"""A package that the device fetches from its Package URI: what is the same for every transport.

A transport asks for the package and lets go of it (``pull_coap``, ``pull_coap_tcp``, ``pull_http``). What the bytes
lead to, when another attempt is made, and what is written down at the end is decided here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final

from simulator.coap.block import unit_shift
from simulator.coap.codes import code_text
from simulator.coap.exchange import Failure
from simulator.device.progress import Progress
from simulator.device.refetched import NOTHING_REACHED, Tally
from simulator.device.secure import NoCredentialError, network_for
from simulator.events import NOT_KNOWN, TransferEnded
from simulator.lwm2m.firmware_resources import Transfer
from simulator.lwm2m.firmware_table import Event

if TYPE_CHECKING:
    from simulator.device.device import Device
    from simulator.ports import Network


class UnknownHostError(OSError):
    """The host of a Package URI has no address."""


SMALLEST_BLOCK: Final = 16
RESUMED_AFTER: Final = frozenset({Failure.TIMEOUT, Failure.UNREACHABLE})
"""After these a device may take up its pull again; an origin that breaks the protocol would do so once more."""


class Pull(ABC):
    """One download of one device, with a connection of its own that is gone when it ends.

    It is the sink of its transport's download (``simulator.coap.download.DownloadSink``).

    Args:
        device: whose it is.
        scheme: of the Package URI, in lower case.
        offset: bytes that the flash has already.
        etag: of the representation that they are from.
    """

    __slots__ = (
        "_cause",
        "_device",
        "_ended",
        "_etag",
        "_offset",
        "_resends",
        "_resumes",
        "_retries",
        "_started",
        "_tally",
        "_waited_before",
        "_wire_before",
        "scheme",
    )

    def __init__(self, device: Device, scheme: str, offset: int, etag: bytes) -> None:
        self._device = device
        self.scheme = scheme
        self._started = device.world.now()
        self._waited_before = device.download_turns.so_far()
        self._offset = offset
        self._etag = etag
        self._resumes = offset > 0
        """Whether the first answer has yet to show that it is still the same representation."""
        self._resends = device.profile.extra_pull_retries
        self._retries = device.plan.pull_retries
        self._cause = ""
        """Why it failed, where a transport knows."""
        self._tally = Tally(device.firmware.package_uri, device.reached, offset)
        self._wire_before = (0, 0)
        """Bytes in and out of connections that were given up for another one."""
        self._ended = False

    # -- what a transport does -------------------------------------------------------------------------------------

    @abstractmethod
    async def start(self) -> None:
        """Open a connection and ask for the package; the rest happens as answers arrive."""

    @abstractmethod
    def _ask(self) -> None:
        """Ask for the package from ``_offset`` on, once more; whatever was asked for before is void."""

    @abstractmethod
    def _progress(self) -> Progress | None:
        """The present attempt; None before the first and after the end."""

    @abstractmethod
    def _let_go(self, now: float) -> None:
        """Close everything. Nothing may refer back to this object: what is let go of needs no garbage collector."""

    # -- for the transports ----------------------------------------------------------------------------------------

    def _give_up(self, now: float) -> None:
        """Close the connection of an attempt that another one follows."""
        progress = self._progress()
        if progress is not None:
            wire_in, wire_out = self._wire_before
            self._wire_before = (wire_in + progress.wire_in, wire_out + progress.wire_out)
        self._let_go(now)

    def _network(self, scheme: str, host: str) -> Network:
        """The network for an origin of this scheme.

        Raises:
            NoCredentialError: the device has nothing to show or to trust there.
        """
        return network_for(self._device, self._device.download_network, scheme, "download", host)

    def _without_credential(self, error: NoCredentialError) -> None:
        """There is nothing to begin a handshake with."""
        self._cause = str(error)
        self._end(self._device.profile.no_credential, self._device.world.now())

    async def _resolve(self, host: str) -> str:
        """The address of a host.

        Raises:
            UnknownHostError: it has none.
        """
        try:
            return await self._device.world.resolve(host)
        except OSError as error:
            msg = f"{host} has no address: {error}"
            raise UnknownHostError(msg) from error

    def _place(self, szx: int) -> tuple[int, int]:
        """Where a download in blocks goes on, with the size exponent for that: ``szx`` at the most.

        A server that cuts into smaller blocks may have left an offset that is no multiple of ours, but one of its own.
        """
        if self._offset % SMALLEST_BLOCK:
            return 0, szx
        while self._offset % (1 << unit_shift(szx)):
            szx -= 1
        return self._offset, szx

    @property
    def size(self) -> int:
        """Bytes of the whole package; -1 while the origin has not told."""
        progress = self._progress()
        return progress.size if progress is not None else NOT_KNOWN

    @property
    def under_way(self) -> int:
        """Bytes that it has brought while it goes on; 0 once its end is recorded."""
        progress = None if self._ended else self._progress()
        return 0 if progress is None else max(0, progress.received - self._tally.had)

    @property
    def etag(self) -> bytes:
        """The ETag of what is being fetched, for a resumption."""
        progress = self._progress()
        return self._etag if progress is None else progress.etag

    # -- from the download -----------------------------------------------------------------------------------------

    def begin(self, size: int, etag: bytes, offset: int, now: float) -> bool:
        """The first bytes are about to come.

        A server that gives no ETag with a block in the middle (libcoap's, to a port that it did not know) does not say
        that it is a block of the same representation, so the download begins anew.
        """
        resumes, self._resumes = self._resumes, False
        if resumes and offset and not etag:
            self._offset, self._etag = 0, b""
            self._ask()
            return False
        if self._device.firmware.download_begun():
            self._device.act_soon()
        receiver = self._device.receiver
        self._tally.begin(offset, receiver.flash.written)
        event = receiver.begin(offset, size)
        if event is not None:
            self._end(event, now)
        return event is None

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
        device = self._device
        if self._ended:
            return
        if failure is None:
            self._cause = f"the origin answered {code_text(code)}"
            self._end(device.profile.pull_failed(code), now)
        elif failure is Failure.TIMEOUT and self._resends > 0:
            self._resends -= 1
            self._take_up(failure, 0)
        elif failure in RESUMED_AFTER and self._retries > 0:
            self._retries -= 1
            self._take_up(failure, device.plan.pull_retries - self._retries - 1)
        else:
            self._cause = self._cause or failure.value
            self._end(Event.CONNECTION_LOST, now)

    def _take_up(self, failure: Failure, attempt: int) -> None:
        device = self._device
        self._etag = self.etag
        self._cause = ""
        self._offset = device.receiver.flash.written
        if not (failure is Failure.TIMEOUT and self._keeps_connection):
            # By another connection nobody can tell without an ETag whether it is still the same package.
            self._offset = self._offset if self._etag else 0
            self._resumes = self._offset > 0
        if failure is Failure.TIMEOUT:
            self._ask_again()  # it has waited already
        else:
            # A connection that is refused costs no time, so the wait is that of a message (RFC 7252 §4.2).
            device.world.spawn(self._ask_later(device.plan.parameters.ACK_TIMEOUT * 2**attempt))

    async def _ask_later(self, seconds: float) -> None:
        await self._device.world.clock.sleep(seconds)
        if not self._ended:
            self._ask_again()

    @property
    def _keeps_connection(self) -> bool:
        """Whether another attempt after silence goes by the same connection."""
        return False

    def _ask_again(self) -> None:
        """Another attempt after silence, or after the loss of a connection."""
        self._ask()

    # -- end -------------------------------------------------------------------------------------------------------

    def stop(self, now: float) -> None:
        """Stop without an event: the server cancelled, or the device goes down."""
        if not self._ended:
            self._ended = True
            self._record("unknown", now)
            self._close(now)

    def _end(self, event: Event, now: float) -> None:
        if self._device.firmware.transfer is not Transfer.PULL:
            # It was cancelled a moment ago, by the very write to the flash that was its last, for one.
            self.stop(now)
        if self._ended:
            return
        self._ended = True
        self._device.transfer_ended(event, now)
        self._record("ok" if event is Event.DOWNLOAD_COMPLETED else "fail", now)
        if event is not Event.CONNECTION_LOST:
            self._device.reached = NOTHING_REACHED
        self._close(now)
        self._device.act_soon()

    def _close(self, now: float) -> None:
        self._etag = self.etag
        self._let_go(now)

    def _record(self, outcome: str, now: float) -> None:
        device, progress = self._device, self._progress() or Progress()
        device.reached = self._tally.end(device.flash.written)
        result = int(device.firmware.machine.result) if outcome != "unknown" else 0
        device.world.sink.emit(
            TransferEnded(
                now,
                device.plan.index,
                self.scheme,
                "pull",
                self._started,
                progress.size,
                max(0, progress.received - self._tally.had),
                self._tally.refetched,
                self._wire_before[0] + progress.wire_in,
                self._wire_before[1] + progress.wire_out,
                progress.blocks,
                progress.retransmissions,
                progress.duplicates,
                outcome,
                result,
                self._cause if outcome == "fail" else "",
                list(progress.block_us),
                *device.download_turns.since(self._waited_before),
            )
        )


__all__ = ["Pull", "UnknownHostError"]
