"""One history: a scenario in virtual time, with devices, embedded server, package origin and operator in one process.

All is as in a run of the scenario, but for the time, the network (packets in memory), and two things that do not change
from history to history, because they cost time and decide nothing: the CA, and what the payload of the package is.
"""

from __future__ import annotations

import asyncio
import atexit
import random
import shutil
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

from simulator.cli.packages import BAD_MAGIC, FOREIGN_MODEL, GOOD, NUL, WRONG_MODEL, Packages
from simulator.cli.replay_stage import PORTS, places_of
from simulator.cli.targets import operator_job
from simulator.faults.kinds import Made
from simulator.faults.plan import FaultPlan
from simulator.firmware import generate
from simulator.firmware.variants import VARIANTS
from simulator.fleet.population import Population
from simulator.fleet.runner import FleetRunner
from simulator.operator.campaign import Campaign
from simulator.operator.job import ServerChoice
from simulator.operator.local import LocalDriver
from simulator.operator.provision import provision, secrets_of
from simulator.operator.requests import Console
from simulator.scenario import chaos_of
from simulator.security.authority import write_identity
from simulator.security.issue import Issuer
from simulator.servers.embedded.chaos import server_with
from simulator.servers.embedded.transports import Transports, server_credentials
from simulator.servers.origin import HOST, Origins
from simulator.servers.origin_chaos import defects_of
from simulator.transport.clock import LoopClock
from simulator.transport.deadlines import Deadlines
from simulator.transport.memory import MemoryNetwork
from simulator.transport.schedule import schedule_of
from simulator.transport.virtual import run_virtual
from tests.histories.probes import ProbedFlash, probes
from tests.histories.witness import Witness

ISSUER = Issuer(0)
UNIX_START = 1_700_000_000
EXPIRE_S = 10.0
LOOK_S = 5.0
AFTERWARDS_S = 86_400.0
"""When everything is switched off, whatever was on its way has arrived or is lost within this time."""


@cache
def identity_dir() -> Path:
    """The identity of all servers of this process, as files."""
    directory = Path(tempfile.mkdtemp(prefix="lwm2m-fleet-histories-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    write_identity(directory, ISSUER.authority.server(HOST), ISSUER.authority)
    return directory


@cache
def contents(size: int, model: str, version: str) -> dict[str, bytes]:
    """The package files of a run by name, as ``simulator.cli.packages`` makes them."""
    good = generate(size, model, version, 0)
    files = {GOOD: good, WRONG_MODEL: generate(size, FOREIGN_MODEL, version, 0), BAD_MAGIC: b"\x7fELF" + good[4:]}
    files |= {name: vary(good) for name, vary in VARIANTS.items()} | {NUL: b"\0"}
    return {f"{name}.bin": body for name, body in files.items()}


class ProbedRunner(FleetRunner):
    """A fleet whose devices a witness looks into."""

    def __init__(self, population, witness, **surroundings):
        super().__init__(population, (0, 1), **surroundings)
        self.witness = witness
        self._around.world.flash = self._flash

    def _flash(self, plan):
        flash = self.witness.flashes[plan.index] = ProbedFlash(plan, self.witness)
        return flash

    def make(self, plan):
        device = super().make(plan)
        self.witness.knows(device)
        device.inject(FaultPlan((Made(**probes(device, self.witness)),)))
        return device


class Timers:
    """``call_later`` for what may go on for ever, such as a server that tries again and again."""

    def __init__(self, loop):
        self._loop = loop
        self._set = set()
        self._open = True

    def later(self, seconds, call):
        if not self._open:
            return

        def ring():
            self._set.discard(handle)
            call()

        handle = self._loop.call_later(seconds, ring)
        self._set.add(handle)

    def close(self):
        self._open = False
        for handle in self._set:
            handle.cancel()


class History:
    """The world of one history; ``live`` lets it happen."""

    def __init__(self, scenario, loop):
        self.scenario = scenario
        self.loop = loop
        seed = scenario.run.seed
        self.clock = LoopClock(loop)
        now = self.clock.now
        self.population = Population(scenario, seed)
        firmware = scenario.firmware
        self.files = contents(int(firmware.size), firmware.model, firmware.version)
        self.packages = Packages(Path(), int(firmware.size), firmware.version)
        self.witness = Witness(scenario, self.files, now)
        self.network = MemoryNetwork(loop, self._dice("network"))
        self.deadlines = Deadlines(loop, now)
        self.timers = Timers(loop)
        chaos = chaos_of(scenario.server, seed)
        server = server_with(chaos, now, lambda e: self.driver.happened(e), lambda a: self.driver.misbehaved(a),
                             self.timers.later)  # fmt: skip
        self.server = server
        self.driver = LocalDriver(server, {Path(name): body for name, body in self.files.items()})
        entropy = self._dice("server/handshakes").randbytes
        self.transports = Transports(server, self.network, self.deadlines, now, self._dice("server"), entropy=entropy)
        self.origins = Origins(
            dict(self.files),
            now,
            self._dice("origin"),
            identity_dir() if self._secure else None,
            network=self.network,
            unix_now=lambda: UNIX_START + now(),
            defects=defects_of(firmware.chaos_json(seed), now, self.witness.emit),
            entropy=self._dice("origin/handshakes").randbytes,
        )

    def _dice(self, seam):
        return random.Random(self.population.entropy.number(-1, f"history/{seam}"))

    @property
    def _secure(self):
        groups = self.scenario.groups.values()
        return any(group.management_spec.kinds or group.download_spec.kinds for group in groups)

    async def live(self):
        """From the first device to the last, and until nothing is on its way any more."""
        witness, scenario = self.witness, self.scenario
        origins = await self.origins.open()
        credentials = server_credentials(self.server, identity_dir() if self._secure else None)
        places = places_of(await self.transports.open(HOST, PORTS, credentials))
        choice = ServerChoice("embedded", HOST, 0, "", "", 1024)
        job = replace(operator_job(scenario, self.population, choice, self.packages, origins), seed=0)
        for k in range(len(self.population)):
            plan = self.population.device(k)
            if "psk" in plan.download_credentials.kinds:
                self.origins.psks.add(ISSUER.psk(plan.endpoint))
        gate = asyncio.Semaphore(self.driver.max_in_flight)
        console = Console(self.driver, witness, self.clock.now, gate, job.patience)
        campaign = Campaign(console, job.tactics, job.targets)
        await self.driver.start(campaign.on_event)
        await provision(self.driver, secrets_of(job), lambda _text: None)
        expiry = self.loop.create_task(self._expire())
        runner = ProbedRunner(
            self.population,
            witness,
            network=self.network,
            servers=places,
            clock=self.clock,
            deadlines=self.deadlines,
            sink=witness,
            unix_start=UNIX_START,
            package_size=self.packages.size,
            issuer=ISSUER,
            seeded=True,
        )
        starting = self.loop.create_task(runner.run(0.0))
        await campaign.run(0.0)
        await starting
        while True:
            if not witness.waits():
                break
            await asyncio.sleep(LOOK_S)
        await campaign.close()
        await runner.stop()
        expiry.cancel()
        self.timers.close()
        self.transports.close()
        await self.origins.close()
        await asyncio.sleep(AFTERWARDS_S)
        witness.over(self._left())

    async def _expire(self):
        while True:
            await asyncio.sleep(EXPIRE_S)
            self.server.expire()

    def _left(self):
        """What is still there that should not be."""
        hub, listeners = self.network._shared.datagrams, self.network._shared.listeners
        here = asyncio.current_task()
        left = [f"task {task.get_coro().__qualname__}" for task in asyncio.all_tasks() if task is not here]
        left += [f"timer {timer!r}" for timer in self.loop.timers]
        left += [f"port {place}" for place in (*hub.ports, *listeners)]
        sizes = {"deadlines": self.deadlines, "deadlines of the origin": self.origins._deadlines,
                 "packets": self.network._shared.schedule, "packets on links": schedule_of(self.loop)}  # fmt: skip
        return left + [f"{len(each)} {name}" for name, each in sizes.items() if len(each)]


def live(scenario) -> Witness:
    """Let a scenario happen, in the time that its computing takes; what the witness saw."""

    async def happen():
        history = History(scenario, asyncio.get_running_loop())
        with history.witness.listening(history.loop):
            await history.live()
        return history.witness

    return run_virtual(happen())
