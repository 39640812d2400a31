"""Runs one slice of a fleet: starts devices when they are due, counts who is late, switches all off at the end.

The arrival model is open: a device starts when the plan says, whatever the server does. A start that comes late is
counted as late, one that never came as missed; none is moved silently. A slice may also be given device by device, by
whoever decides meanwhile which ones run here.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from math import inf
from typing import TYPE_CHECKING, Final

from simulator.fleet.surroundings import Surroundings
from simulator.lwm2m.firmware_table import State, UpdateResult

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from pathlib import Path

    from simulator.device.device import Device
    from simulator.events import EventSink
    from simulator.fleet.population import DevicePlan, Population
    from simulator.fleet.surroundings import Issues
    from simulator.ports import Address, Clock, Network
    from simulator.transport.deadlines import Deadlines

BREATHE_EVERY: Final = 20
"""Devices that are started in one turn of the event loop at most."""
OFF_AT_ONCE: Final = 200
"""Devices that De-register at the same time."""
OFF_TIMEOUT_S: Final = 20.0
"""How long all De-registers together may take."""
LOOK_EVERY_S: Final = 0.1
"""How often a device that is to leave is looked at."""


class FleetRunner:
    """The devices of one slice.

    Args:
        population: the plan of the whole fleet.
        slice_: which slice of how many.
        package_size: bytes of the package that the campaign distributes; faults refer to it.
        on_start: told when a device started and when it was due, in seconds.
        flash_directory: takes the flashes that are files (``flash_file`` in the scenario), one per device.
        issuer: makes the credentials of the devices; by default one of the population's seed.
        seeded: take the random bytes of handshakes from the seed, so that a run in virtual time can be repeated.
    """

    def __init__(
        self,
        population: Population,
        slice_: tuple[int, int],
        *,
        network: Network,
        servers: Mapping[str, Address],
        clock: Clock,
        deadlines: Deadlines,
        sink: EventSink,
        unix_start: int,
        package_size: int,
        on_start: Callable[[float, float], None] = lambda _now, _due: None,
        flash_directory: Path | None = None,
        issuer: Issues | None = None,
        seeded: bool = False,
    ) -> None:
        self._population = population
        self._indices = population.slice(*slice_)
        self._clock = clock
        self._on_start = on_start
        self._begin = inf
        self.counts: Counter[str] = Counter()
        self.devices: list[Device] = []
        """All that were started, in the order of their first start."""
        self._known: dict[int, Device] = {}
        self.planned = len(range(len(population))[slice_[0] :: slice_[1]])
        self._around = Surroundings(
            population.entropy,
            network=network,
            servers=servers,
            clock=clock,
            deadlines=deadlines,
            sink=sink,
            unix_start=unix_start,
            package_size=package_size,
            on_change=self._on_change,
            flash_directory=flash_directory,
            issuer=issuer,
            seeded=seeded,
        )

    @property
    def missed_starts(self) -> int:
        """Devices that were due by now and have not been started."""
        late = self._clock.now() - self._begin
        waiting = list(self._indices)[len(self.devices) :]
        return sum(1 for k in waiting if self._population.due(k) <= late)

    def _on_change(self, stage: str, step: int) -> None:
        self.counts[stage] += step

    def spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Start work of a device; what it raises is logged, and what is left is cancelled at the end."""
        return self._around.spawn(work)

    def make(self, plan: DevicePlan) -> Device:
        """The device of a plan, switched off."""
        return self._around.make(plan)

    async def run(self, begin: float) -> None:
        """Start every device of the slice at its due time; ``begin`` is the time of the first."""
        self._begin = begin
        for started, k in enumerate(self._indices):
            plan = self._population.device(k)
            device = self.make(plan)
            wait = begin + plan.due_s - self._clock.now()
            if wait > 0:
                await self._clock.sleep(wait)
            elif started % BREATHE_EVERY == 0:
                await self._clock.sleep(0)
            self.devices.append(device)
            self._power_on(device, begin + plan.due_s)

    def _power_on(self, device: Device, due: float) -> None:
        self._on_start(self._clock.now(), due)
        self.spawn(device.power_on(due))

    # -- device by device ------------------------------------------------------------------------------------------

    async def start(self, k: int, due: float) -> None:
        """Start device ``k`` at this time, in seconds since the start of the run; at once where it is past.

        A device that has left and starts again is the same one, with the firmware that it had.

        Raises:
            IndexError: the plan has no such device.
            ValueError: it runs already.
        """
        device = self._known.get(k)
        if device is None:
            device = self._known[k] = self.make(self._population.device(k))
            self.devices.append(device)
        elif device.on:
            msg = f"device {k} runs already"
            raise ValueError(msg)
        wait = due - self._clock.now()
        if wait > 0:
            await self._clock.sleep(wait)
        self._power_on(device, due)

    async def leave(self, k: int, within_s: float) -> None:
        """Switch device ``k`` off after a De-register; nothing where it does not run.

        An update that is under way has ``within_s`` to come to its end; then it is cut short.
        """
        device = self._known.get(k)
        if device is None:
            return
        end = self._clock.now() + within_s
        while _is_busy(device) and self._clock.now() < end:
            await self._clock.sleep(LOOK_EVERY_S)
        await device.power_off()

    # -- the end ---------------------------------------------------------------------------------------------------

    async def stop(self) -> None:
        """Switch all devices off, each after a De-register as far as time allows."""
        gate = asyncio.Semaphore(OFF_AT_ONCE)

        async def off(device: Device) -> None:
            async with gate:
                await device.power_off()

        offs = [asyncio.get_running_loop().create_task(off(device)) for device in self.devices]
        if offs:
            _, late = await asyncio.wait(offs, timeout=OFF_TIMEOUT_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        for device in self.devices:
            device.cut_off()
        await self._around.close()


def _is_busy(device: Device) -> bool:
    """Whether an update of the device is under way: after a failure it may stay in State Downloaded for good."""
    if device.link is None:
        return device.on
    machine = device.firmware.machine
    waits = machine.state is State.DOWNLOADED and machine.result is not UpdateResult.INITIAL
    return machine.state is not State.IDLE and not waits
