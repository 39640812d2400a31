"""What an embedded server may do wrong on purpose, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Chaos:
    """What a server does wrong; times are in seconds, shares from 0 to 1. What is not set is done as it should be."""

    seed: int = 0
    share: float = 1.0
    """Of the devices."""
    silent: float = 0.0
    """Share of Registers and Updates that are acknowledged and never answered."""
    busy: float = 0.0
    """Share of Registers and Updates that are answered with 5.03."""
    busy_for: float = 60.0
    """Max-Age of these (RFC 7252 §5.9.3.4)."""
    late: float = 0.0
    """Share of Registers and Updates that are answered late; they are acknowledged at once."""
    late_by: float = 10.0
    """How late."""
    forgets_after: float | None = None
    """When a registration is forgotten, as by a server that restarts without a store."""
    misses: tuple[int, ...] = ()
    """States (/5/0/3) whose notifications are not passed on."""
    result: str = ""
    """What becomes of Update Result (/5/0/5): ``stale`` for the first value ever after, ``silent`` for none."""
    observes_once: bool = False
    """Whether only the first registration of a device is observed; later ones are read."""
    gives_up_after: float | None = None
    """When a push is given up."""
    retries_every: float | None = None
    """How long after its answer a Write of Package or Package URI is made again, for ever."""
    alters_push: bool = False
    """Whether the package of a push lacks a byte."""
    drops: float = 0.0
    """Share of the datagrams that are lost, in and out; of those of the first Register none."""
    slow_by: float = 0.0
    """How much later a device is asked something than it should be."""
    restarts_after: float | None = None
    """How long after the first Register all registrations are forgotten at once, and connections closed."""
    skips_block: bool = False
    """Whether the blocks of a push have wrong numbers from the fifth on (datagrams)."""
    ignores_413: bool = False
    """Whether 4.13 to a block is the end of a push, whatever smaller size it asks for (datagrams)."""
    ignores_408: bool = False
    """Whether 4.08 to a block is the end of a push, which should begin anew (datagrams)."""

    @property
    def meddles(self) -> bool:
        """Whether it does something to single datagrams."""
        return bool(self.drops) or self.skips_block or self.ignores_413 or self.ignores_408


class Misbehaved(NamedTuple):
    """A chaotic act."""

    endpoint: str
    act: str
    """Its name in ``Chaos``."""
    detail: str
