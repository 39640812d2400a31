"""One run from start to end: its processes, its directory, and how it ended.

The order is fixed: package origin, operator (which starts the server under test), fleet processes; then all devices
start, then the campaign. They are stopped the other way round, so that devices can De-register and the server sees it.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from simulator.cli.child import Child, ChildError
from simulator.cli.packages import Packages, make_packages
from simulator.cli.reach import problem_of
from simulator.cli.targets import operator_job
from simulator.fleet.population import Population
from simulator.operator.job import ServerChoice
from simulator.ports import Address
from simulator.recorder.manifest import Manifest, Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.scenario import Scenario

LEAD_S: Final = 0.3
"""From the word to start until the first device is due."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run."""

    scenario_file: Path
    overrides: tuple[str, ...]
    devices: int | None
    scenario: Scenario
    seed: int
    processes: int
    directory: Path
    command: tuple[str, ...]


@dataclass(slots=True)
class Ended:
    """How a run ended."""

    status: str = "complete"
    """``complete``, ``cut short`` or ``failed``."""
    reason: str = ""
    environment: bool = False
    """Whether the environment failed and not the test."""


@dataclass(slots=True)
class View:
    """What whoever looks on can see."""

    phase: str = "preparing"
    detail: str = ""
    began: float = field(default_factory=time.monotonic)
    devices: int = 0
    fleet: dict[str, Any] = field(default_factory=dict)
    campaign: dict[str, Any] = field(default_factory=dict)


class Session:
    """Runs a plan.

    Args:
        plan: what to run.
        on_change: called when ``view`` has changed.
    """

    def __init__(self, plan: Plan, on_change: Callable[[], None] = lambda: None) -> None:
        self.plan = plan
        self.view = View(devices=plan.scenario.devices)
        self.stop = asyncio.Event()
        """Set by Ctrl-C."""
        self.on_change = on_change
        self._t0 = time.monotonic()
        self._children: list[Child] = []
        self._fleets: list[Child] = []
        self._operator: Child | None = None
        self._server_usage: Usage | None = None
        self._campaign_done = asyncio.Event()

    async def run(self) -> Ended:
        """Run the plan; the run directory is complete when this returns.

        Raises:
            RunDirectoryError: the run directory cannot be used.
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
        ended = Ended()
        try:
            await self._prepare(manifest)
            ended = await self._follow()
        except ChildError as error:
            ended = Ended("failed", str(error), environment=True)
        except OSError as error:
            ended = Ended("failed", f"{error.filename or plan.directory}: {error.strerror}", environment=True)
        finally:
            await self._stop(manifest, ended)
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
        packages = await asyncio.to_thread(make_packages, plan.scenario.firmware, plan.seed, directory / "packages")
        self._write_plan(packages)
        self._say("starting the package origin")
        origin = await self._child(manifest, "origin", "origin", "simulator.servers.origin", [str(packages.directory)])
        origin_uri = str((await self._expect(origin, "ready"))["coap"])
        server = await self._start_server(manifest, packages, origin_uri)
        self._say("starting the fleet")
        for i in range(plan.processes):
            arguments = [str(i), str(plan.processes), server]
            self._fleets.append(await self._child(manifest, f"fleet-{i}", "fleet", "simulator.fleet", arguments))
        for fleet in self._fleets:
            await self._expect(fleet, "ready")

    def _write_plan(self, packages: Packages) -> None:
        plan = self.plan
        document = {
            "scenario": str(plan.scenario_file.resolve()),
            "set": list(plan.overrides),
            "devices": plan.devices,
            "seed": plan.seed,
            "package_bytes": packages.size,
        }
        (plan.directory / "plan.json").write_text(json.dumps(document), encoding="utf-8")

    async def _start_server(self, manifest: Manifest, packages: Packages, origin: str) -> str:
        scenario = self.plan.scenario
        if not scenario.driven:
            uri = f"coap://{scenario.server.host}:{scenario.server.port}"  # type: ignore[union-attr]
            manifest.describe_server({"kind": "external", "uri": uri, "packages": origin})
            self._say("looking for the server", uri)
            problem = await problem_of(await _resolved(scenario.server.host, scenario.server.port))  # type: ignore[union-attr]
            if problem:
                msg = f"the server under test: {problem}; start it, or correct [server] host and port"
                raise ChildError(msg)
            return uri
        server = scenario.server
        choice = ServerChoice(
            kind=server.kind,
            host=getattr(server, "host", "127.0.0.1"),
            port=getattr(server, "port", 0),
            url=getattr(server, "url", None) or "",
            work=str(self.plan.directory / "logs"),
            block_size=1024,
        )
        job = operator_job(scenario, Population(scenario, self.plan.seed), choice, packages, origin)
        job.write(self.plan.directory / "operator.json")
        self._say(f"starting the server under test ({server.kind})")
        self._operator = await self._child(manifest, "operator", "operator", "simulator.operator", [])
        ready = await self._expect(self._operator, "ready")
        manifest.describe_server({"kind": server.kind, "name": ready["server"], "uri": ready["coap"]})
        return str(ready["coap"])

    async def _child(self, manifest: Manifest, name: str, role: str, module: str, arguments: list[str]) -> Child:
        common = [str(self.plan.directory), repr(self._t0)]
        child = Child(name, role, module, common + arguments, self.plan.directory / "logs" / f"{name}.log")
        child.on_line = self._on_line
        self._children.append(child)
        await child.start()
        manifest.add_process(name, role, child.pid)
        return child

    async def _expect(self, child: Child, key: str) -> dict[str, Any]:
        """The line with ``key`` of a child, unless the user stops the run first."""
        line = asyncio.ensure_future(child.expect(key))
        stop = asyncio.ensure_future(self.stop.wait())
        await asyncio.wait({line, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not line.done():
            line.cancel()
            raise ChildError("stopped before the run had begun")
        return line.result()

    def _on_line(self, line: dict[str, Any]) -> None:
        if "progress" in line:
            self.view.detail = str(line["progress"])
        if "server_usage" in line:
            used = line["server_usage"]
            self._server_usage = Usage("server", "server", float(used["cpu_s"]), int(used["rss_bytes"]))
        if line.get("done"):
            self._campaign_done.set()
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
                await asyncio.wait_for(self.stop.wait(), 0.1)

    def _how_it_stands(self, end: float) -> Ended | None:
        for child in self._children:
            if child.failed or child.ended.is_set():
                reason = child.failed or f"{child.name} ended in the middle of the run"
                return Ended("failed", reason, environment=True)
        if self.stop.is_set():
            return Ended("cut short", "stopped by the user")
        if self._campaign_done.is_set():
            return Ended()
        if self._operator is None and self.view.fleet.get("ended", 0) >= self.view.devices:
            return Ended()
        if asyncio.get_running_loop().time() >= end:
            limit = self.plan.scenario.run.duration_max
            return Ended("cut short", f"run.duration_max ({limit:g} s) was over before the campaign")
        return None

    # -- end -------------------------------------------------------------------------------------------------------

    async def _stop(self, manifest: Manifest, ended: Ended) -> None:
        self._say("stopping")
        await asyncio.gather(*(fleet.stop() for fleet in self._fleets))
        for child in reversed([c for c in self._children if c not in self._fleets]):
            await child.stop()
        failures = [child.failed for child in self._children if child.failed]
        if failures and ended.status == "complete":
            ended.status, ended.reason, ended.environment = "failed", failures[0], True
        usage = [child.used for child in self._children if child.used is not None]
        if self._server_usage is not None:
            usage.append(self._server_usage)
        with suppress(OSError):
            manifest.end(ended.status, ended.reason, usage)  # type: ignore[arg-type]


async def _resolved(host: str, port: int) -> Address:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port)
    except OSError as error:
        msg = f"the server under test: {host} cannot be resolved: {error.strerror or error}"
        raise ChildError(msg) from None
    return Address(str(found[0][4][0]), port)
