"""What happened to one device, in the order of time: its states, its faults, the orders, and what the server told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import pandas as pd

from reports.devices import PEER_SEAM
from reports.pattern import RESULT_PATH, STATE_PATH
from reports.read import Run

STEPS_MOST: Final = 60
NAMES: Final = {STATE_PATH: "State", RESULT_PATH: "Update Result"}


class Step(NamedTuple):
    """One thing that happened."""

    t: float
    """Seconds since the start of the run."""
    who: str
    """``device``, ``fault``, ``operator`` or ``server``."""
    what: str


def histories(run: Run, devices: set[int]) -> dict[int, list[Step]]:
    """The steps of some devices, at most ``STEPS_MOST`` of each; of what the server told again and again, the first."""
    found: dict[int, list[Step]] = {device: [] for device in devices}
    for make in (_states, _registrations, _faults, _orders, _reports, _ends):
        for device, step in make(run, devices):
            found[device].append(step)
    return {device: _cut(sorted(steps, key=lambda step: step.t)) for device, steps in found.items()}


def _cut(steps: list[Step]) -> list[Step]:
    if len(steps) <= STEPS_MOST:
        return steps
    half = STEPS_MOST // 2
    left = Step(steps[half].t, "", f"{len(steps) - 2 * half} more")
    return [*steps[:half], left, *steps[-half:]]


def _rows(table: pd.DataFrame, devices: set[int], *columns: str) -> Iterator[tuple[Any, ...]]:
    mine = table[table["device"].isin(devices)]
    yield from mine[["device", "t", *columns]].itertuples(index=False, name=None)


def _states(run: Run, devices: set[int]) -> Iterator[tuple[int, Step]]:
    for device, t, state, result, cause in _rows(run.tables["states"], devices, "state", "result", "cause"):
        yield device, Step(t, "device", f"State {state}, Update Result {result} ({cause})")


def _registrations(run: Run, devices: set[int]) -> Iterator[tuple[int, Step]]:
    columns = ("operation", "outcome", "code", "cause")
    for device, t, operation, outcome, code, cause in _rows(run.tables["registrations"], devices, *columns):
        said = code or cause or outcome
        yield device, Step(t, "device", f"{operation}: {said}")


def _faults(run: Run, devices: set[int]) -> Iterator[tuple[int, Step]]:
    for device, t, fault, seam, detail in _rows(run.tables["faults"], devices, "fault", "seam", "detail"):
        who = "server" if seam == PEER_SEAM else "fault"
        yield device, Step(t, who, f"{fault}: {detail}" if detail else fault)


def _orders(run: Run, devices: set[int]) -> Iterator[tuple[int, Step]]:
    steps = run.tables["steps"]
    orders = steps[~steps["step"].isin(["observe", "read"]) & ~steps["step"].str.startswith("wait_")]
    for device, t, step, outcome, code, detail in _rows(orders, devices, "step", "outcome", "code", "detail"):
        said = code or outcome
        yield device, Step(t, "operator", f"{step}: {said}" + (f", {detail}" if detail else ""))


def _reports(run: Run, devices: set[int]) -> Iterator[tuple[int, Step]]:
    reports = run.tables["server_reports"]
    reports = reports[reports["path"].isin(list(NAMES))]
    last: dict[tuple[int, str], str] = {}
    for device, t, path, value, source in _rows(reports, devices, "path", "value", "source"):
        if source != "read" or last.get((device, path)) != value:
            yield device, Step(t, "server", f"{NAMES[path]} is {value} ({source})")
        last[device, path] = value


def _ends(run: Run, devices: set[int]) -> Iterator[tuple[int, Step]]:
    columns = ("outcome", "state", "result", "reason")
    for device, t, outcome, state, result, reason in _rows(run.tables["updates"], devices, *columns):
        told = f"State {state}, Update Result {result}" if state >= 0 else "nothing is known"
        yield device, Step(t, "operator", f"the update is {outcome}: {told}" + (f"; {reason}" if reason else ""))
