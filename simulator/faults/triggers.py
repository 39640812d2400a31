"""When a fault strikes, apart from what it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from simulator.ports import Dice


class Trigger(Protocol):
    """Asked for every datagram."""

    def strikes(self, size: int) -> bool:
        """Whether the fault strikes the datagram of ``size`` bytes that passes now."""


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


class Chance:
    """Each datagram with probability ``rate``, independently."""

    __slots__ = ("_dice", "_rate")

    def __init__(self, rate: float, dice: Dice) -> None:
        self._rate = rate
        self._dice = dice

    def strikes(self, size: int) -> bool:  # noqa: ARG002
        """Throw the dice."""
        return self._dice.random() < self._rate
