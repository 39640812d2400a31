"""The values of the metrics that criteria name (``simulator.criteria.METRICS``), of the rows whose labels fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports import measures
from reports.devices import UNKNOWN
from reports.generator import generator
from reports.measures import has_label
from reports.read import Run
from reports.verdicts import as_declared
from simulator.criteria.metrics import FUNCTIONS, OF_DEVICES, OF_PROCESSES
from simulator.criteria.tree import Label, Selection

Numbers = NDArray[np.float64]


class Values:
    """The tables of a run, from which metrics are taken; each is put together when it is first asked for."""

    def __init__(self, run: Run, devices: pd.DataFrame, updates: pd.DataFrame) -> None:
        self.run = run
        self.devices = devices
        self.updates = updates

    def incomplete(self, tables: Sequence[str]) -> list[str]:
        """Those among some tables of which rows are missing."""
        return sorted(set(tables) & self.run.incomplete)

    def measure(self, one: Selection) -> float | None:
        """The value of a metric by its function, in base units; None where no row has one.

        Raises:
            KeyError: there is no such metric, function or label.
        """
        values = self._values(one)
        if values is None or values.size == 0:
            return None
        function = one.function or "sum"
        at = FUNCTIONS[function].percentile
        return float(np.percentile(values, at)) if at is not None else float(_REDUCE[function](values))

    def _values(self, one: Selection) -> Numbers | None:
        if one.metric == "block_seconds":
            # Latencies are no column of a table.
            return self.run.blocks_of(self.transfers[self._fitting(self.transfers, one.labels)]) / 1e6
        if one.metric == "peer_seconds":
            rows = self.transfers[self._fitting(self.transfers, one.labels)]
            return _numbers(measures.peer_seconds(self.run, self.devices, rows))
        source, take = _TAKES[one.metric]
        frame: pd.DataFrame = getattr(self, source)
        return take(frame[self._fitting(frame, one.labels)])

    def _fitting(self, frame: pd.DataFrame, labels: Sequence[Label]) -> NDArray[np.bool_]:
        fits = np.ones(len(frame), bool)
        for label in labels:
            if label.name not in (*OF_DEVICES, *OF_PROCESSES):
                raise KeyError(label.name)
            if label.name in frame:
                own = has_label(frame[label.name], label)
            else:
                # The few devices are compared, not the many rows.
                own = has_label(self.devices[label.name], label)[
                    self.devices.index.get_indexer(pd.Index(frame["device"]))
                ]
            fits &= own
        return fits

    @cached_property
    def ended(self) -> pd.DataFrame:
        """Devices in the campaign with ``as_declared``."""
        there = self.devices[self.devices["campaign"]]
        return there.assign(device=there.index, as_declared=as_declared(there))

    @cached_property
    def compared(self) -> pd.DataFrame:
        """Devices of whose end both sides tell."""
        there = self.ended
        return there[(there["device_end"] != UNKNOWN) & (there["server_end"] != UNKNOWN)]

    @property
    def transfers(self) -> pd.DataFrame:
        """The table, with the transport and delivery of each transfer itself."""
        return self.run.tables["transfers"]

    @property
    def registrations(self) -> pd.DataFrame:
        """The table."""
        return self.run.tables["registrations"]

    @cached_property
    def processes(self) -> pd.DataFrame:
        """One row for each process, with ``role``."""
        found = generator(self.run, len(self.devices)).processes
        columns = ("process", "role", "cpu_share", "late_starts", "missed_starts")
        return pd.DataFrame({name: [getattr(one, name) for one in found] for name in columns})

    @cached_property
    def samples(self) -> pd.DataFrame:
        """Health of the processes that tell their lag; the server is watched from outside."""
        roles = dict(zip(self.processes["process"], self.processes["role"], strict=True))
        health = self.run.tables["health"]
        health = health.assign(role=health["process"].map(roles))
        return health[health["role"] != "server"]


_REDUCE: Final[dict[str, Callable[[Numbers], Any]]] = {
    "min": np.min,
    "max": np.max,
    "mean": np.mean,
    "sum": np.sum,
    "count": np.size,
    "rate": np.mean,
}


def _numbers(column: Any) -> Numbers:
    values = np.asarray(column, dtype=np.float64)
    return values[~np.isnan(values)]


def _known(name: str) -> Callable[[pd.DataFrame], Numbers]:
    return lambda rows: _numbers(measures.known(rows, name))


def _outcome(word: str) -> Callable[[pd.DataFrame], Numbers]:
    return lambda rows: _numbers(measures.has_outcome(rows, word))


def _updated(name: str) -> Callable[[pd.DataFrame], Numbers]:
    return lambda rows: _numbers(measures.updated(rows, name))


def _throughput(rows: pd.DataFrame) -> Numbers | None:
    span_s = float(rows["t"].max() - rows["started"].min()) if len(rows) else 0.0
    return np.array([rows["received"].sum() / span_s]) if span_s > 0 else None


def _wire(rows: pd.DataFrame) -> Numbers:
    known = measures.wired(rows)
    return _numbers(known["wire_in"] + known["wire_out"])


def _overhead(rows: pd.DataFrame) -> Numbers | None:
    _, share = measures.wire_and_overhead(rows)
    return None if share is None else np.array([share])


_TAKES: Final[dict[str, tuple[str, Callable[[pd.DataFrame], Numbers | None]]]] = {
    "update_seconds": ("updates", _updated("update_s")),
    "update_from_due_seconds": ("updates", _updated("update_from_due_s")),
    "ok": ("updates", _outcome("ok")),
    "fail": ("updates", _outcome("fail")),
    "unknown": ("updates", _outcome("unknown")),
    "as_declared": ("ended", lambda rows: _numbers(rows["as_declared"])),
    "server_disagreements": ("compared", lambda rows: _numbers(rows["device_end"] != rows["server_end"])),
    "download_seconds": ("transfers", lambda rows: _numbers(measures.downloads(rows))),
    "device_throughput": ("transfers", lambda rows: _numbers(measures.device_throughput(rows))),
    "throughput": ("transfers", _throughput),
    "payload_bytes": ("transfers", _known("received")),
    "refetched_bytes": ("transfers", _known("refetched")),
    "wire_bytes": ("transfers", _wire),
    "wire_overhead": ("transfers", _overhead),
    "retransmissions": ("transfers", _known("retransmissions")),
    "duplicates": ("transfers", _known("duplicates")),
    "register_seconds": ("registrations", lambda rows: _numbers(measures.registered(rows))),
    "late_starts": ("processes", _known("late_starts")),
    "missed_starts": ("processes", _known("missed_starts")),
    "loop_lag_seconds": ("samples", lambda rows: _numbers(rows["loop_lag_s"])),
    "cpu_share": ("processes", lambda rows: _numbers(rows["cpu_share"].astype(float))),
}
"""By metric: the rows it is taken from, and how."""
