"""What is written down of a fault: each strike with its parameters, and the end of what lasts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from simulator.events import FAULT_OVER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulator.faults.kinds import FaultKind, Struck
    from simulator.faults.triggers import When


_UNITS: Final = {"share": "%", "duration": "s", "size": "bytes"}


def written(name: str, type_: str, value: Any) -> str:
    """A parameter as a person reads it."""
    unit = _UNITS.get(type_, "")
    return f"{name} {value * 100 if unit == '%' else value:.6g} {unit}" if unit else f"{name} {value}"


class Strikes:
    """The record of one fault of one device.

    A fault that strikes a given number of times has a row for each; one that goes on has a row for the first alone,
    or a lossy link would fill the run directory. What heals has a row for that, too.
    """

    __slots__ = ("_about", "_count", "_kind", "_told", "_when")

    def __init__(self, kind: FaultKind, parameters: Mapping[str, Any], when: When, told: Struck) -> None:
        self._kind = kind
        self._when = when
        self._told = told
        given = [
            written(name, kind.parameters[name].type, parameters[name])
            for name in kind.parameters
            if name in parameters
        ]
        self._about = ", ".join(part for part in (*given, str(when)) if part)
        self._count = 0

    def struck(self, detail: str) -> None:
        """It strikes now."""
        self._count += 1
        if self._count > (self._when.times or 1):
            return
        self._tell(detail)
        if self._count == 1 and self._when.heals is not None:
            asyncio.get_running_loop().call_later(self._when.heals, self.over, "healed")
        elif self._count == self._when.times and self._count > 1:
            self.over(f"after {self._count} times")

    def over(self, detail: str) -> None:
        """What lasted is over."""
        self._tell(f"{FAULT_OVER} {detail}")

    def _tell(self, detail: str) -> None:
        about = f" ({self._about})" if self._about else ""
        self._told(self._kind.name, self._kind.seam, detail + about)


__all__ = ["Strikes"]
