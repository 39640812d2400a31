"""One virtual device against any server, for a test or by hand: what can be waited for, and what can be done to it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from simulator.api.life import Answer, DeviceLife, DeviceStateError, UpdateEnd
from simulator.api.settings import read_one_fault
from simulator.api.timeline import state_text
from simulator.faults.registry import FAULTS
from simulator.lwm2m.registration import Operation

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.api.watched import Watched


class VirtualDevice(DeviceLife):
    """A virtual device that runs while its context is open: ``async with VirtualDevice(...) as device``.

    The arguments are those of ``simulator.api.life.DeviceLife``. Whatever waits has a time-out in seconds, and raises
    TimeoutError with what the device was doing. While the device is off, everything here raises DeviceStateError.
    """

    # -- how it is -------------------------------------------------------------------------------------------------

    @property
    def is_registered(self) -> bool:
        """Whether it holds a registration, as far as it knows."""
        device = self._on.device
        return device.link is not None and device.registrar.registered

    @property
    def state_and_result(self) -> tuple[int, int]:
        """State (/5/0/3) and Update Result (/5/0/5) at present."""
        device = self._on.device
        held = device.persistent if device.link is None else device.firmware.machine
        return int(held.state), int(held.result)

    @property
    def firmware_version(self) -> str:
        """Firmware Version (/3/0/3) that runs now."""
        return self._on.device.persistent.firmware_version

    @property
    def status(self) -> dict[str, Any]:
        """What there is to know about it now; names and values that JSON knows."""
        watched = self._on
        device = watched.device
        state, result = self.state_and_result
        up = device.link is not None
        return {
            "endpoint": self.plan.endpoint,
            "server": f"{self.plan.management}://{device.world.servers[self.plan.management]}",
            "local": str(device.link.local) if device.link is not None else "",
            "registered": self.is_registered,
            "location": "/" + "/".join(device.registrar.machine.location) if self.is_registered else "",
            "coverage": not watched.coverage.down,
            "firmware_version": self.firmware_version,
            "boots": device.persistent.boots,
            "state": state,
            "result": result,
            "package_uri": device.firmware.package_uri if up else device.persistent.package_uri,
            "stored_bytes": device.flash.written,
            "flash_bytes": device.flash.capacity,
            "seed": self.seed,
        }

    # -- what can be waited for ------------------------------------------------------------------------------------

    async def until(self, holds: Callable[[], bool], what: str, timeout_s: float) -> None:
        """Wait until something holds; it is asked whenever something has happened.

        Raises:
            TimeoutError: it does not in time; ``what`` stands in the text: not ``what`` within so many seconds.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while not holds():
                    await self._changed.wait()
        except TimeoutError:
            last = self.timeline.entries[-1].text if self.timeline.entries else "nothing"
            where = f"{state_text(*self.state_and_result)}, {'' if self.is_registered else 'not '}registered"
            msg = f"{self.plan.endpoint}: not {what} within {timeout_s:g} s; it is in {where}; last: {last}"
            raise TimeoutError(msg) from None

    async def registered(self, timeout_s: float = 30.0) -> None:
        """Wait until it is registered."""
        await self.until(lambda: self.is_registered, "registered", timeout_s)

    async def state(self, state: int, timeout_s: float = 60.0) -> None:
        """Wait until it is in a State (/5/0/3), or was in it since this call."""
        seen = len(self.states)

        def holds() -> bool:
            return self.state_and_result[0] == state or any(found == state for found, _ in self.states[seen:])

        await self.until(holds, f"in State {state}", timeout_s)

    async def update_ended(self, timeout_s: float = 180.0) -> UpdateEnd:
        """Wait for the end of an update, whatever it is; each end is given once, also one that came before the call."""
        await self.until(lambda: bool(self._ends), "at the end of an update", timeout_s)
        return self._ends.popleft()

    @property
    def _up(self) -> Watched:
        watched = self._on
        if watched.device.link is None:
            raise DeviceStateError("the device boots, or has no power; try again when it is up")
        return watched

    # -- what can be done to it ------------------------------------------------------------------------------------

    async def register(self, timeout_s: float = 120.0) -> Answer:
        """Register, anew where it is registered.

        Raises:
            DeviceStateError: it boots, or another operation is under way.
            TimeoutError: neither an answer nor the end of all repetitions in time.
        """
        return await self._operation(Operation.REGISTER, timeout_s)

    async def update(self, timeout_s: float = 120.0) -> Answer:
        """Send a registration Update; as ``register``."""
        return await self._operation(Operation.UPDATE, timeout_s)

    async def deregister(self, timeout_s: float = 120.0) -> Answer:
        """De-register, and stay away until ``register`` or a reboot; as ``register``."""
        return await self._operation(Operation.DEREGISTER, timeout_s)

    async def _operation(self, operation: Operation, timeout_s: float) -> Answer:
        device, before = self._up.device, self._answers
        if not device.registrar.ask(operation, device.world.now()):
            raise DeviceStateError(
                "the device is registered, and its request is under way"
                if self.is_registered
                else f"no {operation.value} now: the device is not registered"
                if operation is not Operation.REGISTER
                else "a Register is under way"
            )
        await self.until(lambda: self._answers > before, f"done with its {operation.value}", timeout_s)
        return self._answer

    async def reboot(self) -> None:
        """Reboot, as after Execute of /3/0/4; returns when the Register is on its way.

        Raises:
            DeviceStateError: it boots already.
        """
        watched = self._up
        self.timeline.add("power", "reboot")
        await watched.device.reboot()

    async def power_cut(self, seconds: float = 0.0) -> None:
        """Take the power away for so long: the device then boots with what it had stored, and nobody was told.

        Raises:
            DeviceStateError: it boots already, or has no power.
        """
        watched = self._up
        self.timeline.add("power", "power cut")
        had_coverage = not watched.coverage.down
        watched.coverage.begin()  # not a byte gets out any more, no close of a connection either
        boot = watched.around.spawn(watched.device.reboot(off_s=seconds))
        await watched.device.world.clock.sleep(0)
        if had_coverage:
            watched.coverage.end()
        await boot

    def offline(self) -> None:
        """Take the coverage away: nothing comes or goes until ``online``."""
        self._on.coverage.begin()
        self.timeline.add("link", "no coverage", coverage=False)

    def online(self) -> None:
        """Give the coverage back."""
        self._on.coverage.end()
        self.timeline.add("link", "coverage is back", coverage=True)

    async def sleep(self, seconds: float) -> None:
        """Have its radio sleep: no coverage for so long; then it sends an Update, as a device does that wakes up."""
        self.offline()
        await self._on.device.world.clock.sleep(seconds)
        self.online()
        device = self._on.device
        if device.link is not None:
            device.registrar.ask(Operation.UPDATE, device.world.now())

    def inject(self, fault: str) -> None:
        """Add a fault, ``KIND:name=value,...``: to flash and installer at once, to the network from the next port on.

        The management port of a device is opened when it boots, and a port for a download when that begins.

        Raises:
            SettingsError: there is no such fault, or a parameter cannot be.
        """
        watched = self._on
        found = read_one_fault(fault, self.plan)
        watched.device.inject(watched.around.faults(self.plan.index, [found]))
        parameters = dict(found.parameters)
        shown = ", ".join(f"{name} {value}" for name, value in parameters.items())
        later = "; the network has it from the next port on" if FAULTS[found.kind].seam in ("datagram", "link") else ""
        text = f"{found.kind} added{f' ({shown})' if shown else ''}{later}"
        self.timeline.add("fault", text, fault=found.kind, parameters=parameters)


__all__ = ["Answer", "UpdateEnd", "VirtualDevice"]
