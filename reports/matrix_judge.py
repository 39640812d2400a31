"""Judges a run cell by cell: the worst of the verdicts on its devices, and what led to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import pandas as pd

from reports.build import run_info
from reports.devices import PEER_SEAM, UNKNOWN, device_frame, updates_of
from reports.judged import Charge
from reports.matrix import MATRIX_SCHEMA, Cell, Layout, Matrix, Place
from reports.matrix_history import histories
from reports.read import Run, read_run
from reports.replays import shown
from reports.verdicts import AS_DECLARED, DIFFERS, NOT_KNOWN, Judgement, judgement
from simulator.events import CUT_SHORT

ORDERS: Final = ("write_uri", "write_package", "execute")
_WORST: Final = (DIFFERS, NOT_KNOWN, AS_DECLARED)


def build_matrix(directory: Path, layout: Layout) -> Matrix:
    """Judge the run in ``directory`` cell by cell; ``layout.places`` are row by row, each with all columns.

    Raises:
        RunError: there is no readable run.
    """
    run = read_run(directory)
    return matrix_of(run, layout)


def matrix_of(run: Run, layout: Layout) -> Matrix:
    """The same for a run that was read."""
    devices = device_frame(run)
    judged = judgement(run, devices)
    under_way = _under_way(run, devices)
    judged.outcomes.loc[judged.outcomes.index.isin(under_way), "device"] = NOT_KNOWN
    judged.outcomes.loc[judged.outcomes.index.isin(under_way) & (judged.outcomes["server"] != DIFFERS), "server"] = (
        NOT_KNOWN
    )
    struck = _struck(run.tables["faults"])
    groups = {str(name): rows for name, rows in devices.groupby("group")}
    chosen = {place.group: _telling(groups[place.group], judged) for place in layout.places if place.group in groups}
    told = histories(run, set(chosen.values()))
    updates = updates_of(run).drop_duplicates("device", keep="last").set_index("device")
    spent = (updates["t"] - updates["started"]).to_dict()
    cells = []
    for place in layout.places:
        if place.reason:
            cells.append(Cell(place.row.id, place.column.id, place.reason))
            continue
        rows = groups.get(place.group, devices.iloc[:0])
        cell = _cell(place, rows, judged, struck, len(under_way.intersection(rows.index)))
        if place.group in chosen:
            index = chosen[place.group]
            endpoint = str(devices.loc[index, "endpoint"])
            command = ("lwm2m-fleet", "reproduce", place_of(run.path), "--device", endpoint)
            longest = max((spent[each] for each in rows.index if each in spent), default=None)
            cell = replace(cell, endpoint=endpoint, reproduce=command, history=tuple(told[index]), took_s=longest)
            if not cell.good:
                cell = replace(cell, notes=(*cell.notes, *_why_operator(run, index)))
        cells.append(cell)
    return Matrix(MATRIX_SCHEMA, run_info(run), layout.rows, layout.columns, cells, layout.notes)


def _under_way(run: Run, devices: pd.DataFrame) -> set[int]:
    """The devices whose updates had not come to their end when the run was cut short: nobody knows to which."""
    updates = updates_of(run)
    if run.external:
        return set(devices.index) - set(updates["device"]) if run.manifest.get("status") == "cut short" else set()
    return set(updates[updates["reason"] == CUT_SHORT]["device"])


def place_of(run: Path) -> str:
    """The run directory as it can be typed here, or beside the directory of the matrix."""
    return str(Path(shown(run.parent)) / run.name)


def _cell(place: Place, rows: pd.DataFrame, judged: Judgement, struck: Mapping[int, set[str]], under_way: int) -> Cell:
    outcomes = judged.outcomes.loc[rows.index]
    hit = [index for index in rows.index if set(place.kinds) <= struck.get(index, set())]
    notes: list[str] = []
    device, server = worst(outcomes["device"]), worst(outcomes["server"])
    if len(rows) == 0:
        notes.append("no device of it was switched on")
    elif under_way:
        notes.append(f"{CUT_SHORT} before {under_way} of {len(rows)} updates had ended")
    elif len(hit) < len(rows):
        device = worst([device, NOT_KNOWN])
        notes.append(f"what was to be injected struck {len(hit)} of {len(rows)} devices, so that it says nothing")
    notes += _why_device(rows, outcomes)
    own = [charge for charge in judged.charges if charge.group == place.group]
    notes += [_words(charge, "") for charge in own]
    if server != AS_DECLARED:
        notes += [_words(doubt, "perhaps ") for doubt in judged.doubts if doubt.group == place.group]
        notes += _why_server(rows, outcomes)
    return Cell(
        row=place.row.id,
        column=place.column.id,
        reason="",
        group=place.group,
        devices=len(rows),
        struck=len(hit),
        declared=_ends(rows["declared"]),
        device_end=_ends(rows["device_end"]),
        server_end=_ends(rows["server_end"]),
        device=device,
        server=server,
        classes=tuple(sorted({charge.id for charge in own})),
        notes=tuple(notes),
    )


def worst(outcomes: Iterable[str]) -> str:
    """The verdict on several: ``differs`` before ``unknown`` before ``as declared``; ``unknown`` on none."""
    found = set(outcomes)
    return next((word for word in _WORST if word in found), NOT_KNOWN)


def _words(charge: Charge, doubt: str) -> str:
    return f"{doubt}{charge.id} at {charge.t:.1f} s: {charge.message}"


def _why_device(rows: pd.DataFrame, outcomes: pd.DataFrame) -> list[str]:
    apart = rows[outcomes["device"] == DIFFERS]
    lost = int((rows["device_end"] == UNKNOWN).sum())
    found = []
    if len(apart):
        found.append(f"device: ended in {_ends(apart['device_end'])}, declared was {_ends(apart['declared'])}")
    if lost:
        found.append(f"device: the end of {lost} is not in the record")
    return found


def _why_server(rows: pd.DataFrame, outcomes: pd.DataFrame) -> list[str]:
    there = rows[outcomes["server"] != AS_DECLARED]
    if len(there) and not there["asked"].any():
        return ["server: nobody asked it, since it gave its own orders"]
    apart = there[there["server_end"] != there["device_end"]]
    silent = apart[apart["server_end"] == UNKNOWN]
    other = apart[apart["server_end"] != UNKNOWN]
    found = []
    if len(silent):
        found.append(f"server: it told no end of {len(silent)}, the device had {_ends(silent['device_end'])}")
    if len(other):
        found.append(f"server: it told {_ends(other['server_end'])}, the device had {_ends(other['device_end'])}")
    return found


def _why_operator(run: Run, device: int) -> list[str]:
    """The orders that one device, or the server for it, did not take, and what the operator made of it all."""
    steps, updates = run.tables["steps"], run.tables["updates"]
    orders = steps[steps["step"].isin(ORDERS)]
    mine = orders[(orders["device"] == device) & (orders["outcome"] != "ok")]
    found = []
    for t, step, outcome, code, detail in mine[["t", "step", "outcome", "code", "detail"]].itertuples(index=False):
        said = ", ".join(word for word in (code or outcome, detail) if word)
        found.append(f"operator: {step} at {t:.1f} s: {said}")
    reasons = updates[(updates["device"] == device) & (updates["reason"] != "")]["reason"]
    return found[-2:] + [f"operator: {reason}" for reason in reasons.tail(1) if reason != CUT_SHORT]


def _ends(column: pd.Series) -> str:
    return ", ".join(sorted(set(column)))


def _telling(rows: pd.DataFrame, judged: Judgement) -> int:
    """The device of a group that says most: the first that is not as declared, or else the first."""
    outcomes = judged.outcomes.reindex(rows.index)
    bad = rows.index[(outcomes["device"] != AS_DECLARED) | (outcomes["server"] != AS_DECLARED)]
    return int(bad[0] if len(bad) else rows.index[0])


def _struck(faults: pd.DataFrame) -> dict[int, set[str]]:
    """The faults that struck, by device."""
    own = faults[faults["seam"] != PEER_SEAM]
    found: dict[int, set[str]] = {}
    for device, fault in zip(own["device"].tolist(), own["fault"].tolist(), strict=True):
        found.setdefault(device, set()).add(fault)
    return found
