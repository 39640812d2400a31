"""Judges the expressions of ``[criteria]``: each holds only where every metric in it has a value to rely on."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from reports.metrics import Values
from reports.summary import Criterion, Part
from simulator.criteria import (
    METRICS,
    Binary,
    Expression,
    Negated,
    Number,
    Selection,
    check,
    dimension,
    parse,
    selections,
    text_of,
)
from simulator.criteria.tree import COMPARISONS, is_truth
from simulator.criteria.units import BASE

_OPERATORS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "and": lambda left, right: left and right,
    "or": lambda left, right: left or right,
}


def judge_expressions(texts: Any, values: Values) -> list[Criterion]:
    """A criterion for each expression of a manifest, in their order."""
    if texts is None or isinstance(texts, list | tuple):
        return [_judge(str(text), values) for text in texts or ()]
    return [Criterion("expressions", str(texts), None, holds=False, why="the manifest has no list of expressions")]


def _judge(text: str, values: Values) -> Criterion:
    # A manifest may be of another version, which had other metrics.
    troubles = check(text, {})
    if troubles:
        return Criterion(text, "", None, holds=False, why=f"column {troubles[0].at + 1}: {troubles[0].message}")
    expression = parse(text)
    chosen = list(dict.fromkeys(selections(expression)))
    measured = {one: values.measure(one) for one in chosen}
    parts = [Part(text_of(one), measured[one], _unit(one)) for one in chosen]
    absent = [part.text for part in parts if part.value is None]
    if absent:
        return Criterion(text, "", None, holds=False, why=f"no value of {', '.join(absent)}", parts=parts)
    gaps = values.incomplete([table for one in chosen for table in METRICS[one.metric].tables])
    known = {one: value for one, value in measured.items() if value is not None}
    try:
        holds = bool(_value(expression, known))
        limit, left, unit = _sides(expression, known)
    except ZeroDivisionError:
        return Criterion(text, "", None, holds=False, why="no value: divides by zero", parts=parts)
    why = f"cannot be relied on: rows are missing from {', '.join(gaps)}" if gaps else ""
    return Criterion(text, limit, left, holds=holds and not gaps, why=why, unit=unit, parts=parts)


def _unit(expression: Expression) -> str:
    found = dimension(expression)
    return "" if found is None else BASE.get(found, "")


def _sides(expression: Expression, known: Mapping[Selection, float]) -> tuple[float | str, float | None, str]:
    """Limit, measure and unit of a comparison; what joins several has none of its own."""
    if not isinstance(expression, Binary) or expression.operator not in COMPARISONS:
        return "", None, ""
    left, right = expression.left, expression.right
    if not any(selections(left)):
        left, right = right, left
    return float(_value(right, known)), float(_value(left, known)), _unit(expression.left) or _unit(expression.right)


def _value(expression: Expression, known: Mapping[Selection, float]) -> float | bool:
    """A number in base units, or a truth.

    Raises:
        ZeroDivisionError: a measured number is 0 and divides another.
    """
    if isinstance(expression, Number):
        return expression.value
    if isinstance(expression, Selection):
        return known[expression]
    if isinstance(expression, Negated):
        inner = _value(expression.inner, known)
        return not inner if is_truth(expression) else -inner
    return _OPERATORS[expression.operator](_value(expression.left, known), _value(expression.right, known))  # type: ignore[no-any-return]
