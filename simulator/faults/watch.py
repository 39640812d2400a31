"""Looks on while State (/5/0/3) changes, for faults that strike in a state, or some time after the transfer began."""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING

from simulator.faults.triggers import STATE, TIME, Sight
from simulator.lwm2m.firmware_table import STATES, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.faults.seams import Power
    from simulator.faults.triggers import When


class Watch:
    """What the triggers of one device see."""

    __slots__ = ("package_size", "started", "state", "told", "used")

    def __init__(self, package_size: int) -> None:
        self.package_size = package_size
        self.state = STATES[0]
        self.started = inf
        self.told: tuple[Callable[[Power, str], None], ...] = ()
        """Faults that act when State changes."""
        self.used = False
        """Whether a trigger looks at it, so that somebody has to tell it."""

    def sight(self, when: When) -> Sight:
        """What a trigger for ``when`` sees."""
        if when.place is not None and when.place.unit in (STATE, TIME):
            self.used = True
        return Sight(self.package_size, self.now, lambda: self.started, lambda: self.state)

    @staticmethod
    def now() -> float:
        """The time of the event loop, virtual or not."""
        return asyncio.get_running_loop().time()

    def changed(self, device: Power, state: State) -> None:
        """State is another one, or Update Result is, which is of no interest."""
        name = STATES[state]
        if name == self.state:
            return
        self.state = name
        if state is State.DOWNLOADING:
            self.started = self.now()
        for tell in self.told:
            tell(device, name)


__all__ = ["Watch"]
