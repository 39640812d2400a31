"""Measure the product on this machine, beside a client in C, beside aiocoap and beside Leshan: ``make bench``.

Nothing here passes or fails: the table says for each figure whether its goal is met. The exit code is 1 only where
something could not be measured.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from rich.console import Console

from tests.bench import burdens, histories, leshan, origin_processes, reports, transports, under_locust
from tests.bench.c_peers import BUILD_DIR
from tests.bench.figures import Goal, Results
from tests.bench.isolation import isolation
from tests.bench.measures import QUICK, Bench, Sizes
from tests.bench.rig import BenchError, stay_off_the_fleets_core

LESHAN_QUICK_DEVICES: Final = 210
NO_COMPILER: Final = "install Debian package gcc and libc6-dev, or set CC"
LINES_SHOWN: Final = 12


def against_leshan(bench: Bench) -> None:
    """CPU of the fleet against that of Leshan, in the same run."""
    problem = leshan.missing()
    if problem:
        bench.results.skipped["fleet : Leshan"] = problem
        return
    devices = LESHAN_QUICK_DEVICES if bench.results.quick else None
    rows = bench.repeated("against Leshan", lambda: leshan.cpu_of_one_run(bench.place(), devices))
    bench.add("fleet against Leshan", "CPU s", [fleet for fleet, _ in rows])
    bench.add("Leshan itself", "CPU s", [server for _, server in rows])
    note = "CPU of whole processes, with their start, in scenarios/leshan.toml"
    bench.add("fleet : Leshan", "ratio", [a / b for a, b in rows], Goal("at most", 0.5), note)


BENCHMARKS: Final[dict[str, Callable[[Bench], None]]] = {
    "exchanges": Bench.exchanges,
    "updates": Bench.updates,
    "memory": Bench.memory,
    "scale": Bench.scale,
    "recorder": Bench.recorder,
    "coaps": transports.coaps,
    "streams": transports.streams,
    "connections": transports.connections,
    "machinery": burdens.machinery,
    "links": burdens.links,
    "isolation": isolation,
    "histories": histories.virtual_time,
    "leshan": against_leshan,
    "locust": under_locust.harness,
    "engine": under_locust.engine,
    "idle": under_locust.idle,
    "origin": origin_processes.origin_processes,
    "reports": reports.reports,
    "profile": Bench.profile,
}
NEEDS_C: Final = frozenset({"exchanges", "updates", "scale", "recorder", "machinery", "links", "origin", "profile"})
ON_DEMAND: Final = frozenset({"isolation", "idle", "reports", "origin", "profile"})
ALWAYS: Final = tuple(name for name in BENCHMARKS if name not in ON_DEMAND)


def measure(name: str, bench: Bench) -> None:
    """Run one benchmark; what goes wrong with it is kept and does not stop the others."""
    if name in NEEDS_C and shutil.which("cc") is None:
        bench.results.skipped[name] = NO_COMPILER
        return
    try:
        BENCHMARKS[name](bench)
    except (BenchError, RuntimeError, OSError, TimeoutError) as error:
        bench.results.failed[name] = f"{type(error).__name__}: {error}"


def show_memory(results: Results, console: Console) -> None:
    """Which part of the program holds the memory of a device."""
    parts = results.parts.get("memory")
    if parts is None:
        return
    shares = list(parts["by_package"].items())
    shown = ", ".join(f"{package} {held:,.0f}" for package, held in shares[:LINES_SHOWN])
    console.print(f"Memory of a device as Python counts it: {parts['bytes_per_device']:,.0f} bytes ({shown}).")


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="small sizes and one repetition, for a first look")
    parser.add_argument(
        "--out", type=Path, default=BUILD_DIR, metavar="DIR", help="for bench.json (default: build/bench)"
    )
    parser.add_argument("--repeat", type=int, metavar="N", help="repetitions (default: 3, or 1 with --quick)")
    parser.add_argument("--only", choices=BENCHMARKS, nargs="+", default=ALWAYS, help="some of the benchmarks")
    options = parser.parse_args(arguments)
    if options.repeat is not None and options.repeat < 1:
        parser.error("--repeat needs 1 or more")
    return options


def main(arguments: list[str]) -> int:
    """Measure, print the table and write the JSON; the exit code."""
    options = parse(arguments)
    results = Results(options.quick, options.repeat or (1 if options.quick else 3))
    console, progress = Console(), Console(stderr=True)
    stay_off_the_fleets_core()
    with tempfile.TemporaryDirectory(prefix="lwm2m-fleet-bench-") as directory, progress.status("") as status:
        sizes = QUICK if options.quick else Sizes()
        bench = Bench(Path(directory), sizes, results, lambda what: status.update(f"Measuring {what} ..."))
        for name in options.only:
            measure(name, bench)
            file = results.write(options.out)
    console.print(results.table())
    for remark in results.remarks():
        console.print(remark, markup=False, highlight=False)
    show_memory(results, console)
    console.print(f"Load of the machine in the minute before: {results.load_before:.2f}. All figures are in {file}.")
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
