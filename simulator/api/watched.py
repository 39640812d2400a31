"""A device with somebody who looks on: wired up, its surroundings its own, and everything told to a timeline."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from simulator.api.observer import ObservedFlash, ObservedHandler, ObservedStack
from simulator.api.settings import issuer_of
from simulator.api.state_files import StateFiles, open_flash
from simulator.api.timeline import STEP_BYTES, STEP_SHARE
from simulator.device.flash import HashingFlash
from simulator.device.persistent import snapshot
from simulator.events import DeviceEnded, RegistrationEnded, StateChanged, TransferEnded
from simulator.faults.coverage import Coverage
from simulator.firmware import HEADER_SIZE, PackageError, parse_header
from simulator.fleet.entropy import Entropy
from simulator.fleet.surroundings import Surroundings
from simulator.transport.deadlines import Deadlines
from simulator.transport.sockets import SocketNetwork
from simulator.transport.virtual import VirtualLoop

if TYPE_CHECKING:
    from pathlib import Path as FilePath

    from simulator.api.settings import Settings
    from simulator.api.timeline import Timeline
    from simulator.device.device import Device
    from simulator.device.world import DeviceSettings
    from simulator.events import Event
    from simulator.fleet.population import DevicePlan
    from simulator.lwm2m.objects import ResourceType
    from simulator.lwm2m.paths import Path
    from simulator.ports import Address, Flash, Network
    from simulator.stacks.site import DeviceHandler
    from simulator.transport.clock import LoopClock


class Where(NamedTuple):
    """Where a device is, and what of it is kept."""

    server: Address
    over: Network | None
    """The network that packets go by; None for sockets."""
    package_size: int
    state_directory: FilePath | None
    image: FilePath | None


class Watched:
    """One device; it is an observer of itself (``simulator.api.observer.Told``), and the sink of its own events.

    Raises:
        StateError: its files cannot be used.
    """

    def __init__(
        self, plan: DevicePlan, settings: Settings, where: Where, timeline: Timeline, clock: LoopClock
    ) -> None:
        loop = asyncio.get_running_loop()
        self._timeline = timeline
        self._boots = 0
        self._told_at = 0
        self._size = -1
        self._keeping = False
        self._files = StateFiles(where.state_directory, plan.endpoint, where.image) if where.state_directory else None
        stored = self._files.load() if self._files is not None else None
        self._flash = self._make_flash(plan.flash_bytes, where.image)
        self.deadlines = Deadlines(loop, clock.now)
        self.coverage = Coverage()
        self.around = Surroundings(
            Entropy(settings.seed),
            network=self.coverage.network(where.over or SocketNetwork(loop)),
            servers={plan.management: where.server},
            clock=clock,
            deadlines=self.deadlines,
            sink=self,
            unix_start=int(time.time()),
            package_size=where.package_size,
            on_change=self._on_change,
            issuer=issuer_of(settings),
            seeded=isinstance(loop, VirtualLoop),
        )
        self.around.world.flash = self._observed_flash
        self.around.world.handler = self._observed_handler
        self.device: Device = self.around.make(plan)
        self.device.stack = ObservedStack(self.device.stack, self)
        if stored is not None:
            self.device.persistent = stored
            self._boots = stored.boots

    # -- what is kept ----------------------------------------------------------------------------------------------

    def _make_flash(self, capacity: int, image: FilePath | None) -> Flash:
        if self._files is not None:
            return self._files.flash(capacity)
        return HashingFlash(capacity) if image is None else open_flash(image, capacity)

    def keep(self) -> None:
        """Store what would survive a power cut, where it is to be stored."""
        self._keeping = False
        if self._files is not None:
            try:
                self._files.save(snapshot(self.device))
            except OSError as error:
                self._timeline.add("error", f"the state is not stored: {error.filename}: {error.strerror}")

    def _keep_soon(self) -> None:
        """In the next turn, when what has just happened is complete."""
        if self._files is not None and not self._keeping:
            self._keeping = True
            self.around.world.soon(self.keep)

    # -- what is seen ----------------------------------------------------------------------------------------------

    def emit(self, event: Event) -> None:
        """Take an event of the device."""
        self._timeline.emit(event)
        if isinstance(event, RegistrationEnded) and event.outcome != "ok":
            self.around.world.soon(self._tell_next_try)
        elif isinstance(event, StateChanged | TransferEnded | DeviceEnded):
            self._keep_soon()

    def _tell_next_try(self) -> None:
        device = self.device
        if device.link is not None and not device.registrar.registered and device.registrar.deadline < inf:
            wait = max(0.0, device.registrar.deadline - device.world.now())
            self._timeline.add("registration", f"tries again in {wait:.0f} s", again_s=round(wait, 3))

    def _on_change(self, stage: str, step: int) -> None:
        if stage == "without_port":
            self._timeline.add("error", "the device found no local port")
        link = self.device.link if stage == "registered" and step < 0 else None
        if link is not None and link.endpoint.closed:
            cause = f" ({link.cause})" if link.cause else ""
            self._timeline.add("link", f"connection lost{cause}, and the registration with it", cause=link.cause)

    def _observed_handler(self, device: Device) -> DeviceHandler:
        if device.persistent.boots != self._boots:
            stored = device.persistent
            self._boots = stored.boots
            text = f"boot {stored.boots}, firmware {stored.firmware_version}"
            self._timeline.add("power", text, boots=stored.boots, version=stored.firmware_version)
            self.keep()  # before a server can hear of it
        return ObservedHandler(device, self)

    def _observed_flash(self, _settings: DeviceSettings) -> Flash:
        return ObservedFlash(self._flash, self)

    def type_of(self, path: Path) -> ResourceType | None:
        """The type of a resource of the device."""
        return self.device.tree.type_of(path)

    def request(self, operation: str, path: str, code: str, value: str) -> None:
        """The server asked."""
        text = f"{operation} {path}"
        if code:
            text += f" -> {code}"
        if value:
            text += f"  {value}"
        self._timeline.add("request", text, operation=operation, path=path, code=code, value=value)

    def notified(self, path: str, value: str) -> None:
        """The server was notified."""
        self._timeline.add("notify", f"{path} = {value}", path=path, value=value)

    def stored(self, written: int) -> None:
        """The flash has more bytes than before, or none."""
        if not written:
            self._told_at, self._size = 0, -1
            return
        if self._size < 0:
            self._size = self._find_size(written)
        size = self._size
        step = max(1, int(size * STEP_SHARE)) if size > 0 else STEP_BYTES
        if written - self._told_at < step and written != size:
            return
        # On a step, so that a resumed transfer is told in the same places.
        self._told_at = written - written % step
        share = f"{written / size:4.0%}  " if size > 0 else ""
        of = f" of {size:,}" if size > 0 else ""
        self._timeline.add("progress", f"{share}{written:,}{of} bytes", bytes=written, size=size)
        self._keep_soon()

    def _find_size(self, written: int) -> int:
        """Length of the package: as the origin or the server tells, or as its header says; -1 where nobody knows."""
        device = self.device
        size = device.pull.size if device.pull is not None else device.push.size if device.push is not None else -1
        if size < 0 and written >= HEADER_SIZE:
            with suppress(PackageError):
                size = parse_header(device.flash.header(HEADER_SIZE)).total_length
        return size

    # -- end -------------------------------------------------------------------------------------------------------

    async def close(self, leave_within_s: float) -> None:
        """Switch the device off: after a De-register where that can be had in time, else without."""
        device = self.device
        try:
            if not self.coverage.down:
                with suppress(TimeoutError):
                    async with asyncio.timeout(leave_within_s):
                        await device.power_off()
        finally:
            device.cut_off()
            self.keep()
            await self.around.close()
            self.deadlines.close()
