"""The shape of the verdicts in ``summary.json``: the devices against what was declared, the server against
the devices.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Charge:
    """One thing that a server did wrong with one device."""

    id: str
    """Of the class: ``S1`` to ``S7`` (docs/verdicts.md)."""
    index: int
    endpoint: str
    group: str
    t: float
    """When, in seconds since the start of the run."""
    message: str
    """What happened, in words."""


@dataclass(frozen=True, slots=True)
class ServerClass:
    """One class of misbehaviour of a server, and the devices with which it showed."""

    id: str
    name: str
    devices: int
    """Devices with which the server did so, beyond doubt."""
    unclear: int
    """Devices that look like it, but whose link or faults may be the reason."""
    charges: list[Charge]
    """The earliest, 20 at most; ``devices`` is the true number."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The devices of a campaign by outcome."""

    as_declared: int
    differs: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Both sides of a run, each with its own outcome for every device in the campaign."""

    device: Judged
    """The end of the device against the declared one."""
    server: Judged
    """What the server did and reported against what the device did."""
    classes: list[ServerClass]
    """What the server did wrong; classes of which nothing was seen are left out."""
