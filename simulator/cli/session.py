"""One run from start to end: its processes, its directory, and how it ended.

The order is fixed: package origin, operator (which starts the server under test), fleet processes; then all devices
start, then the campaign. They are stopped the other way round, so that devices can De-register and the server sees it.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar

from simulator.cli.child import Child, ChildError
from simulator.cli.identities import Identities
from simulator.cli.metrics import Totals
from simulator.cli.origins import crowded, start_origins
from simulator.cli.packages import Packages, make_packages, package_uris
from simulator.cli.plan import PLAN, Ended, Plan, View
from simulator.cli.reach import problem_of
from simulator.cli.targets import operator_job, orders_in
from simulator.fleet.population import Population
from simulator.operator.job import ServerChoice
from simulator.ports import Address
from simulator.recorder.manifest import Manifest, Usage
from simulator.scenario import ExternalServer, chaos_of
from simulator.security.credentials import CredentialError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")

ORIGIN: Final = "simulator.servers.origin"
OPERATOR: Final = "simulator.operator"
FLEET: Final = "simulator.fleet"

LEAD_S: Final = 0.3
"""From the word to start until the first device is due."""
LOOK_EVERY_S: Final = 0.1
"""How often the command looks whether the run is over."""


class StoppedError(Exception):
    """The user stopped a run before it had begun."""


class Session:
    """Runs a plan.

    Args:
        plan: what to run.
        on_change: called when ``view`` has changed.
    """

    def __init__(self, plan: Plan, on_change: Callable[[], None] = lambda: None) -> None:
        self.plan = plan
        self.view = View(devices=plan.scenario.devices)
        self._stop_wanted = asyncio.Event()
        self._hurry = asyncio.Event()
        self.on_change = on_change
        self._t0 = time.monotonic()
        self._children: list[Child] = []
        self._fleets: list[Child] = []
        self._operator: Child | None = None
        self._other_usage: list[Usage] = []
        """Of processes that are not our children."""
        self._campaign_done = asyncio.Event()
        self._identities = Identities(plan.scenario, plan.seed)
        self._population = Population(plan.scenario, plan.seed)
        self.totals = Totals()
        """What has happened so far, for Prometheus; empty where the plan has no port for it."""

    def interrupt(self) -> None:
        """Ctrl-C: stop in order, so that the run can be reported; the second time, kill what has not stopped yet."""
        if self._stop_wanted.is_set():
            self._hurry.set()
        self._stop_wanted.set()

    async def run(self) -> Ended:
        """Run the plan; the run directory is complete when this returns.

        Raises:
            RunDirectoryError: the run directory cannot be used.
            OSError: it cannot be written.
        """
        plan = self.plan
        manifest = Manifest(
            plan.directory,
            scenario=plan.scenario.to_dict(),
            seed=plan.seed,
            t0=self._t0,
            command=plan.command,
            server={"kind": plan.scenario.server.kind},
        )
        ended = Ended("failed", "the command ended unexpectedly", begun=False)
        try:
            await self._prepare(manifest)
            ended = await self._follow()
        except StoppedError:
            ended = Ended("cut short", "stopped by the user before the run had begun", interrupted=True, begun=False)
        except (ChildError, CredentialError) as error:
            ended = Ended("failed", str(error), begun=False)
        except OSError as error:
            reason = f"{error.filename or plan.directory}: {error.strerror or error}"
            ended = Ended("failed", reason, begun=False)
        finally:
            ended = await self._stop(manifest, ended)
            self._identities.remove()
        return ended

    # -- beginning -------------------------------------------------------------------------------------------------

    def _say(self, phase: str, detail: str = "") -> None:
        self.view.phase, self.view.detail = phase, detail
        self.on_change()

    async def _prepare(self, manifest: Manifest) -> None:
        plan, directory = self.plan, self.plan.directory
        (directory / "logs").mkdir()
        (directory / "scenario.toml").write_bytes(plan.scenario_file.read_bytes())
        self._say("making packages")
        orders, at = orders_in(plan.scenario), directory / "packages"
        packages = await asyncio.to_thread(make_packages, plan.scenario.firmware, plan.seed, at, orders)
        plan.write(directory / PLAN, packages.size)
        identity_dir = self._identities.write(self._population)
        origins = await self._start_origin(manifest, packages, identity_dir)
        servers = await self._start_server(manifest, packages, origins, identity_dir)
        await self._start_fleets(manifest, servers)

    async def _start_fleets(self, manifest: Manifest, servers: list[str]) -> None:
        processes = self.plan.processes
        self._say("starting the fleet")
        for i in range(processes):
            arguments = [str(i), str(processes), *servers]
            self._fleets.append(await self._child(manifest, f"fleet-{i}", "fleet", FLEET, arguments))
        for fleet in self._fleets:
            await self._unless_stopped(fleet.ready())

    async def _start_origin(self, manifest: Manifest, packages: Packages, identity_dir: str) -> dict[str, str]:
        plan, psks = self.plan, self._identities.download_psks(self._population)
        self._say("starting the package origin", crowded(plan.scenario.firmware.processes))

        def start(name: str, arguments: list[str]) -> Coroutine[Any, Any, Child]:
            return self._child(manifest, name, "origin", ORIGIN, arguments)

        return await start_origins(plan, packages.directory, identity_dir, psks, start, self._unless_stopped)

    async def _find_external(self, manifest: Manifest, server: ExternalServer, origins: dict[str, str]) -> list[str]:
        groups = self.plan.scenario.groups.values()
        self.view.told = package_uris(groups, origins)
        places = {scheme: Address(server.host, server.port_of(scheme)) for scheme in (g.management for g in groups)}
        uris = {scheme: f"{scheme}://{place}" for scheme, place in places.items()}
        manifest.describe_server({"kind": "external", "uri": next(iter(uris.values())), "packages": origins})
        for scheme, place in places.items():
            self._say("looking for the server", uris[scheme])
            problem = await self._unless_stopped(problem_of(place, scheme))
            if problem:
                key = {"coap": "port"}.get(scheme, f"{scheme.replace('+', '_')}_port")
                msg = f"the server under test: {problem}; start it, or correct [server] host and {key}"
                raise ChildError(msg)
        return list(uris.values())

    async def _start_server(
        self, manifest: Manifest, packages: Packages, origins: dict[str, str], identity_dir: str
    ) -> list[str]:
        """Have the server under test ready; its URIs."""
        scenario = self.plan.scenario
        server = scenario.server
        if isinstance(server, ExternalServer):
            return await self._find_external(manifest, server, origins)
        choice = ServerChoice(
            kind=server.kind,
            host=getattr(server, "host", "127.0.0.1"),
            port=getattr(server, "port", 0),
            url=getattr(server, "url", None) or "",
            work=str(self.plan.directory / "logs"),
            block_size=1024,
            identity_dir=identity_dir,
            chaos=chaos_of(server, self.plan.seed),
        )
        job = operator_job(scenario, self._population, choice, packages, origins)
        job.write(self.plan.directory / "operator.json")
        self._say(f"starting the server under test ({server.kind})")
        self._operator = await self._child(manifest, "operator", "operator", OPERATOR, [])
        ready = await self._unless_stopped(self._operator.ready())
        manifest.describe_server({"kind": server.kind, "name": ready["server"], "uri": ready["coap"]})
        uris = {str(scheme): str(uri) for scheme, uri in ready["uris"].items()}
        missing = sorted({group.management for group in scenario.groups.values()} - uris.keys())
        if missing:
            msg = f"{ready['server']} has no {', '.join(missing)}; it has {', '.join(uris)}: set `management`"
            raise ChildError(msg)
        return list(uris.values())

    async def _child(self, manifest: Manifest, name: str, role: str, module: str, arguments: list[str]) -> Child:
        common = [str(self.plan.directory), repr(self._t0)]
        child = Child(name, role, module, common + arguments, self.plan.directory / "logs" / f"{name}.log")
        child.on_line = self._on_line
        self._children.append(child)
        await child.start()
        manifest.add_process(name, role, child.pid)
        return child

    async def _unless_stopped(self, work: Coroutine[Any, Any, T]) -> T:
        """What ``work`` gives, unless the user stops the run first.

        Raises:
            StoppedError: the user did.
        """
        task = asyncio.ensure_future(work)
        stop = asyncio.ensure_future(self._stop_wanted.wait())
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            raise StoppedError
        return task.result()

    def _on_line(self, line: dict[str, Any]) -> None:
        if "progress" in line:
            self.view.detail = str(line["progress"])
        if "server_usage" in line:
            used = line["server_usage"]
            self._other_usage.append(Usage("server", "server", float(used["cpu_s"]), int(used["rss_bytes"])))
        if line.get("done"):
            self._campaign_done.set()
        if self.plan.metrics:
            self.totals.take(line, lambda k: self._population.device(k).transport)
        if self.view.progress is not None:
            self.view.progress.take(line)
        self._refresh()

    def _refresh(self) -> None:
        totals: dict[str, Any] = {}
        for fleet in self._fleets:
            for key, value in fleet.status.items():
                totals[key] = totals.get(key, 0) + value
        self.view.fleet = totals
        self.view.campaign = self._operator.status if self._operator is not None else {}
        self.on_change()

    # -- middle ----------------------------------------------------------------------------------------------------

    async def _follow(self) -> Ended:
        at = time.monotonic() - self._t0 + LEAD_S
        for fleet in self._fleets:
            await fleet.tell(do="go", at=at)
        if self._operator is not None:
            await self._operator.tell(do="campaign", at=at)
        self._say("running")
        end = asyncio.get_running_loop().time() + self.plan.scenario.run.duration_max
        while True:
            ended = self._how_it_stands(end)
            if ended is not None:
                return ended
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop_wanted.wait(), LOOK_EVERY_S)

    def _how_it_stands(self, end: float) -> Ended | None:
        for child in self._children:
            if child.failed or child.ended.is_set():
                return Ended("failed", child.failed or child.last_words())
        portless = self.view.fleet.get("without_port", 0)
        if portless:
            logs = self.plan.directory / "logs"
            return Ended("failed", f"{portless} devices found no local port; see the logs of the fleet in {logs}")
        if self._stop_wanted.is_set():
            return Ended("cut short", "stopped by the user", interrupted=True)
        if self._is_over():
            return Ended("complete")
        if asyncio.get_running_loop().time() >= end:
            limit = self.plan.scenario.run.duration_max
            return Ended("cut short", f"run.duration_max ({limit:g} s) was over before every update had ended")
        return None

    def _is_over(self) -> bool:
        """Whether all updates have ended: in the operator's view or, where there is none, in the devices' own."""
        if self._operator is not None:
            return self._campaign_done.is_set()
        groups = self.plan.scenario.groups
        targets = sum(groups[name].count for name in self.plan.scenario.campaign_groups)
        return 0 < targets <= sum(int(self.view.fleet.get(stage, 0)) for stage in ("updated", "failed"))

    # -- end -------------------------------------------------------------------------------------------------------

    async def _stop(self, manifest: Manifest, ended: Ended) -> Ended:
        self._say("stopping", "" if not ended.interrupted else "(Ctrl-C again kills)")
        await asyncio.gather(*(fleet.stop(self._hurry) for fleet in self._fleets))
        for child in reversed([c for c in self._children if c not in self._fleets]):
            await child.stop(self._hurry)
        self._refresh()
        self._say("stopped")
        failures = [child.failed for child in self._children if child.failed]
        if failures and ended.status == "complete":
            ended = Ended("failed", failures[0])
        usage = [child.used for child in self._children if child.used is not None] + self._other_usage
        with suppress(OSError):
            manifest.end(ended.status, ended.reason, usage)
        return ended
