"""How long a report takes and how much memory, over run directories of 10^5, 10^6 and 10^7 events (rows of tables)."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from typing import Final, NamedTuple

from tests.bench.figures import Goal
from tests.bench.large_runs import write
from tests.bench.measures import Bench
from tests.bench.rig import BenchError

TIMEOUT_S: Final = 600
PAGE: Final = "report.html"
# In a process of its own, whose memory is that of the report alone.
_BUILD: Final = """
import resource, sys
from pathlib import Path
import reports
reports.build(Path(sys.argv[1]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


class Cost(NamedTuple):
    """Of one report."""

    seconds: float
    """Wall time, with the start of Python and its libraries."""
    peak_gb: float
    page_mb: float
    rows: int


def reports(bench: Bench) -> None:
    """Time, memory and size of the page, and how the time grows."""
    sizes = bench.sizes.report_rows
    found = [bench.repeated(f"the report of {rows:,} events", lambda rows=rows: _once(bench, rows)) for rows in sizes]
    for rows, costs in zip(sizes, found, strict=True):
        largest = rows == 10_000_000
        name = f"report of {rows:,} events"
        bench.add(name, "s", [cost.seconds for cost in costs], Goal("at most", 30.0) if largest else None)
        bench.add(f"{name}: memory", "GB", [cost.peak_gb for cost in costs], Goal("at most", 2.0) if largest else None)
        bench.add(f"{name}: page", "MB", [cost.page_mb for cost in costs], Goal("at most", 5.0))
    few, many = found[0], found[-1]
    if len(found) > 1:
        growth = [(b.seconds / b.rows) / (a.seconds / a.rows) for a, b in zip(few, many, strict=True)]
        note = f"time per event, {sizes[-1]:,} against {sizes[0]:,} events; 1 is linear"
        bench.add("report: growth", "ratio", growth, Goal("at most", 1.0), note)


def _once(bench: Bench, rows: int) -> Cost:
    made = write(bench.place(), rows)
    try:
        begun = time.monotonic()
        command = [sys.executable, "-c", _BUILD, str(made.path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
        seconds = time.monotonic() - begun
        if done.returncode:
            msg = f"the report of {rows:,} events was not made: {done.stderr[-300:]}"
            raise BenchError(msg)
        page = (made.path / PAGE).stat().st_size
        return Cost(seconds, int(done.stdout) * 1024 / 1e9, page / 1e6, made.rows)
    finally:
        shutil.rmtree(made.path)
