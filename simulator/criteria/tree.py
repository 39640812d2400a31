"""An expression as a tree, and back as text. Places (``at``) count characters from 0 and are no part of equality."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from simulator.criteria.metrics import FUNCTIONS, METRICS
from simulator.criteria.units import SHARE, UNITS, Dimension

COMPARISONS: Final = ("<", "<=", ">", ">=", "==", "!=")
STRENGTH: Final = {
    "or": 1,
    "and": 2,
    **dict.fromkeys(COMPARISONS, 4),
    "+": 5,
    "-": 5,
    "*": 6,
    "/": 6,
}
"""How strongly an operator binds; ``not`` (3) stands between ``and`` and the comparisons, a sign (7) above all."""
NOT: Final = 3
SIGN: Final = 7


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it was written."""

    digits: str
    unit: str = ""
    at: int = field(default=0, compare=False)

    @property
    def value(self) -> float:
        """In the base unit."""
        return float(self.digits) * (UNITS[self.unit][0] if self.unit else 1.0)


@dataclass(frozen=True, slots=True)
class Label:
    """A condition on a label: equal to a value, or with ``unequal`` another."""

    name: str
    value: str
    unequal: bool = False
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Selection:
    """A metric, of the rows whose labels fit, brought to one number by a function (empty: the metric as it is)."""

    metric: str
    labels: tuple[Label, ...] = ()
    function: str = ""
    at: int = field(default=0, compare=False)
    metric_at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Negated:
    """``not`` of a truth, or ``-`` of a number."""

    operator: str
    inner: Expression
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """Two expressions and what joins them."""

    operator: str
    left: Expression
    right: Expression
    at: int = field(default=0, compare=False)


Expression = Number | Selection | Negated | Binary


def is_truth(expression: Expression) -> bool:
    """Whether it is true or false, not a number."""
    if isinstance(expression, Binary):
        return STRENGTH[expression.operator] <= STRENGTH["<"]
    return isinstance(expression, Negated) and expression.operator == "not"


def selections(expression: Expression) -> Iterator[Selection]:
    """The metrics in it, from left to right."""
    if isinstance(expression, Selection):
        yield expression
    elif isinstance(expression, Negated):
        yield from selections(expression.inner)
    elif isinstance(expression, Binary):
        yield from selections(expression.left)
        yield from selections(expression.right)


def dimension(expression: Expression) -> Dimension | None:
    """What a number measures; None for a bare number, which takes the unit of what it stands beside.

    Names and units in it have to be known.
    """
    if isinstance(expression, Number):
        return UNITS[expression.unit][1] if expression.unit else None
    if isinstance(expression, Selection):
        counted = FUNCTIONS[expression.function].dimension if expression.function else None
        return METRICS[expression.metric].dimension if counted is None else counted
    if isinstance(expression, Negated):
        return dimension(expression.inner)
    left, right = dimension(expression.left), dimension(expression.right)
    if expression.operator == "*" or expression.operator == "/":
        if left is None and right is None:
            return None
        return (left or SHARE).times(right or SHARE, 1 if expression.operator == "*" else -1)
    return right if left is None else left


def text_of(expression: Expression, least: int = 0) -> str:
    """The expression in its plain form, with no more parentheses than it needs; ``least``: how strong it has to be."""
    if isinstance(expression, Number):
        return f"{expression.digits} {expression.unit}".rstrip()
    if isinstance(expression, Selection):
        return _selection(expression)
    if isinstance(expression, Negated):
        strength = NOT if expression.operator == "not" else SIGN
        text = expression.operator + " " * (strength == NOT) + text_of(expression.inner, strength)
    else:
        strength = STRENGTH[expression.operator]
        # Comparisons do not follow one another, so neither side of one may be another.
        left = text_of(expression.left, strength + (expression.operator in COMPARISONS))
        text = f"{left} {expression.operator} {text_of(expression.right, strength + 1)}"
    return f"({text})" if strength < least else text


def _selection(one: Selection) -> str:
    labels = ", ".join(f'{label.name}{"!=" if label.unequal else "="}"{label.value}"' for label in one.labels)
    text = one.metric + (f"{{{labels}}}" if labels else "")
    return f"{one.function}({text})" if one.function else text
