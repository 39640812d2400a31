"""The values of a metric of one run, each with its device, so that devices can be drawn again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.aggregate import update_frame
from reports.devices import UNKNOWN, device_frame
from reports.generator import generator
from reports.read import Run
from reports.verdicts import as_declared
from simulator.criteria.metrics import NONE
from simulator.criteria.tree import Label

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rows:
    """Values of a metric: ``device`` and ``value`` of each, and ``weight``, by which a mean divides."""

    device: NDArray[np.int64]
    value: Numbers
    weight: Numbers


class Record:
    """A run with the tables that are compared."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.devices = device_frame(run)
        self.updates = update_frame(run, self.devices)
        self.transfers = run.tables["transfers"]
        self.registrations = run.tables["registrations"]
        starts = run.tables["devices"].drop_duplicates("device").set_index("device")["due"]
        begun = starts.reindex(self.devices.index).fillna(np.inf)
        self.order = begun.sort_values(kind="stable").index
        """Devices in the order in which they were due."""
        self._fits: dict[tuple[Label, ...], NDArray[np.bool_]] = {}

    @cached_property
    def bottleneck(self) -> bool:
        """Whether the generator was the bottleneck, so that times are its own and not the server's."""
        return generator(self.run, len(self.devices)).bottleneck

    @property
    def empty(self) -> bool:
        """Whether there is nothing that could be compared."""
        return self.updates.empty and self.transfers.empty

    def rows(self, metric: str, labels: Sequence[Label] = ()) -> Rows:
        """The values of a metric, of the devices whose labels fit.

        Raises:
            KeyError: there is no such metric or label.
        """
        found = TAKES[metric](self)
        key = tuple(labels)
        if key not in self._fits:
            self._fits[key] = self._fitting(key)
        fits = self._fits[key][self.devices.index.get_indexer(pd.Index(found.device))]
        fits &= ~np.isnan(found.value)
        return Rows(found.device[fits], found.value[fits], found.weight[fits])

    def _fitting(self, labels: Sequence[Label]) -> NDArray[np.bool_]:
        fits = np.ones(len(self.devices), bool)
        for label in labels:
            wanted = "" if label.value == NONE and label.name in ("fault", "network") else label.value
            column = self.devices[label.name].astype(str)
            if label.name == "fault":
                own = np.array([wanted in text.split("+") for text in column], bool)
            else:
                own = (column == wanted).to_numpy(bool)
            fits &= own != label.unequal
        return fits


def _rows(frame: pd.DataFrame, value: pd.Series, weight: pd.Series | None = None) -> Rows:
    values = value.to_numpy(np.float64)
    weights = np.ones(len(values)) if weight is None else weight.to_numpy(np.float64)
    return Rows(frame["device"].to_numpy(np.int64), values, weights)


def _updated(name: str) -> Callable[[Record], Rows]:
    def take(record: Record) -> Rows:
        rows = record.updates
        good = rows[(rows["outcome"] == "ok") & (rows["result"] == 1)]
        return _rows(good, good[name])

    return take


def _outcome(word: str) -> Callable[[Record], Rows]:
    def take(record: Record) -> Rows:
        outcome = record.updates["outcome"]
        is_so = ~outcome.isin(("ok", "fail")) if word == "unknown" else outcome == word
        return _rows(record.updates, is_so)

    return take


def _good(record: Record) -> pd.DataFrame:
    rows = record.transfers
    return rows[rows["outcome"] == "ok"]


def _downloads(record: Record) -> Rows:
    good = _good(record)
    return _rows(good, good["t"] - good["started"])


def _device_throughput(record: Record) -> Rows:
    good = _good(record)
    good = good[good["t"] > good["started"]]
    return _rows(good, good["received"] / (good["t"] - good["started"]))


def _blocks(record: Record) -> Rows:
    devices = np.repeat(record.transfers["device"].to_numpy(np.int64), record.transfers["block_count"].to_numpy())
    values = record.run.blocks_of(record.transfers) / 1e6
    return Rows(devices, values, np.ones(len(values)))


def _peers(record: Record) -> Rows:
    """As the metric is defined: behind the link of a network profile the peer's turns, else the mean of the blocks."""
    rows = record.transfers
    counts = rows["block_count"].to_numpy(np.int64)
    blocks = _blocks(record)
    means = np.full(len(rows), np.nan)
    there = counts > 0
    if there.any():
        firsts = (np.cumsum(counts) - counts)[there]
        means[there] = np.add.reduceat(blocks.value, firsts) / counts[there]
    unshaped = (record.devices["network"] == "").to_numpy()[record.devices.index.get_indexer(pd.Index(rows["device"]))]
    turns = rows["peer_turns"].to_numpy(np.float64)
    behind = rows["peer_us"].to_numpy(np.float64) / np.where(turns > 0, turns, np.nan) / 1e6
    return _rows(rows, pd.Series(np.where(turns > 0, behind, np.where(unshaped, means, np.nan))))


def _known(name: str) -> Callable[[Record], Rows]:
    def take(record: Record) -> Rows:
        rows = record.transfers[record.transfers[name] >= 0]
        return _rows(rows, rows[name])

    return take


def _overhead(record: Record) -> Rows:
    rows = record.transfers
    rows = rows[(rows["wire_in"] >= 0) & (rows["wire_out"] >= 0) & (rows["received"] > 0)]
    return _rows(rows, rows["wire_in"] + rows["wire_out"] - rows["received"], rows["received"])


def _registered(record: Record) -> Rows:
    rows = record.registrations
    good = rows[(rows["operation"] == "register") & (rows["outcome"] == "ok")]
    return _rows(good, good["t"] - good["started"])


def _declared(record: Record) -> Rows:
    there = record.devices[record.devices["campaign"]].reset_index()
    return _rows(there, as_declared(there))


def _disagree(record: Record) -> Rows:
    there = record.devices[record.devices["campaign"]].reset_index()
    there = there[(there["device_end"] != UNKNOWN) & (there["server_end"] != UNKNOWN)]
    return _rows(there, there["device_end"] != there["server_end"])


TAKES: Final[dict[str, Callable[[Record], Rows]]] = {
    "update_seconds": _updated("update_s"),
    "update_from_due_seconds": _updated("update_from_due_s"),
    "download_seconds": _downloads,
    "block_seconds": _blocks,
    "peer_seconds": _peers,
    "register_seconds": _registered,
    "device_throughput": _device_throughput,
    "retransmissions": _known("retransmissions"),
    "refetched_bytes": _known("refetched"),
    "wire_overhead": _overhead,
    "ok": _outcome("ok"),
    "fail": _outcome("fail"),
    "unknown": _outcome("unknown"),
    "as_declared": _declared,
    "server_disagreements": _disagree,
}
"""By metric, as criteria name them, those that have a value for each device."""
