"""What a second process of the package origin gives: exchanges and updates per second with two against with one.

Unlike elsewhere here the clock on the wall counts, and nothing is pinned: the question is how much comes out.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import pyarrow.parquet

from simulator.cli.child import Child
from simulator.cli.origins import start_origins
from simulator.cli.plan import Plan
from simulator.cli.session import ORIGIN
from simulator.scenario import load
from simulator.transport.loop import run
from tests.bench import c_peers
from tests.bench.measures import Bench
from tests.bench.rig import BenchError, cpu_seconds

PROCESSES: Final = (1, 2)
TRANSPORTS: Final = ("coap", "http")
AT_ONCE: Final = 100
"""Devices that download at the same time."""
PACKAGE_BYTES: Final = 64 << 10
COAP_TIMES: Final = 400
"""Blocks over CoAP for each device of the other benchmarks of exchanges."""
HTTP_TIMES: Final = 10
"""Packages over HTTP for each device of the other benchmarks of streams."""
TIMEOUT_S: Final = 600.0
ROOT: Final = Path(__file__).resolve().parents[2]
read_table: Any = pyarrow.parquet.read_table

_SCENARIO: Final = """
[firmware]
size = "{size} B"
processes = {processes}
[devices]
transport = "{transport}"
boot_time = "100 ms"
install_time = "100 ms"
[groups.all]
count = {devices}
[arrivals]
kind = "at-once"
[campaign]
start = "all-registered"
concurrency = 500
[criteria]
failed_max = 0
unknown_max = 0
"""


class Served(NamedTuple):
    """What came out of an origin."""

    per_s: float
    """Blocks of 1024 bytes over CoAP or packages over HTTP, by the clock on the wall."""
    cores: float
    """That all its processes filled."""
    client: float
    """Cores that the client filled."""

    @property
    def per_cpu_s(self) -> float:
        """The same by the CPU seconds of the origin."""
        return self.per_s / self.cores


def origin_processes(bench: Bench) -> None:
    """Exchanges and whole updates per second of an origin with one process and with two, in turn."""
    with _all_cores() as cores:
        rows = bench.repeated("an origin of one and of two processes", lambda: _served(bench))
        updates = bench.repeated("updates from one and from two processes", lambda: _updated(bench))
    for scheme, what in (("coap", "blocks from an origin over coap"), ("http", "packages from an origin over http")):
        for n in PROCESSES:
            served = [row[scheme, n] for row in rows]
            own, client = (median(getattr(one, side) for one in served) for side in ("cores", "client"))
            note = f"filled {own:.2f} cores, and its client {client:.2f} of the {cores}"
            bench.add(f"{what}, processes = {n}", "per s", [one.per_s for one in served], None, note)
        ratios = [row[scheme, 2].per_s / row[scheme, 1].per_s for row in rows]
        bench.add(f"origin over {scheme}, two processes : one", "ratio", ratios)
        ratios = [row[scheme, 2].per_cpu_s / row[scheme, 1].per_cpu_s for row in rows]
        note = "of the CPU of the origin, whatever else the machine does; 1 is as much from each core as one alone gave"
        bench.add(f"the same over {scheme}, per CPU-second", "ratio", ratios, None, note)
    note = (
        f"{bench.sizes.devices:,} pulls of {bench.sizes.update_bytes >> 10} KiB, with all else of a run on these cores"
    )
    for scheme in TRANSPORTS:
        for n in PROCESSES:
            values = [row[scheme, n] for row in updates]
            bench.add(f"updates over {scheme}, processes = {n}", "per s", values, None, note)
        ratios = [row[scheme, 2] / row[scheme, 1] for row in updates]
        bench.add(f"updates over {scheme}, two processes : one", "ratio", ratios)


@contextmanager
def _all_cores() -> Iterator[int]:
    """Let what is started here use every core; how many there are."""
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    try:
        yield len(os.sched_getaffinity(0))
    finally:
        os.sched_setaffinity(0, mine)


def _scenario(directory: Path, **values: Any) -> Path:
    directory.mkdir(parents=True)
    file = directory / "scenario.toml"
    file.write_text(_SCENARIO.format(**values), encoding="utf-8")
    return file


def _served(bench: Bench) -> dict[tuple[str, int], Served]:
    sizes = bench.sizes
    blocks = COAP_TIMES * sizes.exchange_devices

    def coap(port: int) -> c_peers.Measured:
        return c_peers.run_client(port, devices=AT_ONCE, exchanges=blocks, mode="block", core=None)

    def http(port: int) -> c_peers.Measured:
        transfers = HTTP_TIMES * sizes.stream_devices
        return c_peers.fetch_by_http(port, at_once=AT_ONCE, transfers=transfers, size=PACKAGE_BYTES)

    return {
        (scheme, n): run(_measured(bench.place(), n, scheme, fetch))
        for scheme, fetch in (("coap", coap), ("http", http))
        for n in PROCESSES
    }


async def _measured(directory: Path, n: int, scheme: str, fetch: Callable[[int], c_peers.Measured]) -> Served:
    async with _origin(directory, n) as (uris, origins):
        before = [cpu_seconds(one.pid) for one in origins]
        done = await asyncio.to_thread(fetch, urlsplit(uris[scheme]).port or 0)
        spent = [cpu_seconds(one.pid) - used for one, used in zip(origins, before, strict=True)]
    return Served(done.exchanges / done.wall_s, sum(spent) / done.wall_s, done.cpu_s / done.wall_s)


@asynccontextmanager
async def _origin(directory: Path, n: int) -> AsyncIterator[tuple[dict[str, str], list[Child]]]:
    """The origin of a run without the rest of it: its URIs by scheme, and its processes."""
    file = _scenario(directory, size=PACKAGE_BYTES, processes=n, transport="coap", devices=1)
    packages = directory / "packages"
    packages.mkdir()
    (directory / "logs").mkdir()
    (packages / c_peers.BODY_PATH).write_bytes(c_peers.body(PACKAGE_BYTES))
    plan = Plan(file, (), None, load(file), 1, 1, directory, ())
    children: list[Child] = []

    async def start(name: str, arguments: list[str]) -> Child:
        common = [str(directory), repr(time.monotonic())]
        children.append(Child(name, "origin", ORIGIN, common + arguments, directory / "logs" / f"{name}.log"))
        await children[-1].start()
        return children[-1]

    async def wait(ready: Any) -> dict[str, Any]:
        found: dict[str, Any] = await ready
        return found

    try:
        yield await start_origins(plan, packages, "", (), start, wait), children
    finally:
        for child in children:
            await child.stop(asyncio.Event())


def _updated(bench: Bench) -> dict[tuple[str, int], float]:
    """Updates per second by transport and number of processes."""
    return {(transport, n): _updates_per_s(bench, transport, n) for transport in TRANSPORTS for n in PROCESSES}


def _updates_per_s(bench: Bench, transport: str, n: int) -> float:
    directory, devices = bench.place(), bench.sizes.devices
    file = _scenario(directory, size=bench.sizes.update_bytes, processes=n, transport=transport, devices=devices)
    out = directory / "run"
    command = [sys.executable, "-P", "-m", "simulator", "run", str(file), "--seed", "7", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=TIMEOUT_S)
    if done.returncode:
        msg = f"the run ended with exit code {done.returncode}: {(done.stdout + done.stderr)[-500:]}"
        raise BenchError(msg)
    return _rate(out)


def _rate(out: Path) -> float:
    """Updates of a run over the time from the first Write to the last end, per second."""
    parts = sorted((out / "parts" / "updates").glob("*.parquet"))
    rows = [row for part in parts for row in read_table(part, columns=["t", "started"]).to_pylist()]
    return len(rows) / (max(row["t"] for row in rows) - min(row["started"] for row in rows))
