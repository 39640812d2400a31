"""Run directories as a run leaves them, as far as a replay reads them, and replays of their devices."""

from __future__ import annotations

import io
import json
from dataclasses import asdict

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from simulator.cli.packages import make_packages
from simulator.cli.reproduce import Options, reproduce
from simulator.scenario import loads

SCENARIO = """
[run]
name = "recorded"
[firmware]
size = "3 KiB"
[devices]
install_time = "500 ms"
block_size = 512
[groups.plain]
count = 2
network = "lte-m"
[[groups.plain.faults]]
kind = "image-corrupt"
share = "50 %"
[groups.secure]
count = 1
management = "coaps"
transport = "coaps"
network = "nb-iot"
[groups.stream]
count = 1
management = "coap+tcp"
delivery = "push"
[groups.web]
count = 1
management = "coaps+tcp"
transport = "https"
[groups.http]
count = 1
transport = "http"
network = "lte-m"
[groups.watched]
count = 1
delivery = "none"
[arrivals]
kind = "rate"
rate = "2/s"
[campaign]
timeout = "60 s"
"""
SEED = 11


def recorded_run(tmp_path, text=SCENARIO, seed=SEED):
    """A run directory without any rows."""
    directory = tmp_path / "run"
    directory.mkdir()
    (directory / "scenario.toml").write_text(text)
    plan = {"scenario": str(tmp_path / "gone.toml"), "set": [], "devices": None, "seed": seed}
    (directory / "plan.json").write_text(json.dumps(plan))
    (directory / "manifest.json").write_text(json.dumps({"started": "2026-11-25T12:00:00+00:00"}))
    make_packages(loads(text).firmware, seed, directory / "packages")
    return directory


def record(directory, event):
    """Add one event to a run."""
    folder = directory / "parts" / event.table
    folder.mkdir(parents=True, exist_ok=True)
    number = len(list(folder.iterdir()))
    pq.write_table(pa.Table.from_pylist([asdict(event)]), folder / f"fleet-0-{number:06d}.parquet")


def replay(directory, device, **options):
    """Replay a device; the exit code, and what was printed."""
    out = io.StringIO()
    code = reproduce(Options(directory, device, **options), Console(file=out, width=200))
    return code, out.getvalue()
