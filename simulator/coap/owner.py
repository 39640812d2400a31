"""What an endpoint asks of its owner: a source of chance, and to be woken in time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from simulator.coap.endpoint import Endpoint


class Chance(Protocol):
    """Where tokens, Message IDs and time-outs get their random part from."""

    def random(self) -> float:
        """A float in [0, 1)."""

    def getrandbits(self, k: int, /) -> int:
        """An integer of ``k`` random bits."""


Alarm = Callable[["Endpoint", float], None]
"""Takes an endpoint and the time at which its ``expire`` is to be called; a time that has passed means at once."""


def no_alarm(_endpoint: Endpoint, _when: float) -> None:
    """For owners that ask for ``deadline`` themselves."""


__all__ = ["Alarm", "Chance", "no_alarm"]
