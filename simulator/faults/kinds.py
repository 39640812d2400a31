"""What a kind of fault is: its parameters, what it leads to, and how it is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from simulator.faults.streams import StreamFault
    from simulator.ports import DatagramPort, DatagramReceiver, Dice, Flash, Installer

BOTH: Final = frozenset({"pull", "push"})
PULL: Final = frozenset({"pull"})

_PYTHON_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "size": int,
    "duration": (int, float),
    "share": (int, float),
    "int": int,
    "str": str,
    "bool": bool,
}
_LEAST: Final[Mapping[str, float]] = {"size": 0, "duration": 0, "share": 0, "int": 1}
_MOST: Final[Mapping[str, float]] = {"share": 1}

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
    minimum: float | None = None
    """Smallest value, in bytes, seconds or as a share; None: whatever the type allows."""
    maximum: float | None = None
    """Greatest value."""
    choices: tuple[str, ...] = ()
    """The values that a ``str`` may have; empty: any."""

    def problem(self, value: object) -> str:
        """What is wrong with a value; empty where nothing is."""
        kinds = _PYTHON_TYPES[self.type]
        if not isinstance(value, kinds) or (isinstance(value, bool) and self.type != "bool"):
            return f"is not a {self.type}: {value!r}"
        if self.choices and value not in self.choices:
            return f"is {' or '.join(self.choices)}, not {value!r}"
        if isinstance(value, int | float):
            least = self.minimum if self.minimum is not None else _LEAST.get(self.type, -inf)
            most = self.maximum if self.maximum is not None else _MOST.get(self.type, inf)
            if not least <= value <= most:
                return f"is from {least:g} to {most:g}, not {value:g}"
        return ""


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
    """One fault of one device, ready to wrap a port; what it does not wrap is None."""

    flash: Callable[[Flash], Flash] | None = None
    installer: Callable[[Installer], Installer] | None = None
    link: LinkFault | None = None
    stream: StreamFault | None = None
    defers: Callable[[int], bool] | None = None
    """Whether the user puts an update of a Severity (/5/0/11) off."""
    purposes: frozenset[str] = frozenset({"management", "download"})
    """Which ports ``link`` and ``stream`` wrap."""


@dataclass(frozen=True, slots=True)
class FaultKind:
    """A kind of fault."""

    name: str
    seam: str
    """``flash``, ``installer``, ``datagram``, ``link`` (datagrams or streams), ``decision`` (the user's), or ``order``
    where the operator's is wrong."""
    summary: str
    make: Callable[[Scene], Made]
    expected: tuple[int, int] | None = None
    """State and Update Result in which the update then ends; None where it should end as without the fault."""
    ends: Callable[[str, int, Mapping[str, Any]], tuple[int, int] | None] | None = None
    """The same where it depends on the URI scheme of the transfer, on how often a pull is taken up again, and on the
    parameters; ``expected`` is then what comes of it over coap with all defaults."""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    deliveries: frozenset[str] = BOTH
    order: str = "good"
    """For the seam ``order``: which package or URI the operator hands out."""

    def end(self, scheme: str, retries: int, parameters: Mapping[str, Any]) -> tuple[int, int] | None:
        """State and Update Result in which an update then ends; None where it should end as without the fault.

        Args:
            scheme: of the URI that the package comes from, or of the management server for a push.
            retries: how often the device takes up an interrupted pull again.
            parameters: complete.
        """
        return self.expected if self.ends is None else self.ends(scheme, retries, parameters)

    def complete(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters that were given and the defaults of the others.

        Raises:
            ValueError: one is unknown, missing, of the wrong type or out of its range.
        """
        for name in given:
            if name not in self.parameters:
                msg = f"fault {self.name}: no parameter {name!r}; there are {', '.join(self.parameters) or 'none'}"
                raise ValueError(msg)
        values = {}
        for name, parameter in self.parameters.items():
            value = given.get(name, parameter.default)
            if value is None and not parameter.required:
                continue
            problem = "is missing" if value is None else parameter.problem(value)
            if problem:
                msg = f"fault {self.name}: {name} {problem}"
                raise ValueError(msg)
            values[name] = value
        return values
