"""What is wrong with an expression before any run: names, labels and their values, functions, units."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from simulator.criteria.metrics import FUNCTIONS, METRICS, Kind
from simulator.criteria.parse import ExpressionError, parse
from simulator.criteria.tree import (
    COMPARISONS,
    Binary,
    Expression,
    Label,
    Negated,
    Number,
    Selection,
    dimension,
    is_truth,
)

Known = Mapping[str, Collection[str]]
"""The values that labels have in a scenario; a label that is not in it may have any."""


class Trouble(NamedTuple):
    """One thing that is wrong, at a character counted from 0, and how to mend it."""

    at: int
    message: str
    mend: str


def check(text: str, known: Known) -> list[Trouble]:
    """Everything that is wrong with an expression, in its order; what cannot be read at all is one thing."""
    try:
        expression = parse(text)
    except ExpressionError as error:
        return [Trouble(error.at, error.message, error.mend)]
    found = list(_names(expression, known))
    if not is_truth(expression):
        found.append(Trouble(0, "a number, which neither holds nor does not", "compare it, as in `... < 5 s`"))
    # Units can be told only of what is known.
    return sorted(found or _units(expression))


def _near(word: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else f"known are {', '.join(sorted(known)) or 'none'}"


def _names(expression: Expression, known: Known) -> Iterator[Trouble]:
    if isinstance(expression, Selection):
        yield from _selection(expression, known)
    elif isinstance(expression, Negated):
        yield from _names(expression.inner, known)
        yield from _truths(expression.inner, wanted=expression.operator == "not", operator=expression.operator)
    elif isinstance(expression, Binary):
        for side in (expression.left, expression.right):
            yield from _names(side, known)
            yield from _truths(side, wanted=expression.operator in ("and", "or"), operator=expression.operator)


def _truths(side: Expression, *, wanted: bool, operator: str) -> Iterator[Trouble]:
    if wanted and not is_truth(side):
        yield Trouble(side.at, f"`{operator}` joins comparisons, this is a number", "compare it, as in `... < 5 s`")
    elif is_truth(side) and not wanted:
        yield Trouble(side.at, f"`{operator}` takes numbers, this is a comparison", "join comparisons with `and`")


def _selection(one: Selection, known: Known) -> Iterator[Trouble]:
    if one.function and one.function not in FUNCTIONS:
        yield Trouble(one.at, f"there is no function `{one.function}`", _near(one.function, FUNCTIONS))
    metric = METRICS.get(one.metric)
    if metric is None:
        yield Trouble(one.metric_at, f"there is no metric `{one.metric}`", _near(one.metric, METRICS))
        return
    fitting = [name for name, function in FUNCTIONS.items() if metric.kind in function.kinds]
    if one.function in FUNCTIONS and one.function not in fitting:
        mend = f"functions of it are {', '.join(fitting)}" if fitting else f"write `{one.metric}` without a function"
        yield Trouble(one.at, f"`{one.function}` does not fit `{one.metric}`, which is a {metric.kind}", mend)
    if not one.function and metric.kind in (Kind.TREND, Kind.RATE):
        mend = f"write a function of it: {', '.join(fitting)}"
        yield Trouble(one.at, f"`{one.metric}` is a {metric.kind}, not one number", mend)
    for label in one.labels:
        yield from _label(label, one.metric, metric.labels, known)


def _label(label: Label, metric: str, labels: Collection[str], known: Known) -> Iterator[Trouble]:
    if label.name not in labels:
        yield Trouble(label.at, f"`{metric}` has no label `{label.name}`", _near(label.name, labels))
    elif label.name in known and label.value not in known[label.name]:
        message = f"the scenario has no {label.name} {label.value!r}"
        yield Trouble(label.at, message, _near(label.value, known[label.name]))


def _units(expression: Expression) -> Iterator[Trouble]:
    if isinstance(expression, Negated):
        yield from _units(expression.inner)
    if not isinstance(expression, Binary):
        return
    yield from _units(expression.left)
    yield from _units(expression.right)
    if expression.operator == "/" and isinstance(expression.right, Number) and expression.right.value == 0:
        yield Trouble(expression.right.at, "divides by zero", "")
    if expression.operator not in (*COMPARISONS, "+", "-"):
        return
    left, right = dimension(expression.left), dimension(expression.right)
    if left is not None and right is not None and left != right:
        yield Trouble(expression.at, f"`{expression.operator}` of {left} and {right}", "write both in like units")
