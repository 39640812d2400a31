"""What a kind of fault is: its parameters, what it leads to, and how it is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from simulator.ports import DatagramPort, DatagramReceiver, Dice, Flash, Installer

BOTH: Final = frozenset({"pull", "push"})
PULL: Final = frozenset({"pull"})

Struck = Callable[[str, str, str], None]
"""Told when a fault strikes: its name, its seam, and the details."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a fault kind."""

    type: str
    """``size``, ``duration``, ``share``, ``int``, ``str`` or ``bool``."""
    doc: str
    """One sentence."""
    required: bool = False
    default: int | float | str | bool | None = None
    """Its value where it is not set, in bytes, seconds or as a share."""


class Scene(NamedTuple):
    """What a fault is made for: one device."""

    name: str
    package_size: int
    """Bytes of the package that the device is to get."""
    dice: Dice
    struck: Callable[[str], None]
    """Tell that it struck, with the details; further calls are ignored."""
    parameters: Mapping[str, Any]


class LinkFault(Protocol):
    """Stands between a datagram port and what is above it."""

    def open(self, receiver: DatagramReceiver) -> tuple[DatagramReceiver, Callable[[DatagramPort], DatagramPort]]:
        """What to give the network as receiver, and how to wrap the port that it gives back."""


@dataclass(frozen=True, slots=True)
class Made:
    """One fault of one device, ready to wrap a port; all but one are None."""

    flash: Callable[[Flash], Flash] | None = None
    installer: Callable[[Installer], Installer] | None = None
    link: LinkFault | None = None
    purposes: frozenset[str] = frozenset({"management", "download"})
    """Which datagram ports a link fault wraps."""


@dataclass(frozen=True, slots=True)
class FaultKind:
    """A kind of fault."""

    name: str
    seam: str
    """``flash``, ``installer``, ``datagram``, or ``order`` where the operator's order is what is wrong."""
    summary: str
    make: Callable[[Scene], Made]
    expected: tuple[int, int] | None = None
    """State and Update Result in which the update then ends; None where it should end as without the fault."""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    deliveries: frozenset[str] = BOTH
    order: str = "good"
    """For the seam ``order``: which package or URI the operator hands out."""
