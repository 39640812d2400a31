"""The values of a metric of one run, each with its device, so that devices can be drawn again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports import measures
from reports.aggregate import update_frame
from reports.devices import UNKNOWN, device_frame
from reports.generator import generator
from reports.measures import has_label
from reports.read import Run
from reports.verdicts import as_declared
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
            fits &= has_label(self.devices[label.name], label)
        return fits


def _rows(frame: pd.DataFrame, value: pd.Series, weight: pd.Series | None = None) -> Rows:
    """The rows of a frame that have a value; all have the weight 1 where none is given."""
    values = value.to_numpy(np.float64)
    weights = np.ones(len(values)) if weight is None else weight.to_numpy(np.float64)
    return Rows(frame["device"][value.index].to_numpy(np.int64), values, weights)


def _updated(name: str) -> Callable[[Record], Rows]:
    return lambda record: _rows(record.updates, measures.updated(record.updates, name))


def _outcome(word: str) -> Callable[[Record], Rows]:
    return lambda record: _rows(record.updates, measures.has_outcome(record.updates, word))


def _downloads(record: Record) -> Rows:
    return _rows(record.transfers, measures.downloads(record.transfers))


def _device_throughput(record: Record) -> Rows:
    return _rows(record.transfers, measures.device_throughput(record.transfers))


def _blocks(record: Record) -> Rows:
    devices = np.repeat(record.transfers["device"].to_numpy(np.int64), record.transfers["block_count"].to_numpy())
    values = record.run.blocks_of(record.transfers) / 1e6
    return Rows(devices, values, np.ones(len(values)))


def _peers(record: Record) -> Rows:
    return _rows(record.transfers, measures.peer_seconds(record.run, record.devices, record.transfers))


def _known(name: str) -> Callable[[Record], Rows]:
    return lambda record: _rows(record.transfers, measures.known(record.transfers, name))


def _overhead(record: Record) -> Rows:
    rows = measures.wired(record.transfers)
    rows = rows[rows["received"] > 0]
    return _rows(rows, rows["wire_in"] + rows["wire_out"] - rows["received"], rows["received"])


def _registered(record: Record) -> Rows:
    return _rows(record.registrations, measures.registered(record.registrations))


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
