"""The values of the metrics that criteria name (``simulator.criteria.METRICS``), of the rows whose labels fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.devices import UNKNOWN
from reports.generator import generator
from reports.read import BLOCK_COUNT, Run
from reports.verdicts import as_declared
from simulator.criteria.metrics import FUNCTIONS, NONE, OF_DEVICES, OF_PROCESSES
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
            return self._peer_seconds(self.transfers[self._fitting(self.transfers, one.labels)])
        source, take = _TAKES[one.metric]
        frame: pd.DataFrame = getattr(self, source)
        return take(frame[self._fitting(frame, one.labels)])

    def _peer_seconds(self, rows: pd.DataFrame) -> Numbers:
        shaped = rows["peer_turns"] > 0
        behind = rows[shaped]["peer_us"] / rows[shaped]["peer_turns"]
        own = rows[~shaped & (rows[BLOCK_COUNT] > 0) & self._unshaped(rows)]
        firsts = np.cumsum(own[BLOCK_COUNT].to_numpy()) - own[BLOCK_COUNT].to_numpy()
        sums = np.add.reduceat(self.run.blocks_of(own), firsts) if len(own) else np.zeros(0)
        return np.concatenate([behind.to_numpy(), sums / own[BLOCK_COUNT].to_numpy()]) / 1e6

    def _unshaped(self, rows: pd.DataFrame) -> NDArray[np.bool_]:
        """Transfers of devices whose network nothing shapes: a latency is the server's alone there."""
        return (self.devices["network"] == "").to_numpy()[self.devices.index.get_indexer(pd.Index(rows["device"]))]

    def _fitting(self, frame: pd.DataFrame, labels: Sequence[Label]) -> NDArray[np.bool_]:
        fits = np.ones(len(frame), bool)
        for label in labels:
            if label.name not in (*OF_DEVICES, *OF_PROCESSES):
                raise KeyError(label.name)
            if label.name in frame:
                own = _equal(frame[label.name], label)
            else:
                # The few devices are compared, not the many rows.
                own = _equal(self.devices[label.name], label)[self.devices.index.get_indexer(pd.Index(frame["device"]))]
            fits &= own != label.unequal
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


def _equal(column: pd.Series[Any], label: Label) -> NDArray[np.bool_]:
    """Whether each row has the value; a device of several faults has each of them."""
    codes, names = pd.factorize(column)
    wanted = "" if label.value == NONE and label.name in ("fault", "network") else label.value
    parts = label.name == "fault"
    own = np.array([wanted in (str(name).split("+") if parts else (str(name),)) for name in names], bool)
    return own[codes] if len(own) else np.zeros(len(column), bool)


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
    """A column without the -1 of what is not known."""

    def take(rows: pd.DataFrame) -> Numbers:
        return _numbers(rows[name][rows[name] >= 0])

    return take


def _outcome(word: str) -> Callable[[pd.DataFrame], Numbers]:
    def take(rows: pd.DataFrame) -> Numbers:
        outcome = rows["outcome"]
        # As in the counts of outcomes, what is neither ok nor fail is unknown.
        return _numbers(~outcome.isin(("ok", "fail")) if word == "unknown" else outcome == word)

    return take


def _updated(name: str) -> Callable[[pd.DataFrame], Numbers]:
    def take(rows: pd.DataFrame) -> Numbers:
        return _numbers(rows[name][(rows["outcome"] == "ok") & (rows["result"] == 1)])

    return take


def _downloads(rows: pd.DataFrame) -> Numbers:
    good = rows[rows["outcome"] == "ok"]
    return _numbers(good["t"] - good["started"])


def _device_throughput(rows: pd.DataFrame) -> Numbers:
    good = rows[(rows["outcome"] == "ok") & (rows["t"] > rows["started"])]
    return _numbers(good["received"] / (good["t"] - good["started"]))


def _throughput(rows: pd.DataFrame) -> Numbers | None:
    span_s = float(rows["t"].max() - rows["started"].min()) if len(rows) else 0.0
    return np.array([rows["received"].sum() / span_s]) if span_s > 0 else None


def _wire(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[(rows["wire_in"] >= 0) & (rows["wire_out"] >= 0)]


def _overhead(rows: pd.DataFrame) -> Numbers | None:
    known = _wire(rows)
    carried = known["received"].sum()
    return np.array([(known["wire_in"] + known["wire_out"]).sum() / carried - 1]) if carried else None


def _registered(rows: pd.DataFrame) -> Numbers:
    good = rows[(rows["operation"] == "register") & (rows["outcome"] == "ok")]
    return _numbers(good["t"] - good["started"])


_TAKES: Final[dict[str, tuple[str, Callable[[pd.DataFrame], Numbers | None]]]] = {
    "update_seconds": ("updates", _updated("update_s")),
    "update_from_due_seconds": ("updates", _updated("update_from_due_s")),
    "ok": ("updates", _outcome("ok")),
    "fail": ("updates", _outcome("fail")),
    "unknown": ("updates", _outcome("unknown")),
    "as_declared": ("ended", lambda rows: _numbers(rows["as_declared"])),
    "server_disagreements": ("compared", lambda rows: _numbers(rows["device_end"] != rows["server_end"])),
    "download_seconds": ("transfers", _downloads),
    "device_throughput": ("transfers", _device_throughput),
    "throughput": ("transfers", _throughput),
    "payload_bytes": ("transfers", _known("received")),
    "refetched_bytes": ("transfers", _known("refetched")),
    "wire_bytes": ("transfers", lambda rows: _numbers(_wire(rows)["wire_in"] + _wire(rows)["wire_out"])),
    "wire_overhead": ("transfers", _overhead),
    "retransmissions": ("transfers", _known("retransmissions")),
    "duplicates": ("transfers", _known("duplicates")),
    "register_seconds": ("registrations", _registered),
    "late_starts": ("processes", _known("late_starts")),
    "missed_starts": ("processes", _known("missed_starts")),
    "loop_lag_seconds": ("samples", lambda rows: _numbers(rows["loop_lag_s"])),
    "cpu_share": ("processes", lambda rows: _numbers(rows["cpu_share"].astype(float))),
}
"""By metric: the rows it is taken from, and how."""
