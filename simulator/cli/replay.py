"""One device of a recorded run once more: with its seed, its faults and its network, and taps on its ports."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from simulator.cli.failure import USAGE, CommandFailedError
from simulator.cli.targets import operator_job
from simulator.device.secure import shown_for
from simulator.fleet.surroundings import Surroundings
from simulator.network.tap import TapNetwork
from simulator.operator.campaign import Campaign
from simulator.operator.job import ServerChoice
from simulator.operator.provision import provision, secrets_of
from simulator.operator.requests import Console
from simulator.scenario import chaos_of
from simulator.security.issue import Issuer
from simulator.transport.tls_context import client_context

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from simulator.cli.packages import Packages
    from simulator.cli.recorded import Recorded
    from simulator.cli.replay_stage import Stage
    from simulator.cli.timeline import Timeline
    from simulator.device.world import World
    from simulator.network.tap import Watch
    from simulator.ports import Address
    from simulator.security.keylog import KeyLog

BLOCK_SIZE: Final = 1024
ENDS: Final = ("updated", "failed")
"""The stages of a device that end its update."""
LINGER_S: Final = 2.0
"""How long a device is looked at that nobody here gives orders to, after all is over."""
OVER_TLS: Final = frozenset({"coaps+tcp", "https"})


class Taps(NamedTuple):
    """What looks at the device."""

    timeline: Timeline
    wire: Watch | None = None
    """Sees what is on the wire: below security and faults, above the access network."""
    keylog: KeyLog | None = None


class Replay:
    """Replays a device.

    Args:
        recorded: the device.
        stage: where.
        taps: what looks at it.
        work: a directory for logs.
        identity_dir: of the servers, where any device comes securely.
    """

    def __init__(
        self, recorded: Recorded, stage: Stage, taps: Taps, packages: Packages, work: Path, identity_dir: str
    ) -> None:
        self._recorded = recorded
        self._stage = stage
        self._taps = taps
        self._packages = packages
        self._work = work
        self._identity_dir = identity_dir
        stage.on_act = taps.timeline.emit

    async def run(self) -> None:
        """Replay the device to the end of its update.

        Raises:
            CommandFailedError: the server or the origin lacks a transport that the device needs.
            DriverError: the server cannot be started or reached.
            CredentialError, OSError: the origin cannot be opened.
        """
        recorded, stage = self._recorded, self._stage
        plan = recorded.plan
        try:
            origins = await stage.origins.open()
            self._admit_downloads()
            if plan.delivery == "pull" and plan.transport not in origins:
                raise CommandFailedError(_missing("the package origin", plan.transport, list(origins)), USAGE)
            await self._run(origins)
        finally:
            await stage.close()

    def _admit_downloads(self) -> None:
        plan = self._recorded.plan
        if "psk" in plan.download_credentials.kinds:
            issuer = Issuer(self._recorded.population.entropy.seed)
            self._stage.origins.psks.add(issuer.psk(plan.endpoint, plan.download_credentials.psk_file))

    async def _run(self, origins: dict[str, str]) -> None:
        recorded, stage, timeline = self._recorded, self._stage, self._taps.timeline
        plan, scenario = recorded.plan, recorded.scenario
        choice = ServerChoice(
            kind=scenario.server.kind,
            host=getattr(scenario.server, "host", "127.0.0.1"),
            port=getattr(scenario.server, "port", 0),
            url=getattr(scenario.server, "url", None) or "",
            work=str(self._work),
            block_size=BLOCK_SIZE,
            identity_dir=self._identity_dir,
            chaos=chaos_of(scenario.server, recorded.population.entropy.seed),
        )
        driver = stage.make_driver(choice)
        if driver is None:
            places = await stage.start_server(lambda _event: None)
            await self._live(places, None)
            return
        job = operator_job(scenario, recorded.population, choice, self._packages, origins, only=plan.index)
        gate = asyncio.Semaphore(driver.max_in_flight)
        console = Console(driver, timeline, stage.clock.now, gate, job.patience)
        campaign = Campaign(console, job.tactics, job.targets)
        places = await stage.start_server(campaign.on_event)
        await provision(driver, secrets_of(job), lambda _text: None)
        try:
            await self._live(places, campaign)
        finally:
            await campaign.close()

    async def _live(self, places: Mapping[str, Address], campaign: Campaign | None) -> None:
        """Switch the device on, let its update come to its end, and switch it off."""
        recorded, stage = self._recorded, self._stage
        plan = recorded.plan
        if plan.management not in places:
            raise CommandFailedError(_missing("the server", plan.management, list(places)), USAGE)
        stages = ENDS if plan.delivery else ("registered",)
        ended = asyncio.Event()
        around = Surroundings(
            recorded.population.entropy,
            network=stage.network,
            servers=places,
            clock=stage.clock,
            deadlines=stage.deadlines,
            sink=self._taps.timeline,
            unix_start=int(stage.unix_start),
            package_size=self._packages.size,
            on_change=lambda name, step: ended.set() if step > 0 and name in stages else None,
            flash_directory=self._work / "flash",
            seeded=stage.seeded,
        )
        tap(around.world, self._taps)
        if self._taps.keylog is not None:
            log_tls(around.world, recorded, self._taps.keylog)
        device = around.make(plan)
        try:
            await device.power_on(plan.due_s)
            with suppress(TimeoutError):
                work = campaign.run(0.0) if campaign is not None and plan.delivery else self._look_on(ended)
                await asyncio.wait_for(work, recorded.scenario.run.duration_max)
        finally:
            if campaign is not None:
                await campaign.close()
            await device.power_off()
            await around.close()

    async def _look_on(self, ended: asyncio.Event) -> None:
        """Nobody here gives orders: wait for what the device comes to, and let the server see it."""
        await ended.wait()
        await self._stage.clock.sleep(LINGER_S)


def tap(world: World, taps: Taps) -> None:
    """Put the taps into a world, before its device is made."""
    world.above = lambda network, scheme, purpose: TapNetwork(network, taps.timeline.watch(scheme, purpose))
    wire, inner = taps.wire, world.network_of
    if wire is not None:
        assert inner is not None
        world.network_of = lambda plan: TapNetwork(inner(plan), wire)
    if taps.keylog is not None:
        world.keylog = taps.keylog.master


def log_tls(world: World, recorded: Recorded, keylog: KeyLog) -> None:
    """Have OpenSSL tell the secrets of the device's connections over TLS."""
    plan = recorded.plan
    for scheme, purpose in ((plan.management, "management"), (plan.transport, "download")):
        shown = shown_for(scheme, world.credentials(plan, purpose))
        if scheme in OVER_TLS and shown.usable:
            context = client_context(shown.trust, psk=shown.psk is not None).context
            context.set_keylog_callback(lambda _connection, line: keylog.line(line))


def _missing(who: str, scheme: str, has: list[str]) -> str:
    return f"{who} has no {scheme} here; it has {', '.join(has)}"
