"""Whole runs with credentials, as a user starts them, and what their records say of each group."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict

import pyarrow.parquet as pq


def run(tmp_path, scenario, *options, timeout=150):
    """Run a scenario as a user does; the process, and its run directory."""
    out = tmp_path / "run"
    command = [sys.executable, "-m", "simulator", "run", str(scenario), "--out", str(out), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout), out


def written(tmp_path, text):
    """A scenario file with this text."""
    path = tmp_path / "scenario.toml"
    path.write_text(text)
    return path


def rows(out, kind):
    """All events of a kind."""
    return [row for part in sorted((out / "parts" / kind).glob("*")) for row in pq.read_table(part).to_pylist()]


def by_group(out, kind):
    """The events of a kind, by the name of the devices' group."""
    groups = {row["device"]: row["group"] for row in rows(out, "devices")}
    found = defaultdict(list)
    for row in rows(out, kind):
        found[groups[row["device"]]].append(row)
    return found


def summary(out):
    """What the report says, as data."""
    return json.loads((out / "summary.json").read_text())
