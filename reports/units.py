"""Figures as text for people: three significant digits and a unit. ``-`` stands for what was not measured."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Final, Self

NONE: Final = "-"

_SIZES: Final = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


class Shown(str):
    """A figure as text that still knows the figure, in its base unit: what is shown as text is sorted by it."""

    __slots__ = ("raw",)
    raw: float | None
    """None for what was not measured."""

    def __new__(cls, text: str, raw: float | None = None) -> Self:
        """The text with its figure."""
        made = super().__new__(cls, text)
        made.raw = raw
        return made


def _shown(show: Callable[[float | None], str]) -> Callable[[float | None], str]:
    @wraps(show)
    def of(value: float | None) -> str:
        return Shown(show(value), value)

    return of


@_shown
def number(value: float | None) -> str:
    """A count with separators, or any number with three significant digits."""
    if value is None:
        return NONE
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return _three(value)


def counted(value: int, noun: str) -> str:
    """A number of things, such as ``1 device`` and ``2 devices``."""
    return f"{value:,} {noun}" + ("" if value == 1 else "s")


@_shown
def seconds(value: float | None) -> str:
    """A duration given in seconds."""
    if value is None:
        return NONE
    if value == 0:
        return "0 s"
    if abs(value) < 1e-3:
        return f"{_three(value * 1e6)} µs"
    if abs(value) < 1:
        return f"{_three(value * 1e3)} ms"
    return f"{_three(value)} s"


def microseconds(value: float | None) -> str:
    """A duration given in microseconds; its figure is in seconds."""
    return seconds(None if value is None else value / 1e6)


@_shown
def size(value: float | None) -> str:
    """Bytes in powers of 1000."""
    if value is None:
        return NONE
    for factor, unit in _SIZES:
        if abs(value) >= factor:
            return f"{_three(value / factor)} {unit}"
    return f"{_three(value)} B"


@_shown
def rate(value: float | None) -> str:
    """Bytes per second."""
    return NONE if value is None else f"{size(value)}/s"


@_shown
def share(value: float | None) -> str:
    """A share of 1 as a percentage, never rounded up to 100 %."""
    if value is None:
        return NONE
    percent = value * 100
    text = f"{percent:.1f}".removesuffix(".0")
    if text == "100" and percent < 100:
        text = "99.9"
    return f"{text} %"


@_shown
def percent(value: float | None) -> str:
    """A proportion as a percentage with three significant digits, which may well be above 100 %."""
    return NONE if value is None else f"{_three(value * 100)} %"


def _three(value: float) -> str:
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    text = f"{value:.3g}"
    return f"{value:.0f}" if "e+" in text else text
