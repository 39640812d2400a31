"""The CoAP stacks of a run side by side: do devices on another implementation go through the same states."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import Final

import pandas as pd

from reports.aggregate import counts_of, percentiles
from reports.read import Run
from reports.sides import SequenceRow, StackRow, Stacks
from reports.transports import mean_rate, parts

SEQUENCES_MOST: Final = 40


def stacks(run: Run, devices: pd.DataFrame, updates: pd.DataFrame) -> Stacks:
    """Figures of each stack, and the sequences of devices that differ in nothing but the stack."""
    there = devices[devices["campaign"] & (devices["stack"] != "")]
    names = sorted(set(there["stack"]), key=lambda name: (name != "own", name))
    if len(names) < 2:
        return Stacks([], 0, 0, [])
    seen = there.assign(sequence=_sequences(run).reindex(there.index).fillna(""))
    compared = same = 0
    rows: list[SequenceRow] = []
    for key, own in seen.groupby(["kind", "network", "fault"]):
        by_stack = {name: Counter(own["sequence"][own["stack"] == name].tolist()) for name in names}
        present = [counter for counter in by_stack.values() if counter]
        if len(present) < 2:
            continue
        compared += 1
        same += all(_shares(counter) == _shares(present[0]) for counter in present)
        kind, network, fault = parts(key, 3)
        label = f"{kind} on {network}" if network else kind
        rows += [
            SequenceRow(label, fault, sequence, {name: by_stack[name][sequence] for name in names})
            for sequence in sorted({*chain.from_iterable(present)})
        ]
    found = [_row(run, name, there[there["stack"] == name], updates) for name in names]
    return Stacks(found, compared, same, rows[:SEQUENCES_MOST])


def _sequences(run: Run) -> pd.Series[str]:
    """State/Update Result of each device as it recorded them, without immediate repetitions, such as ``1/0 → 2/0``."""
    states = run.tables["states"]
    text = states["state"].astype(str) + "/" + states["result"].astype(str)
    ordered = states.assign(text=text).sort_values(["device", "t"], kind="stable")
    again = (ordered["device"] == ordered["device"].shift()) & (ordered["text"] == ordered["text"].shift())
    return ordered[~again].groupby("device")["text"].agg(" → ".join)


def _shares(counter: Counter[str]) -> dict[str, float]:
    whole = counter.total()
    return {sequence: count / whole for sequence, count in counter.items()}


def _row(run: Run, name: str, devices: pd.DataFrame, updates: pd.DataFrame) -> StackRow:
    transfers = run.tables["transfers"]
    transfers = transfers.assign(seconds=transfers["t"] - transfers["started"])
    good = transfers[transfers["device"].isin(devices.index) & (transfers["outcome"] == "ok")]
    timed = good[good["seconds"] > 0]
    return StackRow(
        stack=name,
        devices=len(devices),
        counts=counts_of(updates[updates["device"].isin(devices.index)]),
        transfers_ok=len(good),
        bytes_per_s=mean_rate(timed),
        download_s=percentiles(timed["seconds"]),
        block_us=percentiles(run.blocks_of(good)),
    )
