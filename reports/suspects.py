"""Which devices a rule of ``reports.misconduct`` may find something of, by whole tables at a time.

Most devices of a run have nothing that any rule looks for. To put all their rows together and to go through them one by
one costs most of a report, so each class has a condition here which is weaker than its rule, and quick: wherever the
rule finds something, the condition holds. Each function says why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.case import grace_s_of, judged_at, numbers
from reports.misconduct import CLASSES, REPLIES, RESTARTS_MOST, RETRIES_MOST, SPOILT, STATES
from reports.pattern import RESULT_PATH, STATE_PATH, hides_downloading
from reports.read import Run
from reports.transports import group_of

Devices = NDArray[np.int64]


def suspects(run: Run, devices: pd.DataFrame) -> pd.Index[int]:
    """The devices of the campaign for which a rule has to be asked, in the order of ``devices``.

    Args:
        devices: ``reports.devices.device_frame`` of the run.
    """
    there = devices[devices["campaign"]]
    record = Record(run, there)
    found = np.concatenate([CONDITIONS[name](record) for name, _, _ in CLASSES])
    return there.index[there.index.isin(found)]


@dataclass
class Record:
    """A run with what several conditions look at."""

    run: Run
    devices: pd.DataFrame

    @property
    def states(self) -> pd.DataFrame:
        """In order of time, as all tables."""
        return self.run.tables["states"]

    @cached_property
    def reports(self) -> pd.DataFrame:
        """What the server told of State and Update Result."""
        rows = self.run.tables["server_reports"]
        return rows[rows["path"].isin([STATE_PATH, RESULT_PATH])]

    @cached_property
    def results(self) -> pd.DataFrame:
        """What it told of the Update Result."""
        return numbers(self.reports, RESULT_PATH)

    @cached_property
    def grace_s(self) -> float:
        """How long it may take."""
        return grace_s_of(self.run)

    @cached_property
    def judged_at(self) -> pd.Series[float]:
        """By device, when the operator stopped looking."""
        return judged_at(self.run)


def missed_state(record: Record) -> Devices:
    """A State that lasted for the grace, and no reply with its value came from its begin on.

    The rule counts from the begin or from something later; its other conditions are not looked at.
    """
    held = _with_until(record)
    hidden = held["device"].isin(_hide_downloading(record)) & (held["state"] == 1)
    held = held[held["state"].isin(list(STATES)) & (held["until"] - held["t"] >= record.grace_s) & ~hidden]
    told = numbers(record.reports, STATE_PATH)
    latest = told[told["source"].isin(REPLIES)].groupby(["device", "value"])["t"].max()
    last = latest.reindex(pd.MultiIndex.from_arrays([held["device"], held["state"]])).to_numpy(np.float64)
    return _devices(held[~(last >= held["t"].to_numpy())])


def stale_result(record: Record) -> Devices:
    """A result was told, later than the grace after the first State, that the device did not have at that very time.

    What it had at that time is among what it had within the grace before it, all of which the rule allows.
    """
    told = record.results
    begun = record.states.drop_duplicates("device").set_index("device")["t"]
    told = told[told["t"] - record.grace_s >= begun.reindex(told["device"]).to_numpy()]
    had = pd.merge_asof(told[["t", "device", "value"]], record.states[["t", "device", "result"]], on="t", by="device")
    return _devices(had[had["value"] != had["result"]])


def never_noticed(record: Record) -> Devices:
    """The last result was not told from the last change on, and the operator looked on for the grace after its first.

    The rule looks for it from an earlier time on, or the same, and counts from a later one, or the same.
    """
    last = record.states.drop_duplicates("device", keep="last").set_index("device")
    last = last[last["result"] > 0]
    had = record.states[["t", "device"]][_is_of(record.states, "result", last["result"])]
    looked_s = record.judged_at.reindex(last.index) - had.groupby("device")["t"].min().reindex(last.index)
    told = record.results[_is_of(record.results, "value", last["result"])].groupby("device")["t"].max()
    noticed = told.reindex(last.index) >= last["t"]
    return last.index[(looked_s >= record.grace_s) & ~noticed].to_numpy(np.int64)


def endless_retry(record: Record) -> Devices:
    """It was told to download more often than the least that is allowed."""
    begun = record.states["device"][record.states["state"] == 1].value_counts()
    return begun.index[begun > min(RESTARTS_MOST, RETRIES_MOST)].to_numpy(np.int64)


def gave_up_early(record: Record) -> Devices:
    """A push ended without an answer."""
    steps = record.run.tables["steps"]
    return _devices(steps[(steps["step"] == "write_package") & (steps["outcome"] != "ok") & (steps["code"] == "")])


def forgot_registration(record: Record) -> Devices:
    """Something was answered with 4.04, or a registration was called expired."""
    own, gone = record.run.tables["registrations"], record.run.tables["server_registrations"]
    return np.concatenate([_devices(own[own["code"] == "4.04"]), _devices(gone[gone["cause"] == "expired"])])


def altered_package(record: Record) -> Devices:
    """A device without a fault that was pushed to had a result of a package that is spoilt."""
    sound = record.devices[(record.devices["delivery"] == "push") & (record.devices["fault"] == "")]
    spoilt = record.states[record.states["result"].isin(list(SPOILT))]
    return _devices(spoilt[spoilt["device"].isin(sound.index)])


CONDITIONS: Final[dict[str, Callable[[Record], Devices]]] = {
    "S1": missed_state,
    "S2": stale_result,
    "S3": never_noticed,
    "S4": endless_retry,
    "S5": gave_up_early,
    "S6": forgot_registration,
    "S7": altered_package,
}
"""By class."""


def _with_until(record: Record) -> pd.DataFrame:
    """The states with ``until``: when the device left the State, else when the operator stopped looking, else NaN."""
    held = record.states[["t", "device", "state"]].sort_values("device", kind="stable", ignore_index=True)
    device, state, t = (held[name].to_numpy() for name in ("device", "state", "t"))
    if not len(held):
        return held.assign(until=t)
    begins = np.flatnonzero(np.append(True, (device[1:] != device[:-1]) | (state[1:] != state[:-1])))
    after = np.append(begins[1:], 0)
    left = np.where(device[after] == device[begins], t[after], record.judged_at.reindex(device[begins]).to_numpy())
    left[-1] = record.judged_at.get(device[begins[-1]], np.nan)
    return held.assign(until=np.repeat(left, np.diff(np.append(begins, len(held)))))


def _hide_downloading(record: Record) -> pd.Index[int]:
    """Devices that are pushed to, and do not show State 1 then."""
    groups = [name for name in record.devices["group"].unique() if hides_downloading(group_of(record.run, name))]
    return record.devices.index[record.devices["group"].isin(groups) & (record.devices["delivery"] == "push")]


def _is_of(rows: pd.DataFrame, name: str, wanted: pd.Series[Any]) -> NDArray[np.bool_]:
    """Whether a column has the value that is wanted of the row's device."""
    same: NDArray[np.bool_] = rows[name].to_numpy() == wanted.reindex(rows["device"]).to_numpy()
    return same


def _devices(rows: pd.DataFrame) -> Devices:
    return rows["device"].unique().astype(np.int64)
