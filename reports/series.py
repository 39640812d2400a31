"""A run by time: payload bytes, registrations and updates in stretches of one length."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from reports.devices import updates_of
from reports.read import Run
from reports.slices import DIMENSIONS, Series

STRETCHES_MOST: Final = 120
VALUES_MOST: Final = 20
"""Values of a property that have a series of their own."""
OTHERS: Final = "(others)"
"""The rest of them together."""

_STEPS: Final = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600)

Numbers = NDArray[np.float64]


def series(run: Run, transfers: pd.DataFrame) -> Series:
    """The series of a run.

    Args:
        transfers: as ``reports.slicing.with_properties`` gives them.
    """
    updates = updates_of(run)
    moments = [known(times) for times in (first_registers(run), updates["due"], updates["started"], updates["t"])]
    last = max((float(times.max()) for times in (*moments, known(transfers["t"])) if times.size), default=0.0)
    step = step_for(last)
    count = int(last / step) + 1
    return Series(
        step,
        {name: _by_value(transfers, name, step, count) for name in DIMENSIONS},
        *(_per_second(times, step, count) for times in moments),
    )


def step_for(last_s: float) -> float:
    """The shortest round length of which not too many make up so many seconds."""
    for step in _STEPS:
        if last_s < step * STRETCHES_MOST:
            return step
    hours = last_s / 3600 / STRETCHES_MOST
    return 3600.0 * (int(hours) + 1)


def spread(started: ArrayLike, ended: ArrayLike, amounts: ArrayLike, step: float, count: int) -> Numbers:
    """Amounts that come evenly from a start to an end, summed over stretches.

    Args:
        started, ended: seconds, none below 0, no end before its start.
        amounts: what comes meanwhile; all at once where the two are the same.
        step: length of a stretch in seconds.
        count: how many there are, from 0 on.

    Returns:
        The sum of what comes in each.
    """
    begin, end, whole = (np.asarray(values, np.float64) for values in (started, ended, amounts))
    first, last = (np.minimum((times / step).astype(np.int64), count - 1) for times in (begin, end))
    within = first == last
    found = np.bincount(first[within], whole[within], count).astype(np.float64)
    begin, end, first, last = begin[~within], end[~within], first[~within], last[~within]
    rate = whole[~within] / (end - begin)
    found += np.bincount(first, rate * ((first + 1) * step - begin), count)
    found += np.bincount(last, rate * (end - last * step), count)
    # What lasts over whole stretches is begun and ended by its rate.
    change = np.bincount(first + 1, rate, count + 1) - np.bincount(last, rate, count + 1)
    summed: Numbers = found + np.cumsum(change)[:count] * step
    return summed


def _by_value(transfers: pd.DataFrame, name: str, step: float, count: int) -> dict[str, list[float]]:
    if transfers.empty:
        return {}
    most = transfers.groupby(name, observed=True)["received"].sum().sort_values(ascending=False, kind="stable").index
    values = transfers[name].astype(str)
    if len(most) > VALUES_MOST:
        own = {str(value) for value in most[: VALUES_MOST - 1]}
        values = values.where(values.isin(own), OTHERS)
    return {
        str(value): _rounded(spread(rows["started"], rows["t"], rows["received"], step, count) / step)
        for value, rows in transfers.groupby(values.to_numpy())
    }


def _per_second(times: Numbers, step: float, count: int) -> list[float]:
    return _rounded(np.bincount((times / step).astype(np.int64), minlength=count) / step)


def _rounded(values: Numbers) -> list[float]:
    """To a thousandth: what is behind it is the arithmetic's."""
    # Differences of sums may leave a little below nothing.
    found: list[float] = np.maximum(values, 0.0).round(3).tolist()
    return found


def first_registers(run: Run) -> pd.Series[float]:
    """When each device that did register did so first, in seconds since the start of the run."""
    rows = run.tables["registrations"]
    good = rows[(rows["operation"] == "register") & (rows["outcome"] == "ok")]
    return good.drop_duplicates("device")["t"]


def known(column: pd.Series[float]) -> Numbers:
    """Moments without the -1 of what did not happen."""
    values = column.to_numpy(dtype=np.float64)
    return values[values >= 0].astype(np.float64)
