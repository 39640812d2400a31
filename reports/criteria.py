"""Holds a summary against the criteria of its scenario.

A criterion whose measure is not there, or rests on tables of which rows are missing, does not hold and says why: a run
that lost its record has proved nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reports.summary import Criterion, Summary
from reports.verdicts import EVIDENCE

EXPRESSIONS: Final = "expressions"
"""The key of criteria that are judged by ``reports.expressions``."""
THROUGHPUT: Final = "throughput_min_bytes_per_s"
LARGEST: Final = 1e300
"""A limit from here on cannot be calculated with."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What a criterion measures, and the tables that it rests on."""

    take: Callable[[Summary], float | None]
    tables: tuple[str, ...]
    absent: str
    """Why there is no measure, where ``take`` gives None."""


_UPDATES: Final = ("devices", "updates")
_NO_UPDATES: Final = "no update was recorded"
_NO_HEALTH: Final = "no health was sampled"


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


MEASURES: Final[dict[str, Measure]] = {
    "failed_max": Measure(
        lambda s: s.outcomes.overall.fail if s.outcomes.overall.total else None, _UPDATES, _NO_UPDATES
    ),
    "unknown_max": Measure(
        lambda s: s.outcomes.overall.unknown if s.outcomes.overall.total else None, _UPDATES, _NO_UPDATES
    ),
    "as_declared_min": Measure(
        lambda s: _share(s.results.as_declared, s.results.declared),
        (*_UPDATES, "states", "device_ends"),
        "no device was in the campaign",
    ),
    "pattern_complete_min": Measure(
        lambda s: _share(s.pattern.complete, s.pattern.devices),
        (*_UPDATES, "server_reports"),
        "no device without a fault was in the campaign",
    ),
    "server_differs_max": Measure(
        lambda s: s.verdicts.server.differs if s.results.declared else None,
        ("devices", *sorted(EVIDENCE)),
        "no device was in the campaign",
    ),
    "late_starts_max": Measure(lambda s: s.generator.late_starts, ("health",), _NO_HEALTH),
    "missed_starts_max": Measure(lambda s: s.generator.missed_starts, ("health",), _NO_HEALTH),
    "loop_lag_max_s": Measure(lambda s: s.generator.loop_lag_max_s, ("health",), _NO_HEALTH),
    "update_p95_max_s": Measure(lambda s: s.totals.update_s.p95, _UPDATES, "no update ended with Update Result 1"),
    "update_p99_max_s": Measure(lambda s: s.totals.update_s.p99, _UPDATES, "no update ended with Update Result 1"),
    "download_p95_max_s": Measure(lambda s: s.totals.download_s.p95, ("transfers",), "no transfer went well"),
    THROUGHPUT: Measure(lambda s: s.totals.bytes_per_s, ("transfers",), "no transfer was recorded"),
}
"""Criteria by name. One whose name has ``_min`` holds from its limit up, any other up to its limit."""


def judge(summary: Summary, limits: Any) -> list[Criterion]:
    """Every criterion of ``limits`` (name to limit; a limit of None is not one), in their order.

    A manifest may hold anything: what is no such mapping is a criterion that does not hold, unless it is None.
    """
    if not isinstance(limits, Mapping):
        why = "the manifest has something else in the place of the criteria"
        return [] if limits is None else [Criterion("criteria", _limit(limits), None, holds=False, why=why)]
    judged: list[Criterion] = []
    for name, limit in limits.items():
        if limit is None or name == EXPRESSIONS:
            continue
        if name == THROUGHPUT and isinstance(limit, Mapping):
            judged += [_judge_kind(summary, str(kind), own) for kind, own in limit.items()]
        elif (measure := MEASURES.get(name)) is not None:
            judged.append(_judge(summary, name, limit, measure))
        else:
            judged.append(Criterion(name, _limit(limit), None, holds=False, why="there is no criterion of this name"))
    return judged


def all_hold(summary: Summary) -> bool:
    """Whether the run came to its end and every criterion holds."""
    return summary.run.status == "complete" and all(criterion.holds for criterion in summary.criteria)


def _judge_kind(summary: Summary, kind: str, limit: Any) -> Criterion:
    def take(s: Summary) -> float | None:
        return s.throughput[kind].bytes_per_s if kind in s.throughput else None

    measure = Measure(take, ("transfers",), f"no transfer over {kind} was recorded")
    return _judge(summary, f"{THROUGHPUT}[{kind}]", limit, measure)


def _judge(summary: Summary, name: str, limit: Any, measure: Measure) -> Criterion:
    if isinstance(_limit(limit), str):
        return Criterion(name, _limit(limit), None, holds=False, why="its limit is not a number")
    measured = measure.take(summary)
    if measured is None:
        return Criterion(name, limit, None, holds=False, why=f"not measured: {measure.absent}")
    gaps = sorted(set(measure.tables) & set(summary.run.tables_incomplete))
    if gaps:
        why = f"cannot be relied on: rows are missing from {', '.join(gaps)}"
        return Criterion(name, limit, measured, holds=False, why=why)
    holds = measured >= limit if "_min" in name else measured <= limit
    return Criterion(name, limit, measured, holds=holds, why="")


def _limit(limit: Any) -> float | str:
    """A limit as a summary has it: a number, or else a text."""
    number = isinstance(limit, int | float) and not isinstance(limit, bool) and abs(limit) < LARGEST
    return limit if number else str(limit)
