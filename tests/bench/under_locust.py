"""What Locust around a fleet costs: its worker against the fleet process under it, and its page meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import psutil
import pyarrow.parquet

import simulator
from tests.bench.figures import Goal
from tests.bench.leshan import ROOT, cpu_by_role
from tests.bench.measures import Bench
from tests.bench.rig import ALL_CORES, BenchError
from tests.load.locust_runs import MARK, Locust
from tests.peers.process import find_free_port

PRODUCT: Final = Path(simulator.__file__).resolve().parents[1]
"""Where the product is that is measured. Locust imports from where it is started, so it is started here."""
LOCUSTFILE: Final = PRODUCT / "simulator" / "load" / "start.py"
"""By its path: who imports it has all of gevent's patches."""
TIMEOUT_S: Final = 300.0
LOOK_S: Final = 0.1
IDLE_WORKERS: Final = 3
IDLE_RATE: Final = 1500
SETTLE_S: Final = 5.0
open_table: Any = pyarrow.parquet.read_table

_UPDATES: Final = """
[run]
duration_max = "9 min"
[firmware]
size = "{size} B"
[devices]
boot_time = "100 ms"
install_time = "100 ms"
[groups.all]
count = {devices}
[arrivals]
kind = "rate"
rate = "500/s"
[campaign]
start = "{start}"
concurrency = {concurrency}
timeout = "8 min"
request_timeout = "2 min"
[criteria]
failed_max = 0
unknown_max = 0
as_declared_min = "100 %"
"""
_IDLE: Final = """
[run]
duration_max = "10 min"
[devices]
delivery = "none"
[groups.all]
count = {devices}
"""


class Cost(NamedTuple):
    """Of one run under Locust."""

    worker_cpu_s: float
    """Of Locust's worker, without its start."""
    fleet_cpu_s: float
    """Of the fleet process under it, with its start."""
    exchanges_per_s: float
    """Blocks of all downloads over the time from the first one's start to the last one's end."""
    page_ms: tuple[float, ...]
    """How long Locust's page took for each request."""


def harness(bench: Bench) -> None:
    """CPU of the worker against that of its fleet process at many exchanges a second, and how quick the page is."""
    sizes = bench.sizes
    text = _UPDATES.format(
        size=sizes.exchange_bytes, devices=sizes.exchange_devices, start="all-registered", concurrency=5_000
    )
    rows = bench.repeated("a worker of Locust beside its fleet", lambda: _under_locust(bench.place(), text))
    note = (
        f"{sizes.exchange_devices} devices, {sizes.exchange_bytes >> 10} KiB; one worker, page asked ten times a second"
    )
    bench.add("exchanges under Locust", "per s", [row.exchanges_per_s for row in rows], None, note)
    shares = [100 * row.worker_cpu_s / row.fleet_cpu_s for row in rows]
    bench.add("Locust's worker : fleet", "% of CPU", shares, Goal("at most", 5.0))
    for part, goal in ((50, None), (95, Goal("at most", 50.0))):
        bench.add(f"Locust's page, p{part}", "ms", [float(np.percentile(row.page_ms, part)) for row in rows], goal)


def engine(bench: Bench) -> None:
    """Updates per CPU-second under Locust, worker and fleet process together, against ``lwm2m-fleet run``."""
    sizes = bench.sizes
    devices = 2 * sizes.devices
    text = _UPDATES.format(size=sizes.update_bytes, devices=devices, start="registered", concurrency=500)

    def once() -> tuple[float, float]:
        cost = _under_locust(bench.place(), text)
        return devices / (cost.worker_cpu_s + cost.fleet_cpu_s), devices / _by_run(bench.place(), text)

    rows = bench.repeated("updates under Locust and by run", once)
    note = f"{devices:,} pulls of {sizes.update_bytes >> 10} KiB; one fleet process with its start, and Locust's worker"
    bench.add("updates under Locust", "per CPU-s", [row[0] for row in rows], None, note)
    bench.add("updates by run", "per CPU-s", [row[1] for row in rows])
    bench.add("under Locust : by run", "ratio", [row[0] / row[1] for row in rows], Goal("at least", 0.95))


def idle(bench: Bench) -> None:
    """Memory of an idle registered device under Locust: in the fleet processes, and in Locust's own."""
    devices = bench.sizes.idle_devices
    rows = bench.repeated(f"{devices:,} idle devices under Locust", lambda: _idle(bench.place(), devices))
    note = f"{devices:,} registered devices under {IDLE_WORKERS} workers; unique set size, all of it, by the device"
    bench.add("idle under Locust: fleet", "KB", [row[0] for row in rows], None, note)
    bench.add("idle under Locust: workers", "KB", [row[1] for row in rows])
    bench.add("idle under Locust: master and stage", "KB", [row[2] for row in rows], None, "with the server under test")


@contextmanager
def _locust(directory: Path, text: str, *options: str) -> Iterator[tuple[Locust, int]]:
    """Locust with its page, which begins at once; and the port of the page."""
    directory.mkdir(parents=True)
    scenario = directory / "scenario.toml"
    scenario.write_text(text, encoding="utf-8")
    page, master = find_free_port(), find_free_port()
    mark = f"{os.getpid()}-{directory.name}"
    command = [sys.executable, "-P", "-m", "locust", "-f", str(LOCUSTFILE), "--autostart", "--autoquit", "1"]
    command += ["--web-host", "127.0.0.1", "--web-port", str(page), "--master-bind-host", "127.0.0.1"]
    command += ["--master-bind-port", str(master), "--master-port", str(master)]
    command += ["--scenario", str(scenario), "--fleet-out", str(directory / "run"), "--fleet-seed", "7", *options]
    log = directory / "locust.log"
    environment = {**os.environ, "PYTHONPATH": str(PRODUCT), MARK: mark}
    with log.open("wb") as out, _all_cores():
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=PRODUCT, env=environment)
    run = Locust(directory, process, log, mark)
    try:
        yield run, page
    finally:
        run.end()


@contextmanager
def _all_cores() -> Iterator[None]:
    """What is started here may use every core; this process stays where it is."""
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, ALL_CORES)
    try:
        yield
    finally:
        os.sched_setaffinity(0, mine)


def _until(run: Locust, words: str) -> None:
    end = time.monotonic() + TIMEOUT_S
    while words not in run.text:
        if run.process.poll() is not None or time.monotonic() > end:
            msg = f"Locust never said {words!r}: {run.text[-500:]}"
            raise BenchError(msg)
        time.sleep(LOOK_S)


def _under_locust(directory: Path, text: str) -> Cost:
    times: list[float] = []
    over = threading.Event()
    with _locust(directory, text, "--processes", "1", "--load-shape", "arrivals") as (run, port):
        _until(run, "starting the server under test")
        worker = psutil.Process(run.workers[0].pid)
        before = sum(worker.cpu_times()[:2])
        asking = threading.Thread(target=_ask, args=(port, over, times), daemon=True)
        asking.start()
        _until(run, "every update has ended")
        used = sum(worker.cpu_times()[:2]) - before
        over.set()
        asking.join()
        run.process.send_signal(signal.SIGINT)
        code = run.wait(int(TIMEOUT_S))
        if code:
            msg = f"the run under Locust ended with exit code {code}: {run.text[-5000:]}"
            raise BenchError(msg)
    return Cost(used, cpu_by_role(run.run)["fleet"], _exchanges_per_s(run.run), tuple(times))


def _ask(port: int, over: threading.Event, times: list[float]) -> None:
    """Ask for what Locust's page and the page with charts ask for."""
    pages = (f"http://127.0.0.1:{port}/stats/requests", f"http://127.0.0.1:{port}/firmware/live")
    while not over.wait(LOOK_S):
        for page in pages:
            begun = time.monotonic()
            with suppress(OSError):
                urllib.request.urlopen(page, timeout=10).read()
                times.append(1e3 * (time.monotonic() - begun))


def _exchanges_per_s(directory: Path) -> float:
    parts = sorted((directory / "parts" / "transfers").glob("*.parquet"))
    rows = [row for part in parts for row in open_table(part, columns=["t", "started", "blocks"]).to_pylist()]
    lasted = max(row["t"] for row in rows) - min(row["started"] for row in rows)
    return float(sum(row["blocks"] for row in rows) / lasted)


def _by_run(directory: Path, text: str) -> float:
    """CPU seconds of the fleet process of ``lwm2m-fleet run``."""
    directory.mkdir(parents=True)
    scenario = directory / "scenario.toml"
    scenario.write_text(text, encoding="utf-8")
    out = directory / "run"
    command = [sys.executable, "-P", "-m", "simulator", "run", str(scenario), "--seed", "7", "--out", str(out)]
    with _all_cores():
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=TIMEOUT_S)
    if done.returncode:
        msg = f"the run ended with exit code {done.returncode}: {(done.stdout + done.stderr)[-500:]}"
        raise BenchError(msg)
    return cpu_by_role(out)["fleet"]


def _idle(directory: Path, devices: int) -> tuple[float, float, float]:
    """KB per device: of the fleet processes, of the workers, and of the master with all of the stage."""
    options = ("--processes", str(IDLE_WORKERS), "--users", str(devices), "--spawn-rate", str(IDLE_RATE))
    with _locust(directory, _IDLE.format(devices=devices), *options) as (run, _):
        _until_registered(run, devices)
        time.sleep(SETTLE_S)
        fleets, workers = run.fleets, run.workers
        known = {one.pid for one in (*fleets, *workers)}
        rest = [one for one in run.tree() if one.pid not in known]
        sizes = [sum(one.memory_full_info().uss for one in some) for some in (fleets, workers, rest)]
        run.process.send_signal(signal.SIGINT)
        run.wait(int(TIMEOUT_S))
    registered = _registered(run.run)
    if registered != devices:
        msg = f"{registered:,} of {devices:,} devices had registered"
        raise BenchError(msg)
    return sizes[0] / devices / 1e3, sizes[1] / devices / 1e3, sizes[2] / devices / 1e3


def _until_registered(run: Locust, devices: int) -> None:
    end = time.monotonic() + TIMEOUT_S
    while run.process.poll() is None and time.monotonic() < end and _registered(run.run) < devices:
        time.sleep(1.0)


def _registered(directory: Path) -> int:
    """Devices whose Register is in the record."""
    parts = sorted((directory / "parts" / "registrations").glob("*.parquet"))
    found: set[int] = set()
    for part in parts:
        rows = open_table(part, columns=["device", "operation", "outcome"]).to_pylist()
        found |= {row["device"] for row in rows if (row["operation"], row["outcome"]) == ("register", "ok")}
    return len(found)
