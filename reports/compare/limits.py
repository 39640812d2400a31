"""``--fail-on``: a metric, and by how much it may get worse."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from reports.compare.change import BETTER_UP, LEVEL, SAME, SECONDS_OF_ONE, WORSE, Change, adjusted, measure
from reports.compare.rows import TAKES, Record
from simulator.criteria import FUNCTIONS, METRICS, UNITS, ExpressionError, Number, Selection, parse
from simulator.criteria.units import SECONDS

_LIMIT: Final = re.compile(r"(?P<metric>.+?)\s*(?P<sign>[+-])\s*(?P<percent>\d+(?:\.\d+)?)\s*%\s*")
_FUNCTIONS: Final = frozenset(
    {"mean", "rate", *(name for name, one in FUNCTIONS.items() if one.percentile is not None)}
)


class LimitError(ValueError):
    """A limit cannot be read; the text says what is wrong and what to write."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A metric may get worse by ``share`` of its value in the base."""

    text: str
    metric: Selection
    share: float


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of a limit."""

    limit: str
    change: Change
    holds: bool
    why: str


def parse_limit(text: str) -> Limit:
    """Read ``p95(update_seconds) +10%``.

    Raises:
        LimitError: it does not have this form, or names what is not compared.
    """
    found = _LIMIT.fullmatch(text.strip())
    if found is None:
        msg = f"{text!r} is no limit; write a metric and a percentage, as in 'p95(update_seconds) +10%'"
        raise LimitError(msg)
    try:
        metric = parse(found["metric"])
    except ExpressionError as error:
        msg = f"{text!r}, character {error.at + 1}: {error.message}"
        raise LimitError(msg) from None
    if not isinstance(metric, Selection):
        msg = f"{text!r}: one metric is wanted before the percentage, not a calculation"
        raise LimitError(msg)
    _check(text, metric)
    if (found["sign"] == "+") == (metric.metric in BETTER_UP):
        better = "smaller" if found["sign"] == "+" else "greater"
        msg = f"{text!r}: {metric.metric} is worse when it is {better}; write the other sign"
        raise LimitError(msg)
    return Limit(text, metric, float(found["percent"]) / 100)


def parse_noise(text: str) -> float:
    """Read a time such as ``20 ms``, in seconds.

    Raises:
        LimitError: it is none.
    """
    try:
        found = parse(text)
        if isinstance(found, Number) and UNITS[found.unit][1] == SECONDS:
            return found.value
    except (ExpressionError, KeyError):
        pass
    msg = f"{text!r} is no time; write a number and a unit, as in '20 ms'"
    raise LimitError(msg)


def _check(text: str, one: Selection) -> None:
    if one.metric not in TAKES:
        msg = f"{text!r}: {one.metric} is not compared; compared are {', '.join(TAKES)}"
        raise LimitError(msg)
    kind = METRICS[one.metric].kind
    fits = one.function in _FUNCTIONS and kind in FUNCTIONS[one.function].kinds
    if not fits and (one.function or kind != "gauge"):
        names = sorted(name for name in _FUNCTIONS if kind in FUNCTIONS[name].kinds)
        wanted = f"write {' or '.join(f'{name}({one.metric})' for name in names)}" if names else "write it bare"
        msg = f"{text!r}: {one.function or 'no function'} does not go with {one.metric}; {wanted}"
        raise LimitError(msg)
    for label in one.labels:
        if label.name not in METRICS[one.metric].labels:
            msg = f"{text!r}: no label {label.name}; there are {', '.join(METRICS[one.metric].labels)}"
            raise LimitError(msg)


def judge(
    limits: Sequence[Limit], base: Sequence[Record], other: Sequence[Record], noise_s: float = SECONDS_OF_ONE
) -> list[Judged]:
    """Hold each metric against its limit; p is adjusted over the limits alone."""
    found = adjusted([measure(one.metric, base, other, noise_s) for one in limits])
    return [_judge(one, change) for one, change in zip(limits, found, strict=True)]


def _judge(limit: Limit, change: Change) -> Judged:
    if change.p_adjusted is None:
        return Judged(limit.text, change, False, f"cannot be judged: {change.method}")
    allowed = limit.share * abs(change.base or 0.0)
    holds = not (change.verdict == WORSE and change.worse_by > allowed)
    why = f"p {change.p_adjusted:.2g}, {'below' if change.p_adjusted < LEVEL else 'not below'} {LEVEL:g}"
    return Judged(limit.text, change, holds, SAME if change.verdict == SAME else why)
