"""A fleet process: one slice of the plan, over real sockets.

    python -m simulator.fleet RUN_DIRECTORY T0 SLICE SLICES SERVER_URI ...
    python -m simulator.fleet RUN_DIRECTORY T0 on-demand NAME SERVER_URI ...

One URI for each transport of the server that devices are managed over.

Commands on standard input: ``{"do": "go", "at": SECONDS}`` and ``{"do": "stop"}``. It tells ``ready``, then ``status``.
On demand, instead of ``go``: ``{"do": "start", "devices": [[INDEX, DUE_SECONDS], ...]}`` and ``{"do": "leave",
"devices": [INDEX, ...], "within": SECONDS}``. It tells which have ``left``.

Where the plan asks for it (``"tally": true``) and on demand, it also tells once a second a ``tally``: ``rows`` of what
the devices did since the last one, how many are in which State and have which Update Result, the bytes of packages that
have ``moved`` since the start, and the ``health`` of the process.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from simulator.coap.requests import parse_uri
from simulator.fleet.population import Population
from simulator.fleet.roster import Roster
from simulator.fleet.runner import FleetRunner
from simulator.fleet.tally import Tally
from simulator.ports import Address
from simulator.recorder.pipes import EXIT_ENVIRONMENT
from simulator.recorder.process import RunProcess
from simulator.scenario import load
from simulator.transport.clock import MonotonicClock
from simulator.transport.deadlines import Deadlines
from simulator.transport.limits import raise_open_files
from simulator.transport.loop import run
from simulator.transport.sockets import SocketNetwork

if TYPE_CHECKING:
    from simulator.events import EventSink

ON_DEMAND: Final = "on-demand"
"""In place of the number of a slice."""
TELL_EVERY_S: Final = 1.0


def _plan(directory: Path) -> dict[str, Any]:
    return dict(json.loads((directory / "plan.json").read_text(encoding="utf-8")))


def _population(directory: Path) -> tuple[Population, int]:
    plan = _plan(directory)
    scenario = load(plan["scenario"], plan["set"], devices=plan["devices"])
    return Population(scenario, plan["seed"]), int(plan["package_bytes"])


def _servers(uris: list[str]) -> dict[str, Address]:
    parsed = [parse_uri(uri) for uri in uris]
    return {uri.scheme: Address(uri.host, uri.port) for uri in parsed}


def _runner(
    process: RunProcess, directory: Path, servers: list[str], slice_: tuple[int, int], sink: EventSink
) -> FleetRunner:
    loop = asyncio.get_running_loop()
    population, package_size = _population(directory)
    return FleetRunner(
        population,
        slice_,
        network=SocketNetwork(loop),
        servers=_servers(servers),
        clock=MonotonicClock(process.t0),
        deadlines=Deadlines(loop, process.now),
        sink=sink,
        unix_start=int(time.time() - process.now()),
        package_size=package_size,
        on_start=process.sampler.started,
        flash_directory=directory / "flash",
    )


async def run_slice(directory: Path, t0: float, slice_: tuple[int, int], servers: list[str]) -> int:
    """Run one slice; the exit code of its process."""
    process = RunProcess(directory, f"fleet-{slice_[0]}", t0)
    await process.start()
    tally = Tally(process) if _plan(directory).get("tally") else None
    runner = _runner(process, directory, servers, slice_, tally or process)
    if tally is not None:
        process.watch(_tell_on(process, tally, runner))
    process.devices = lambda: len(runner.devices)
    process.status = lambda: {**runner.counts, "planned": runner.planned}
    process.tell(ready=True)
    command = await process.command()
    if command is None or command.get("do") != "go":
        await process.close()
        return EXIT_ENVIRONMENT
    starting = process.watch(runner.run(float(command["at"])))
    while await process.command() is not None:
        pass
    starting.cancel()
    await asyncio.wait([starting])
    process.sampler.missed_starts = runner.missed_starts
    await runner.stop()
    if tally is not None:
        _tell(process, tally, runner)
    await process.close()
    return 0


async def _tell_on(process: RunProcess, tally: Tally, runner: FleetRunner) -> None:
    while True:
        await asyncio.sleep(TELL_EVERY_S)
        _tell(process, tally, runner)


def _tell(process: RunProcess, tally: Tally, runner: FleetRunner) -> None:
    told = {"rows": tally.take(), **tally.gauges(), "moved": tally.moved(runner.devices), "health": _health(process)}
    process.tell(tally={"process": process.name, **told})


def _health(process: RunProcess) -> dict[str, float]:
    """The newest sample, with the longest lag of the last ones; empty before the first."""
    if not process.samples:
        return {}
    newest = process.samples[-1]
    return {
        "t": newest.t,
        "cpu_s": newest.cpu_s,
        "lag_s": max(sample.loop_lag_s for sample in process.samples),
        "late_starts": newest.late_starts,
    }


async def run_on_demand(directory: Path, t0: float, name: str, servers: list[str]) -> int:
    """Run the devices that are asked for, until the end of input; the exit code of the process."""
    process = RunProcess(directory, name, t0)
    await process.start()
    tally = Tally(process)
    runner = _runner(process, directory, servers, (0, 1), tally)
    process.watch(_tell_on(process, tally, runner))
    roster = Roster(runner, process.now, lambda k: process.tell(left=[k]))
    process.devices = lambda: sum(device.on for device in runner.devices)
    process.status = lambda: dict(runner.counts)
    process.tell(ready=True)
    while (command := await process.command()) is not None:
        if command.get("do") == "start":
            roster.start((int(k), float(due)) for k, due in command["devices"])
        elif command.get("do") == "leave":
            roster.leave((int(k) for k in command["devices"]), float(command["within"]))
    process.sampler.missed_starts = roster.missed_starts
    await roster.close()
    await runner.stop()
    _tell(process, tally, runner)
    await process.close()
    return 0


def spare_collections() -> None:
    """Keep the garbage collector from walking the whole fleet.

    Devices live as long as the process, and ten thousand of them are a million objects: a full collection stops the
    event loop for half a second and finds nothing. What devices throw away holds no cycles and goes at once.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 1_000)


def main(arguments: list[str]) -> int:
    """Entry point of ``python -m simulator.fleet``."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    raise_open_files()
    spare_collections()
    directory, t0, index, slices, *servers = arguments
    if index == ON_DEMAND:
        return run(run_on_demand(Path(directory), float(t0), slices, servers))
    return run(run_slice(Path(directory), float(t0), (int(index), int(slices)), servers))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
