"""What changed between the runs of a base and other runs, metric by metric, and how sure that is (docs/compare.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from reports.compare.resample import (
    BLOCKS_LEAST,
    blocked,
    cliffs_delta,
    draws,
    quantile_975,
    redrawn,
    tail,
    value_of,
)
from reports.compare.rows import Numbers, Record, Rows
from simulator.criteria import FUNCTIONS, Selection, text_of
from simulator.criteria.tree import Label

LEVEL: Final = 0.05
LEAST_OF_ONE: Final = 0.10
"""Of one run on each side: what a busy machine does to a whole run shows in no run, so less is no change."""
SECONDS_OF_ONE: Final = 0.02
"""And of times less than this, since a busy machine doubles one of milliseconds; ``noise_s`` takes its place."""
LEAST_OF_MANY: Final = 0.05
LEAST_SHARE: Final = 0.01
"""The least change of a metric whose value in the base is 0, or that is a share, in its own unit."""

BETTER_UP: Final = frozenset({"ok", "as_declared", "device_throughput"})
SHARES: Final = frozenset({"ok", "fail", "unknown", "as_declared", "server_disagreements", "wire_overhead"})
BETTER, WORSE, SAME, UNTOLD = "better", "worse", "no evidence of change", "cannot be told"
EQUAL: Final = "all values equal"
"""However they were dealt to both sides no test could find more, so that it costs the others nothing (Tarone 1990)."""
BOTTLENECK: Final = "generator was the bottleneck"
CALIBRATED_LEAST: Final = 3
"""Repetitions on one side that tell how runs differ, where the other has but one run."""

_TIMES: Final = (
    "update_seconds", "update_from_due_seconds", "download_seconds", "block_seconds", "peer_seconds",
    "register_seconds", "device_throughput",
)  # fmt: skip
_MEANS: Final = ("retransmissions", "refetched_bytes")
_RATES: Final = ("ok", "fail", "unknown", "as_declared")


@dataclass(frozen=True, slots=True)
class Change:
    """One metric in both."""

    name: str
    """As criteria name it."""
    base: float | None
    other: float | None
    difference: float | None
    low: float | None
    """95 % confidence interval of the difference, for this metric alone."""
    high: float | None
    relative: float | None
    """``difference / base``; None where the base is 0."""
    delta: float | None
    """Cliff's delta."""
    method: str
    p: float | None
    """Of a change of no more than ``least``."""
    p_adjusted: float | None
    """By Holm over all metrics of the comparison."""
    least: float
    """In the unit of the metric."""
    verdict: str
    up_is_worse: bool

    @property
    def worse_by(self) -> float:
        """The difference in the direction that is worse."""
        return (self.difference or 0.0) * (1 if self.up_is_worse else -1)


def changes(base: Sequence[Record], other: Sequence[Record], noise_s: float = SECONDS_OF_ONE) -> list[Change]:
    """Every metric, overall and for each transport, delivery and network, with p adjusted over all of them.

    Args:
        noise_s: by how much a busy machine may lengthen a time in a whole run, where runs are not repeated.
    """
    selections = list(_selections([*base, *other]))
    return adjusted([measure(one, base, other, noise_s) for one in selections])


def measure(one: Selection, base: Sequence[Record], other: Sequence[Record], noise_s: float = SECONDS_OF_ONE) -> Change:
    """One metric; its ``p`` is not adjusted, and the verdict goes by it.

    Runs whose generator was the bottleneck have no part in times, as they tell nothing of the server.
    """
    at = FUNCTIONS[one.function].percentile if one.function else None
    timed = one.metric == "device_throughput" or one.metric.endswith("_seconds")
    kept = [[record for record in side if not (timed and record.bottleneck)] for side in (base, other)]
    slow = not all(kept)
    base, other = (base, other) if slow else kept
    sides = [[record.rows(one.metric, one.labels) for record in side] for side in (base, other)]
    values = [[value_of(rows, at) for rows in side] for side in sides]
    measured = [[value for value in side if value is not None] for side in values]
    up_is_worse = one.metric not in BETTER_UP
    if not all(measured):
        means = [float(np.mean(side)) if side else None for side in measured]
        return Change(text_of(one), means[0], means[1], None, None, None, None, None, "not in both", None, None, 0.0,
                      UNTOLD, up_is_worse)  # fmt: skip
    a, b = (float(np.mean(side)) for side in measured)
    several = repeated(len(measured[0]), len(measured[1]))
    floor = _floor(one, a, None if several else noise_s, base, other)
    every = [np.concatenate([rows.value / rows.weight for rows in side]) for side in sides]
    change = Change(text_of(one), a, b, b - a, None, None, (b - a) / abs(a) if a else None, cliffs_delta(*every), "",
                    None, None, floor, UNTOLD, up_is_worse)  # fmt: skip
    if slow:
        return replace(change, method=BOTTLENECK)
    method, spread, freedom = (
        between(*measured) if several else _within(base[0], other[0], [side[0] for side in sides], at)
    )
    if spread is None:
        return replace(change, method=method)
    if all(each.min() == each.max() == every[0][0] for each in every):
        return replace(change, method=EQUAL, low=0.0, high=0.0, p=1.0, p_adjusted=1.0, verdict=SAME)
    # Repeated runs show how runs differ, so that 0 can be tested; of one run the margin stands for that.
    beyond = abs(b - a) - (0.0 if several else floor)
    p = min(1.0, 2 * tail(_ratio(beyond, spread), freedom)) if beyond > 0 else 1.0
    reach = quantile_975(freedom) * spread
    return _judged(replace(change, method=method, low=b - a - reach, high=b - a + reach, p=p, p_adjusted=p))


def repeated(base: int, other: int) -> bool:
    """Whether so many runs on each side tell how runs differ."""
    return min(base, other) > 1 or max(base, other) >= CALIBRATED_LEAST


def _floor(
    one: Selection, base_value: float, noise_s: float | None, base: Sequence[Record], other: Sequence[Record]
) -> float:
    """The least change that counts, in the unit of the metric; ``noise_s`` is None where runs are repeated."""
    share = LEAST_OF_MANY if noise_s is None else LEAST_OF_ONE
    floor = max(share * abs(base_value), LEAST_SHARE if one.metric in SHARES or base_value == 0 else 0.0)
    if noise_s is None:
        return floor
    if one.metric.endswith("_seconds"):
        return max(floor, noise_s)
    if one.metric == "device_throughput":
        return max(floor, abs(base_value) * _share_of_time(one, noise_s, (*base, *other)))
    return floor


def _share_of_time(one: Selection, noise_s: float, records: Sequence[Record]) -> float:
    """What share of a download the noise is, at the percentile of the throughput: it is the same share of that."""
    at = FUNCTIONS[one.function].percentile if one.function else None
    rows = [record.rows("download_seconds", one.labels) for record in records]
    took = [value for each in rows if (value := value_of(each, None if at is None else 100 - at))]
    return noise_s / min(took) if took else 0.0


def adjusted(found: Sequence[Change]) -> list[Change]:
    """With p adjusted by Holm's procedure (1979): the chance of any false alarm stays below ``LEVEL``."""
    tests = [place for place, one in enumerate(found) if one.p is not None and one.method != EQUAL]
    known = sorted(tests, key=lambda place: found[place].p or 0.0)
    judged, highest = list(found), 0.0
    for rank, place in enumerate(known):
        highest = max(highest, min(1.0, (found[place].p or 0.0) * (len(known) - rank)))
        judged[place] = _judged(replace(found[place], p_adjusted=highest))
    return judged


def _judged(change: Change) -> Change:
    real = (change.p_adjusted or 0.0) < LEVEL and abs(change.difference or 0.0) > change.least
    return replace(change, verdict=(WORSE if change.worse_by > 0 else BETTER) if real else SAME)


def _ratio(distance: float, spread: float) -> float:
    return distance / spread if spread > 0 else float("inf")


def between(base: Sequence[float], other: Sequence[float]) -> tuple[str, float, float]:
    """The method, the spread of the difference and its degrees of freedom, over the values of whole runs.

    It is Welch's test. Where a side has but one run, that is taken to vary as those of the other side do.
    """
    counts = len(base), len(other)
    method = f"{counts[0]} and {counts[1]} runs"
    if min(counts) == 1:
        spread = float(np.std(max(base, other, key=len), ddof=1))
        return method, spread * sum(1 / count for count in counts) ** 0.5, float(max(counts) - 1)
    parts = [float(np.var(side, ddof=1)) / len(side) for side in (base, other)]
    below = sum(part**2 / (len(side) - 1) for part, side in zip(parts, (base, other), strict=True))
    freedom = sum(parts) ** 2 / below if below > 0 else float(sum(counts) - 2)
    return method, sum(parts) ** 0.5, freedom


def _within(base: Record, other: Record, rows: Sequence[Rows], at: float | None) -> tuple[str, float | None, float]:
    """The spread of the difference over draws of blocks of devices; None where there are too few."""
    paired = same_devices(base, other)
    first = [record.order.to_numpy(np.int64) for record in (base, base if paired else other)]
    if paired:
        both = np.intersect1d(rows[0].device, rows[1].device)
        # Devices with a value in one run alone belong to the difference, and count in the block of their place.
        either = np.union1d(rows[0].device, rows[1].device)
        first = [first[0][np.isin(first[0], either)]] * 2
        paired = len(both) > 0
    data = [blocked(each, order, whole=paired) for each, order in zip(rows, first, strict=True)]
    least = min(each.blocks for each in data)
    method = "paired blocks" if paired else "blocks"
    if least < BLOCKS_LEAST:
        return "too few devices", None, 1.0
    drawn = draws(data[0].blocks, 0)
    again = drawn if paired else draws(data[1].blocks, 1)
    difference: Numbers = redrawn(data[1], at, again) - redrawn(data[0], at, drawn)
    return method, float(difference.std(ddof=1)), float(least - 1)


def same_devices(base: Record, other: Record) -> bool:
    """Whether two runs have the same devices: one seed, and the same endpoints and groups by index."""
    if base.run.manifest.get("seed") != other.run.manifest.get("seed"):
        return False
    columns = ["endpoint", "group", "kind", "fault"]
    return len(base.devices) > 0 and base.devices[columns].equals(other.devices[columns])


def _selections(records: Sequence[Record]) -> list[Selection]:
    labels: list[tuple[Label, ...]] = [()]
    for name in ("transport", "delivery", "network"):
        seen = sorted({str(value) for record in records for value in record.devices[name]} - {""})
        if len(seen) > 1:
            labels += [(Label(name, value),) for value in seen]
    found = []
    for own in labels:
        sound = (*own, Label("fault", "none"))
        found += [Selection(name, sound, function) for name in _TIMES for function in ("p50", "p95")]
        found += [Selection(name, sound, "mean") for name in _MEANS]
        found += [Selection("wire_overhead", sound)]
        found += [Selection(name, own, "rate") for name in _RATES]
        found += [Selection("server_disagreements", own, "mean")]
    return found
