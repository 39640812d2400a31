"""Where a device is replayed: over sockets against any server, or in virtual time in one process.

A stage has the network, the clock, the package origin and the server under test; the device and its campaign are put
on it by ``simulator.cli.replay``. The clock begins when the device was due in the run, so that times are those of the
run, as far as they repeat themselves.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from simulator.coap.requests import parse_uri
from simulator.operator.drivers import driver_for
from simulator.operator.local import LocalDriver
from simulator.ports import Address
from simulator.scenario.server import ExternalServer, chaos_of
from simulator.servers.embedded.chaos import Misbehaved, server_with
from simulator.servers.embedded.core import Happened
from simulator.servers.embedded.transports import Ports, Transports, server_credentials
from simulator.servers.origin import HOST, Origins
from simulator.servers.origin_chaos import defects_of
from simulator.transport.clock import LoopClock, MonotonicClock
from simulator.transport.deadlines import Deadlines
from simulator.transport.memory import MemoryNetwork
from simulator.transport.sockets import SocketNetwork

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from simulator.cli.recorded import Recorded
    from simulator.events import FaultApplied
    from simulator.operator.driver import Driver, OnEvent
    from simulator.operator.job import ServerChoice
    from simulator.ports import Clock, Network
    from simulator.servers.origin_chaos import Defects

EXPIRE_S: Final = 1.0
PORTS: Final = Ports(coap=5683, coaps=5684, coap_tcp=5683, coaps_tcp=5684)
"""Of the server in virtual time: those that Wireshark knows."""


class Material(NamedTuple):
    """What both stages are made of."""

    recorded: Recorded
    packages: Mapping[Path, bytes]
    identity_dir: Path | None

    def defects(self, now: Callable[[], float], emit: Callable[[FaultApplied], None]) -> Defects | None:
        """What the origin of the run did wrong on purpose; ``emit`` is told when it does so again."""
        recorded = self.recorded
        return defects_of(recorded.scenario.firmware.chaos_json(recorded.population.entropy.seed), now, emit)

    @property
    def by_name(self) -> dict[str, bytes]:
        """The packages by the names that an origin gives them out under."""
        return {path.name: body for path, body in self.packages.items()}


class SocketStage:
    """Over sockets: the server is a process of its own, the package origin is in this one."""

    seeded = False

    def __init__(self, material: Material, progress: Callable[[str], None]) -> None:
        loop = asyncio.get_running_loop()
        self._material = material
        self.on_act: Callable[[FaultApplied], None] = lambda _event: None
        self._progress = progress
        self.network: Network = SocketNetwork(loop)
        self.clock: Clock = MonotonicClock(time.monotonic() - material.recorded.plan.due_s)
        self.unix_start = time.time() - self.clock.now()
        self.deadlines = Deadlines(loop, self.clock.now)
        self.origins = Origins(
            material.by_name,
            self.clock.now,
            random.Random(),
            material.identity_dir,
            defects=material.defects(self.clock.now, self._origin_acted),
        )
        self.driver: Driver | None = None

    def _origin_acted(self, event: FaultApplied) -> None:
        self.on_act(event)  # who listens is known later than the origin is made

    def make_driver(self, choice: ServerChoice) -> Driver | None:
        """The driver of the server under test; None for one that somebody else drives."""
        if choice.kind == "external":
            return None
        self.driver = driver_for(choice, self._progress)
        return self.driver

    async def start_server(self, on_event: OnEvent) -> dict[str, Address]:
        """Have the server ready; its addresses by URI scheme.

        Raises:
            ServerStartError: it cannot be had.
        """
        server = self._material.recorded.scenario.server
        if self.driver is None:
            assert isinstance(server, ExternalServer)
            scheme = self._material.recorded.plan.management
            return {scheme: Address(server.host, server.port_of(scheme))}
        return places_of((await self.driver.start(on_event)).uris)

    async def close(self) -> None:
        """Stop everything."""
        if self.driver is not None:
            await self.driver.stop()
        await self.origins.close()
        self.deadlines.close()


class VirtualStage:
    """In virtual time: device, embedded server and package origin in one process, packets in memory.

    All that is drawn comes from the seed of the run, so that two replays are the same to the byte, as far as they do
    not meet OpenSSL or a signature, which draw for themselves.
    """

    seeded = True

    def __init__(self, material: Material) -> None:
        loop = asyncio.get_running_loop()
        recorded = material.recorded
        self._material = material
        self.on_act: Callable[[FaultApplied], None] = lambda _event: None
        self.clock: Clock = LoopClock(loop, -recorded.plan.due_s)
        self.unix_start = recorded.unix_start
        self.deadlines = Deadlines(loop, self.clock.now)
        self.network: Network = MemoryNetwork(loop, self._dice("network"))
        self.origins = Origins(
            material.by_name,
            self.clock.now,
            self._dice("origin"),
            material.identity_dir,
            network=self.network,
            unix_now=lambda: self.unix_start + self.clock.now(),
            defects=material.defects(self.clock.now, self._origin_acted),
            entropy=self._dice("origin/handshakes").randbytes,
        )
        chaos = chaos_of(recorded.scenario.server, recorded.population.entropy.seed)
        self._server = server_with(chaos, self.clock.now, self._happened, self._misbehaved, loop.call_later)
        self._transports = Transports(
            self._server,
            self.network,
            self.deadlines,
            self.clock.now,
            self._dice("server"),
            entropy=self._dice("server/handshakes").randbytes,
        )
        self.driver: LocalDriver | None = None
        self._upkeep: asyncio.Task[None] | None = None

    def _dice(self, seam: str) -> random.Random:
        recorded = self._material.recorded
        return random.Random(recorded.population.entropy.number(recorded.plan.index, f"replay/{seam}"))

    def _misbehaved(self, act: Misbehaved) -> None:
        if self.driver is not None:
            self.driver.misbehaved(act)

    def _happened(self, happened: Happened) -> None:
        if self.driver is not None:
            self.driver.happened(happened)

    def _origin_acted(self, event: FaultApplied) -> None:
        self.on_act(event)  # who listens is known later than the origin is made

    def make_driver(self, choice: ServerChoice) -> Driver | None:  # noqa: ARG002  there is one kind only
        """The driver of the embedded server."""
        self.driver = LocalDriver(self._server, self._material.packages)
        return self.driver

    async def start_server(self, on_event: OnEvent) -> dict[str, Address]:
        """Have the server ready; its addresses by URI scheme."""
        assert self.driver is not None
        uris = await self._transports.open(HOST, PORTS, server_credentials(self._server, self._material.identity_dir))
        await self.driver.start(on_event)
        self._upkeep = asyncio.ensure_future(self._expire())
        return places_of(uris)

    async def _expire(self) -> None:
        while True:
            await self.clock.sleep(EXPIRE_S)
            self._server.expire()

    async def close(self) -> None:
        """Close everything."""
        if self._upkeep is not None:
            self._upkeep.cancel()
        self._transports.close()
        await self.origins.close()
        self.deadlines.close()


Stage = SocketStage | VirtualStage


def places_of(uris: Mapping[str, str]) -> dict[str, Address]:
    """Addresses out of URIs, by scheme."""
    parsed = [parse_uri(uri) for uri in uris.values()]
    return {uri.scheme: Address(uri.host, uri.port) for uri in parsed}


__all__ = ["Material", "SocketStage", "Stage", "VirtualStage", "places_of"]
