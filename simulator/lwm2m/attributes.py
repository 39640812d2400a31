"""Notification attributes: what Write-Attributes sets, how it is inherited, and what it means for a new value.

Sources: TS 1.1 Core, §5.1.2 (attributes), §6.3.4 (Write-Attributes). Only what is set is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from math import inf, isfinite
from typing import Final

from simulator.lwm2m.paths import Path

PERIODS: Final = ("pmin", "pmax")
EVALUATION_PERIODS: Final = ("epmin", "epmax")
"""How often a sensor is to be read; taken and shown, but a device that sees each change at once has no use for them."""
THRESHOLDS: Final = ("gt", "lt", "st")
"""For numbers only: greater than, less than, step."""

Attributes = Mapping[str, float]
"""Attributes by name: periods in whole seconds, thresholds in the unit of the resource."""

NO_ATTRIBUTES: Final[Attributes] = {}

_SECONDS: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_DECIMAL: Final = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?", re.ASCII)


class AttributeFormatError(ValueError):
    """A Write-Attributes names an unknown attribute, gives a bad value, or asks what contradicts itself (4.00)."""


def parse_attributes(query: Iterable[str], *, lwm2m_version: str = "1.1") -> dict[str, float | None]:
    """The attributes of the queries of a Write-Attributes; None takes an attribute away (``pmin`` without a value).

    Raises:
        AttributeFormatError: an attribute is unknown, stands twice or has a bad value.
    """
    known = PERIODS + THRESHOLDS + (EVALUATION_PERIODS if lwm2m_version != "1.0" else ())
    changes: dict[str, float | None] = {}
    for argument in query:
        name, equals, text = argument.partition("=")
        if name not in known or name in changes:
            msg = f"{name!r:.40} " + ("stands twice" if name in changes else f"is not one of {', '.join(known)}")
            raise AttributeFormatError(msg)
        changes[name] = _value(name, text) if equals else None
    return changes


def _value(name: str, text: str) -> float:
    if name in THRESHOLDS:
        if _DECIMAL.fullmatch(text) and isfinite(float(text)) and (name != "st" or float(text) > 0):
            return float(text)
    elif _SECONDS.fullmatch(text):
        return int(text)
    msg = f"{name}={text:.40}: " + ("not a decimal number" if name in THRESHOLDS else "not a number of seconds")
    raise AttributeFormatError(msg)


def format_attributes(attributes: Attributes) -> str:
    """Attributes as parameters of a link, such as ``;pmin=10;gt=42.2``, in a fixed order."""
    names = PERIODS + EVALUATION_PERIODS + THRESHOLDS
    return "".join([f";{name}={_text(attributes[name])}" for name in names if name in attributes])


def _text(value: float) -> str:
    if value == int(value):
        return str(int(value))
    return f"{value:.17f}".rstrip("0") if "e" in repr(value) else repr(value)


def check_thresholds(attributes: Attributes) -> None:
    """Whether thresholds agree: ``lt`` below ``gt``, with room for two steps between (TS 1.1 Core, §6.3.4).

    Raises:
        AttributeFormatError: they do not.
    """
    low, high = attributes.get("lt"), attributes.get("gt")
    if low is not None and high is not None and not low + 2 * attributes.get("st", 0.0) < high:
        msg = "gt must be greater than lt, and by more than twice st where there is one"
        raise AttributeFormatError(msg)


def passes(attributes: Attributes, last: float, value: float) -> bool:
    """Whether a number that was notified as ``last`` and is now ``value`` is worth a notification.

    Without thresholds each change is. With them, it must cross ``gt`` or ``lt``, or be ``st`` away from ``last``.
    """
    if value == last:
        return False
    high, low, step = attributes.get("gt"), attributes.get("lt"), attributes.get("st")
    if high is None and low is None and step is None:
        return True
    return (
        (high is not None and (last > high) != (value > high))
        or (low is not None and (last < low) != (value < low))
        or (step is not None and abs(value - last) >= step)
    )


def periods(attributes: Attributes, default_pmin: float = 0.0, default_pmax: float = inf) -> tuple[float, float]:
    """The effective ``pmin`` and ``pmax`` in seconds.

    A ``pmax`` of 0 or below ``pmin`` is ignored (TS 1.1 Core, §5.1.2), which is ``inf`` here.
    """
    least = attributes.get("pmin", default_pmin)
    most = attributes.get("pmax", default_pmax)
    return least, most if most and most >= least else inf


class AttributeStore:
    """The attributes of one device, by the path that they were written to.

    ``revision`` grows by one with each change, so that a schedule sees that its periods are out of date.
    """

    __slots__ = ("_by_path", "revision")

    def __init__(self) -> None:
        self._by_path: dict[Path, dict[str, float]] | None = None
        self.revision = 0

    def write(self, path: Path, changes: Mapping[str, float | None]) -> None:
        """Set attributes of a path, or take away those that are None; all or nothing.

        Raises:
            AttributeFormatError: the thresholds then contradict each other.
        """
        merged = {**self.at(path), **changes}
        kept = {name: value for name, value in merged.items() if value is not None}
        check_thresholds({**self.inherited(path), **kept})
        if self._by_path is None:
            self._by_path = {}
        if kept:
            self._by_path[path] = kept
        else:
            self._by_path.pop(path, None)
        self.revision += 1

    def at(self, path: Path) -> Attributes:
        """What is set at exactly this path."""
        return self._by_path.get(path, NO_ATTRIBUTES) if self._by_path else NO_ATTRIBUTES

    def inherited(self, path: Path) -> Attributes:
        """What holds for a path: its own attributes, and those of the levels above that it does not set itself."""
        if not self._by_path:
            return NO_ATTRIBUTES
        merged: dict[str, float] = {}
        for depth in range(1, len(path) + 1):
            merged.update(self._by_path.get(path[:depth], NO_ATTRIBUTES))
        return merged
