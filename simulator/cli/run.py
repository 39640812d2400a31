"""``lwm2m-fleet run``: from the options to a reported run."""

from __future__ import annotations

import asyncio
import json
import signal
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from simulator.cli.device_files import problems_of
from simulator.cli.failure import CRITERION_FAILED, ENVIRONMENT, HOLDS, INTERRUPTED, USAGE, CommandFailedError
from simulator.cli.live import Live
from simulator.cli.metrics import serve_metrics
from simulator.cli.origins import crowded
from simulator.cli.plan import Ended, Plan
from simulator.cli.progress import Progress
from simulator.cli.session import Session
from simulator.fleet.entropy import Entropy
from simulator.fleet.population import Population
from simulator.recorder.manifest import RunDirectoryError, run_id
from simulator.scenario import Scenario, ScenarioError, is_public, load
from simulator.stacks.extras import missing_for_oscore
from simulator.transport.limits import demand_open_files

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for."""

    scenario: Path
    devices: int | None
    seed: int | None
    processes: int
    server: str | None
    url: str | None
    out: Path | None
    overrides: tuple[str, ...]
    allow_public_target: bool
    command: tuple[str, ...]
    metrics: int = 0

    @property
    def all_overrides(self) -> tuple[str, ...]:
        """``--set`` with what ``--server`` and ``--url`` stand for."""
        found = list(self.overrides)
        if self.url is not None:
            # A string of JSON is a string of TOML, whatever the user wrote.
            found += ['server.kind="leshan-demo"', f"server.url={json.dumps(self.url)}"]
        elif self.server is not None:
            found.append(f'server.kind="{self.server}"')
        return tuple(found)


def load_scenario(path: Path, overrides: tuple[str, ...], devices: int | None) -> Scenario:
    """The scenario, scaled.

    Raises:
        CommandFailedError: it has problems; the text lists all of them.
    """
    try:
        return load(path, overrides, devices=devices)
    except ScenarioError as error:
        lines = "\n".join(f"  {problem}" for problem in error.problems)
        count = len(error.problems)
        msg = f"the scenario has {count} problem{'s' if count > 1 else ''}:\n{lines}"
        raise CommandFailedError(msg, USAGE) from None


def _check_targets(scenario: Scenario, options: Options) -> None:
    public = [host for host in scenario.target_hosts if is_public(host)]
    if public and not options.allow_public_target:
        msg = (
            f"the target {public[0]} is outside loopback and private ranges; load on somebody else's server needs "
            "their consent. If you have it, add --allow-public-target"
        )
        raise CommandFailedError(msg, USAGE)


def _check_files(population: Population) -> None:
    lines = problems_of(population)
    if lines:
        msg = "devices have no credential:\n" + "\n".join(f"  {line}" for line in lines)
        raise CommandFailedError(msg, USAGE)


def _check_packages(scenario: Scenario) -> None:
    protected = any("oscore" in group.management_spec.kinds for group in scenario.groups.values())
    missing = missing_for_oscore() if protected else []
    if missing:
        msg = f"OSCORE needs {', '.join(missing)}: pip install 'lwm2m-fleet[oscore]'"
        raise CommandFailedError(msg, ENVIRONMENT)


def make_plan(options: Options) -> Plan:
    """Check everything that can be checked before anything is started.

    Raises:
        CommandFailedError: wrong scenario, wrong target, too few open files, or a device without its credential.
    """
    if options.url is not None and options.server not in (None, "leshan-demo"):
        msg = f"--url is for --server leshan-demo, not {options.server}"
        raise CommandFailedError(msg, USAGE)
    overrides = options.all_overrides
    scenario = load_scenario(options.scenario, overrides, options.devices)
    _check_targets(scenario, options)
    _check_packages(scenario)
    # A device has a socket for management, and one more while it downloads.
    downloads = min(scenario.devices, scenario.campaign.concurrency) if scenario.driven else scenario.devices
    try:
        demand_open_files(-(-(scenario.devices + downloads) // options.processes))
    except OSError as error:
        raise CommandFailedError(str(error), ENVIRONMENT) from None
    seed = options.seed if options.seed is not None else scenario.run.seed
    if seed is None:
        seed = Entropy.draw()
    _check_files(Population(scenario, seed))
    directory = options.out or Path("runs") / run_id(scenario.run.name, seed)
    return Plan(
        scenario_file=options.scenario,
        overrides=overrides,
        devices=options.devices,
        scenario=scenario,
        seed=seed,
        processes=min(options.processes, scenario.devices),
        directory=directory,
        command=options.command,
        metrics=options.metrics,
    )


async def _run(plan: Plan, console: Console, show: type[Live]) -> Ended:
    session = Session(plan)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, session.interrupt)
    with ExitStack() as stack:
        if plan.metrics:
            stack.callback(_serve_metrics(session, plan.metrics, console))
        if show is Live:
            session.view.progress = Progress.over(plan.scenario, plan.seed)
        live = stack.enter_context(show(session.view, console))
        session.on_change = live.refresh
        return await session.run()


def run_plan(plan: Plan, console: Console, show: type[Live] = Live) -> Ended:
    """Run a plan, with its progress shown; says why, where it failed or was cut short.

    Raises:
        CommandFailedError: nothing could be run.
    """
    try:
        ended = asyncio.run(_run(plan, console, show))
    except RunDirectoryError as error:
        raise CommandFailedError(str(error), USAGE) from None
    except OSError as error:
        msg = f"{error.filename or plan.directory}: {error.strerror or error}"
        raise CommandFailedError(msg, ENVIRONMENT) from None
    if ended.status == "failed":
        console.print(f"[bold red]The run failed:[/] {escape(ended.reason)}", soft_wrap=True)
        console.print(f"Logs are in {escape(str(plan.directory / 'logs'))}", soft_wrap=True)
        if ended.begun:
            console.print(f"For what was recorded: lwm2m-fleet report {escape(str(plan.directory))}", soft_wrap=True)
    elif ended.status == "cut short":
        console.print(f"[bold yellow]Cut short:[/] {escape(ended.reason)}", soft_wrap=True)
    return ended


def _serve_metrics(session: Session, port: int, console: Console) -> Callable[[], None]:
    """Answer Prometheus while a run goes on.

    Raises:
        CommandFailedError: the port is taken.
    """
    try:
        end = serve_metrics(lambda: session.totals, port)
    except OSError as error:
        msg = f"--metrics: port {port} cannot be used: {error.strerror}; name another one"
        raise CommandFailedError(msg, ENVIRONMENT) from None
    console.print(f"Metrics: http://127.0.0.1:{port}/metrics", soft_wrap=True)
    return end


def run_scenario(options: Options, console: Console) -> int:
    """Run, report, and give the exit code.

    Raises:
        CommandFailedError: nothing could be run.
    """
    plan = make_plan(options)
    scenario = plan.scenario
    console.print(
        f"[bold]{escape(scenario.run.name)}[/]: {scenario.devices} devices in {plan.processes} "
        f"process{'es' if plan.processes > 1 else ''}, server {scenario.server.kind}, seed [bold]{plan.seed}[/]"
    )
    if remark := crowded(scenario.firmware.processes):
        console.print(f"[bold yellow]{remark}.[/]", soft_wrap=True)
    ended = run_plan(plan, console)
    if ended.status == "failed":
        return ENVIRONMENT
    # Here and not at the top, where Matplotlib and pandas would keep a run from its start for most of a second.
    from simulator.cli.report import print_report

    holds = ended.begun and print_report(plan.directory, console)
    if ended.interrupted:
        return INTERRUPTED
    return HOLDS if holds and ended.status == "complete" else CRITERION_FAILED
