"""When a fault strikes, apart from what it does: the values of a scenario, and what they are compiled to.

A trigger is asked for every datagram, write or installation that passes its seam. It knows no clock and no device: what
it has to see is given to it (``Sight``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from simulator.lwm2m.firmware_table import STATES

if TYPE_CHECKING:
    from simulator.ports import Dice

BYTES: Final = "bytes"
SHARE: Final = "share"
BLOCK: Final = "block"
TIME: Final = "time"
STATE: Final = "state"
MESSAGE: Final = "message"
PLACES: Final = (BYTES, SHARE, BLOCK, TIME, STATE, MESSAGE)
"""By what a place can be told."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in an update a fault strikes."""

    unit: str
    """One of ``PLACES``."""
    value: float | str
    """Bytes; a share of the package, 0 to 1; the number of a block or message, from 1; seconds after the start of the
    transfer; or a name of ``STATES``."""

    def __str__(self) -> str:
        if isinstance(self.value, str):
            return f"in state {self.value}"
        texts = {BYTES: "{:g} bytes", SHARE: "{:.4g} %", TIME: "{:g} s", BLOCK: "block {:g}", MESSAGE: "message {:g}"}
        return texts[self.unit].format(self.value * 100 if self.unit == SHARE else self.value)

    def problem(self) -> str:
        """What is wrong with it; empty where nothing is."""
        if self.unit == STATE:
            return "" if self.value in STATES else f"is {', '.join(STATES)}, not {self.value!r}"
        least, most = (1, inf) if self.unit in (BLOCK, MESSAGE) else (0, 1 if self.unit == SHARE else inf)
        if isinstance(self.value, str) or not least <= self.value <= most:
            return f"is from {least:g} to {most:g}, not {self.value}"
        return ""

    def offset(self, package_size: int) -> int:
        """The byte of the package that it is.

        Raises:
            ValueError: it is no place among bytes.
        """
        if self.unit == BYTES and not isinstance(self.value, str):
            return int(self.value)
        if self.unit == SHARE and not isinstance(self.value, str):
            return int(package_size * self.value)
        msg = f"{self} is no place among the bytes of a package"
        raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class When:
    """When a fault strikes: from ``place`` on, each time with ``probability``, so often, until it heals."""

    place: Place | None = None
    """None: from the start."""
    probability: float = 1.0
    times: int | None = 1
    """None: as often as it may."""
    heals: float | None = None
    """Seconds after the first time; None for never."""

    def __str__(self) -> str:
        parts = [str(self.place)] if self.place is not None else []
        if self.probability < 1:
            parts.append(f"probability {self.probability * 100:.4g} %")
        if self.times != 1:
            parts.append("repeated" if self.times is None else f"{self.times} times")
        if self.heals is not None:
            parts.append(f"heals after {self.heals:g} s")
        return ", ".join(parts)


ONCE: Final = When()


class Sight(NamedTuple):
    """What a trigger can see of a device."""

    package_size: int = 0
    """Bytes of the package that the device is to get."""
    now: Callable[[], float] = lambda: 0.0
    """Seconds; never goes back."""
    started: Callable[[], float] = lambda: inf
    """When the transfer began, by ``now``; infinity before that."""
    state: Callable[[], str] = lambda: STATES[0]
    """A name of ``STATES``."""


class Trigger(Protocol):
    """Asked for every datagram, write or installation."""

    def strikes(self, size: int) -> bool:
        """Whether the fault strikes the datagram (write) of ``size`` bytes that passes now."""


class AfterBytes:
    """From the datagram on that goes beyond ``count`` bytes, for ever."""

    __slots__ = ("_left",)

    def __init__(self, count: int) -> None:
        self._left = count

    @property
    def left(self) -> int:
        """Bytes that still pass before it strikes."""
        return max(self._left, 0)

    def strikes(self, size: int) -> bool:
        """Count down."""
        self._left -= size
        return self._left < 0


class Nth:
    """The ``number``-th datagram alone, counted from 1."""

    __slots__ = ("_left",)

    def __init__(self, number: int) -> None:
        self._left = number

    def strikes(self, size: int) -> bool:  # noqa: ARG002
        """Count down."""
        self._left -= 1
        return self._left == 0


class FromNth:
    """From the ``number``-th datagram on, counted from 1."""

    __slots__ = ("_left",)

    def __init__(self, number: int) -> None:
        self._left = number

    def strikes(self, size: int) -> bool:  # noqa: ARG002
        """Count down."""
        self._left -= 1
        return self._left <= 0


class Chance:
    """Each datagram with probability ``rate``, independently."""

    __slots__ = ("_dice", "_rate")

    def __init__(self, rate: float, dice: Dice) -> None:
        self._rate = rate
        self._dice = dice

    def strikes(self, size: int) -> bool:  # noqa: ARG002
        """Throw the dice."""
        return self._dice.random() < self._rate


class While:
    """As long as a condition holds."""

    __slots__ = ("_holds",)

    def __init__(self, holds: Callable[[], bool]) -> None:
        self._holds = holds

    def strikes(self, size: int) -> bool:  # noqa: ARG002
        """Look."""
        return self._holds()


ALWAYS: Final[Trigger] = While(lambda: True)


class Limited:
    """What all of ``gates`` let through, so often and for so long.

    Each gate is asked only when those before it let it through, so a place is counted by every datagram and the dice
    are thrown from there on.
    """

    __slots__ = ("_first", "_gates", "_heals", "_left", "_now")

    def __init__(self, gates: tuple[Trigger, ...], times: float, heals: float, now: Callable[[], float]) -> None:
        self._gates = gates
        self._left = times
        self._heals = heals
        self._now = now
        self._first = inf

    def strikes(self, size: int) -> bool:
        """Ask the gates."""
        for gate in self._gates:
            if not gate.strikes(size):
                return False
        if self._left <= 0:
            return False
        if self._heals < inf:
            now = self._now()
            self._first = min(self._first, now)
            if now - self._first >= self._heals:
                return False
        self._left -= 1
        return True


def compiled(when: When, sight: Sight, dice: Dice) -> Trigger:
    """The predicate of a value, for one device."""
    gates = (() if when.place is None else (_reached(when.place, sight),)) + (
        () if when.probability >= 1 else (Chance(when.probability, dice),)
    )
    if when.times is None and when.heals is None:
        if not gates:
            return ALWAYS
        if len(gates) == 1:
            return gates[0]
    times, heals = (inf if each is None else each for each in (when.times, when.heals))
    return Limited(gates, times, heals, sight.now)


def _reached(place: Place, sight: Sight) -> Trigger:
    if place.unit == STATE:
        return While(lambda: sight.state() == place.value)
    if place.unit == TIME:
        seconds = float(place.value)
        return While(lambda: sight.now() - sight.started() >= seconds)
    if place.unit in (BLOCK, MESSAGE):
        return FromNth(int(place.value))
    offset = place.offset(sight.package_size)
    # At 100 % is at the last byte: what has passed as a whole cannot be struck any more.
    return AfterBytes(min(offset, max(sight.package_size - 1, 0)) if place.unit == SHARE else offset)
