"""What the devices of a process stand in: the world that they share, their faults and chance, and the tasks they start.

A fleet has thousands of devices in it, a device by hand is alone there; what surrounds them is the same.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import Counter
from typing import TYPE_CHECKING, Protocol

from simulator.coap.params import DEFAULT_PARAMETERS
from simulator.device.device import Device
from simulator.device.flash import FileFlash, HashingFlash
from simulator.device.world import World
from simulator.events import FaultApplied
from simulator.faults.plan import FaultPlan
from simulator.fleet.entropy import SmallDice
from simulator.network.shaped import shaped
from simulator.security.issue import Issuer

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping
    from pathlib import Path

    from simulator.device.world import DeviceSettings
    from simulator.events import EventSink
    from simulator.faults.plan import Injected
    from simulator.fleet.entropy import Entropy
    from simulator.fleet.population import DevicePlan
    from simulator.ports import Address, Clock, Flash, Network
    from simulator.security.credentials import Credentials
    from simulator.security.spec import CredentialSpec
    from simulator.transport.deadlines import Deadlines

log = logging.getLogger(__name__)


class Issues(Protocol):
    """Where the credentials of devices come from."""

    def credentials(self, spec: CredentialSpec, endpoint: str) -> Credentials:
        """What a device has to show and whom it trusts."""


class Surroundings:
    """Makes devices, and the world that they share.

    Args:
        entropy: the source of everything that is drawn.
        package_size: bytes of the package that the devices are to get; faults refer to it.
        on_change: counts devices per stage: (stage, +1 or -1).
        flash_directory: takes the flashes that are files (``flash_file`` in the scenario), one per device.
        issuer: makes the credentials of the devices; by default one of the seed.
        seeded: take the random bytes of handshakes from the seed, so that a run in virtual time can be repeated.
    """

    def __init__(
        self,
        entropy: Entropy,
        *,
        network: Network,
        servers: Mapping[str, Address],
        clock: Clock,
        deadlines: Deadlines,
        sink: EventSink,
        unix_start: int,
        package_size: int,
        on_change: Callable[[str, int], None] = lambda _stage, _step: None,
        flash_directory: Path | None = None,
        issuer: Issues | None = None,
        seeded: bool = False,
    ) -> None:
        self._entropy = entropy
        self._network = network
        self._package_size = package_size
        self._flash_directory = flash_directory
        self._issuer = issuer or Issuer(entropy.seed)
        self._seeded = seeded
        self._connections: Counter[int] = Counter()
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self.world = World(
            network=network,
            servers=servers,
            clock=clock,
            now=clock.now,
            deadlines=deadlines,
            sink=sink,
            spawn=self.spawn,
            soon=self._loop.call_soon,
            unix_start=unix_start,
            on_change=on_change,
            lookup=self._lookup,
            flash=self._flash,
            network_of=self._network_of,
            credentials=self._credentials,
            entropy=self._entropy_of,
        )

    def spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Start work of a device; what it raises is logged, and what is left is cancelled at the end."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a device failed in a way that no device should", exc_info=task.exception())

    @staticmethod
    async def _lookup(host: str) -> str:
        found = await asyncio.get_running_loop().getaddrinfo(host, None)
        return str(found[0][4][0])

    def make(self, plan: DevicePlan) -> Device:
        """The device of a plan, switched off."""
        chance = SmallDice(self._entropy.number(plan.index, "coap"))
        return Device(plan, self.world, chance, self.faults(plan.index, plan.faults, plan.parameters.EXCHANGE_LIFETIME))

    def faults(
        self,
        index: int,
        faults: Iterable[Injected],
        exchange_lifetime_s: float = DEFAULT_PARAMETERS.EXCHANGE_LIFETIME,
    ) -> FaultPlan:
        """The faults of device ``index``, made; what strikes is told to the sink.

        Raises:
            ValueError: there is no such kind, or a parameter of it cannot be.
        """
        sink, now = self.world.sink, self.world.now
        return FaultPlan.build(
            faults,
            package_size=self._package_size,
            dice=lambda seam: SmallDice(self._entropy.number(index, f"fault/{seam}")),
            struck=lambda fault, seam, detail: sink.emit(FaultApplied(now(), index, fault, seam, detail)),
            exchange_lifetime_s=exchange_lifetime_s,
        )

    def _flash(self, settings: DeviceSettings) -> Flash:
        if not settings.flash_file or self._flash_directory is None:
            return HashingFlash(settings.flash_bytes)
        self._flash_directory.mkdir(exist_ok=True)
        return FileFlash(self._flash_directory / f"{settings.index:06d}.bin", settings.flash_bytes)

    def _network_of(self, settings: DeviceSettings) -> Network:
        dice = SmallDice(self._entropy.number(settings.index, "network"))
        return shaped(self._network, self._loop, settings.network, dice)

    def _credentials(self, settings: DeviceSettings, purpose: str) -> Credentials:
        spec = settings.credentials if purpose == "management" else settings.download_credentials
        return self._issuer.credentials(spec, settings.endpoint)

    def _entropy_of(self, settings: DeviceSettings) -> Callable[[int], bytes]:
        if not self._seeded:
            return os.urandom
        # Two connections with the same random bytes would be the same one to whoever has their keys by these bytes.
        self._connections[settings.index] += 1
        seam = f"handshakes/{self._connections[settings.index]}"
        dice = SmallDice(self._entropy.number(settings.index, seam))
        return lambda length: dice.getrandbits(8 * length).to_bytes(length, "big")

    async def close(self) -> None:
        """Cancel what devices have started and not ended."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
