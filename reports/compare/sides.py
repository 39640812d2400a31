"""The sides of a comparison: a run or repetitions of one, with the name that they have everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from reports.compare.resample import BLOCKS_LEAST, blocked, draws, quantile_975, redrawn, value_of
from reports.compare.rows import Record
from simulator.criteria import FUNCTIONS, Selection


class Estimate(NamedTuple):
    """A metric of one side, with the 95 % interval of it alone; None where it cannot be told."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Side:
    """Runs that are repetitions of one measurement; most often one."""

    name: str
    records: tuple[Record, ...]
    place: int
    """0 is the base."""


def sides_of(groups: Sequence[Sequence[Record]]) -> list[Side]:
    """The sides, the base first; a side of several runs is named by the first of them and how many they are."""
    names = iter(names_of([record.run.path for group in groups for record in group]))
    found = []
    for place, group in enumerate(groups):
        own = [next(names) for _ in group]
        name = own[0] if len(own) == 1 else f"{own[0]} and {len(own) - 1} more"
        found.append(Side(name, tuple(group), place))
    return found


def names_of(paths: Sequence[Path]) -> list[str]:
    """The shortest ends of paths that tell them apart: most often the names of the directories."""
    parts = [path.absolute().parts for path in paths]
    for many in range(1, max(map(len, parts)) + 1):
        names = ["/".join(each[-many:]) for each in parts]
        if len(set(names)) == len(set(parts)):
            break
    return names


def estimate(side: Side, one: Selection) -> Estimate | None:
    """A metric of a side: of one run with the spread over blocks of its devices, of several with that over runs."""
    at = FUNCTIONS[one.function].percentile if one.function else None
    rows = [record.rows(one.metric, one.labels) for record in side.records]
    values = [value for each in rows if (value := value_of(each, at)) is not None]
    if not values:
        return None
    mean = float(np.mean(values))
    if len(values) > 1:
        reach = quantile_975(len(values) - 1) * float(np.std(values, ddof=1)) / len(values) ** 0.5
        return Estimate(mean, mean - reach, mean + reach)
    data = blocked(rows[0], side.records[0].order.to_numpy(np.int64), whole=False)
    if len(side.records) > 1 or data.blocks < BLOCKS_LEAST:
        return Estimate(mean, None, None)
    reach = quantile_975(data.blocks - 1) * float(redrawn(data, at, draws(data.blocks, 0)).std(ddof=1))
    return Estimate(mean, mean - reach, mean + reach)
