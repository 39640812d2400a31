"""Good devices beside faulty ones, over sockets: ``scenarios/isolation.toml`` in turn with its faults and without."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow.parquet
from numpy.typing import NDArray

from simulator.scenario import load
from tests.bench.leshan import ROOT
from tests.bench.measures import Bench
from tests.bench.rig import BenchError

SCENARIO: Final = ROOT / "scenarios" / "isolation.toml"
SEED: Final = 7
TIMEOUT_S: Final = 600
PERCENTILES: Final = (50, 95, 99)
open_table: Any = pyarrow.parquet.read_table


class Times(NamedTuple):
    """Of the good devices of one run."""

    devices: int
    updates_ms: NDArray[np.float64]
    """From the first Write to the verdict."""
    blocks_us: NDArray[np.int64]


def isolation(bench: Bench) -> None:
    """Percentiles of the good devices' updates and blocks beside faulty ones, and without faults."""
    names = load(SCENARIO).groups
    sound = [f"groups.{name}.faults=[]" for name in names]
    rows = bench.repeated("isolation", lambda: _pair(bench, sound))
    for name, unit, pick in (("update", "ms", _updates), ("block", "µs", _blocks)):
        for part in PERCENTILES:
            beside, alone = ([float(np.percentile(pick(row[side]), part)) for row in rows] for side in (0, 1))
            bench.add(f"good devices, {name} p{part}, beside faulty ones", unit, beside)
            bench.add(f"good devices, {name} p{part}, without faults", unit, alone)


def _updates(times: Times) -> NDArray[Any]:
    return times.updates_ms


def _blocks(times: Times) -> NDArray[Any]:
    return times.blocks_us


def _pair(bench: Bench, sound: list[str]) -> tuple[Times, Times]:
    beside, alone = bench.place(), bench.place()
    run_scenario(beside, [])
    run_scenario(alone, sound)
    good = good_of(beside)
    return times_of(beside, good), times_of(alone, good)


def run_scenario(directory: Path, overrides: list[str]) -> None:
    """Run the scenario into a new run directory.

    Raises:
        BenchError: its criteria do not hold, or it did not run.
    """
    command = [sys.executable, "-P", "-m", "simulator", "run", str(SCENARIO), "--seed", str(SEED)]
    command += ["--out", str(directory)]
    command += [word for override in overrides for word in ("--set", override)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=TIMEOUT_S)
    if done.returncode:
        msg = f"{SCENARIO.name} ended with exit code {done.returncode}: {(done.stdout + done.stderr)[-500:]}"
        raise BenchError(msg)


def _column(directory: Path, table: str, *names: str) -> list[Any]:
    parts = sorted((directory / "parts" / table).glob("*.parquet"))
    read = [open_table(part, columns=list(names)).to_pydict() for part in parts]
    return [np.array([value for each in read for value in each[name]], dtype=object) for name in names]


def good_of(directory: Path) -> frozenset[int]:
    """The devices of a run that have no fault."""
    devices, faults = _column(directory, "devices", "device", "fault")
    return frozenset(int(device) for device, fault in zip(devices, faults, strict=True) if not fault)


def times_of(directory: Path, good: frozenset[int]) -> Times:
    """What the good devices took.

    Raises:
        BenchError: one of them was not updated.
    """
    devices, ends, starts, outcomes = _column(directory, "updates", "device", "t", "started", "outcome")
    ok = [device in good and outcome == "ok" for device, outcome in zip(devices, outcomes, strict=True)]
    if sum(ok) != len(good):
        msg = f"{len(good) - sum(ok)} of {len(good)} good devices were not updated"
        raise BenchError(msg)
    updates = 1e3 * (ends[ok] - starts[ok]).astype(np.float64)
    owners, blocks = _column(directory, "transfers", "device", "block_us")
    own = [np.array(each) for owner, each in zip(owners, blocks, strict=True) if owner in good]
    return Times(len(good), updates, np.concatenate(own).astype(np.int64))
