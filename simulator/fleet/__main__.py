"""A fleet process: one slice of the plan, over real sockets.

    python -m simulator.fleet RUN_DIRECTORY T0 SLICE SLICES SERVER_URI ...

One URI for each transport of the server that devices are managed over.

Commands on standard input: ``{"do": "go", "at": SECONDS}`` and ``{"do": "stop"}``. It tells ``ready``, then ``status``.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import sys
import time
from contextlib import suppress
from pathlib import Path

from simulator.coap.requests import parse_uri
from simulator.fleet.population import Population
from simulator.fleet.runner import FleetRunner
from simulator.ports import Address
from simulator.recorder.process import EXIT_ENVIRONMENT, RunProcess
from simulator.scenario import load
from simulator.transport.clock import MonotonicClock
from simulator.transport.deadlines import Deadlines
from simulator.transport.limits import raise_open_files
from simulator.transport.loop import run
from simulator.transport.sockets import SocketNetwork


def _population(directory: Path) -> tuple[Population, int]:
    plan = json.loads((directory / "plan.json").read_text(encoding="utf-8"))
    scenario = load(plan["scenario"], plan["set"], devices=plan["devices"])
    return Population(scenario, plan["seed"]), int(plan["package_bytes"])


def _servers(uris: list[str]) -> dict[str, Address]:
    parsed = [parse_uri(uri) for uri in uris]
    return {uri.scheme: Address(uri.host, uri.port) for uri in parsed}


async def run_slice(directory: Path, t0: float, slice_: tuple[int, int], servers: list[str]) -> int:
    """Run one slice; the exit code of its process."""
    process = RunProcess(directory, f"fleet-{slice_[0]}", t0)
    await process.start()
    loop = asyncio.get_running_loop()
    population, package_size = _population(directory)
    runner = FleetRunner(
        population,
        slice_,
        network=SocketNetwork(loop),
        servers=_servers(servers),
        clock=MonotonicClock(t0),
        deadlines=Deadlines(loop, process.now),
        sink=process,
        unix_start=int(time.time() - process.now()),
        package_size=package_size,
        on_start=process.sampler.started,
        flash_directory=directory / "flash",
    )
    process.devices = lambda: len(runner.devices)
    process.status = lambda: {**runner.counts, "planned": runner.planned}
    process.tell(ready=True)
    command = await process.command()
    if command is None or command.get("do") != "go":
        await process.close()
        return EXIT_ENVIRONMENT
    starting = asyncio.ensure_future(runner.run(float(command["at"])))
    while await process.command() is not None:
        pass
    starting.cancel()
    with suppress(asyncio.CancelledError):
        await starting
    process.sampler.missed_starts = runner.missed_starts
    await runner.stop()
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
    return run(run_slice(Path(directory), float(t0), (int(index), int(slices)), servers))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
