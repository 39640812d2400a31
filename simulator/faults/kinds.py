"""What a kind of fault is: its parameters, what it leads to, and how it is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import inf
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from simulator.coap.params import DEFAULT_PARAMETERS
from simulator.faults.triggers import ONCE, SHARE, Place, Sight, When, compiled

if TYPE_CHECKING:
    from simulator.coap.exchange import Upload
    from simulator.device.persistent import Boot
    from simulator.faults.seams import LinkFault, Notify, Power, Send
    from simulator.faults.streams import DatagramFault, StreamFault
    from simulator.faults.triggers import Trigger
    from simulator.ports import Dice, Flash, Installer

BOTH: Final = frozenset({"pull", "push"})
PULL: Final = frozenset({"pull"})
PUSH: Final = frozenset({"push"})

SCHEMES: Final = frozenset({"coap", "coaps", "coap+tcp", "coaps+tcp", "http", "https"})
PROBABILITY: Final = "probability"
TIMES: Final = "times"
HEALS: Final = "heals"
REPEATED: Final = "repeated"
NEVER: Final = "never"
TRIGGER_KEYS: Final = ("at", "after", PROBABILITY, TIMES, HEALS)
"""The keys by which a table says when its fault strikes; no kind gives them another meaning."""

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
    """Tell that it struck, with the details."""
    parameters: Mapping[str, Any]
    when: When = ONCE
    """When it strikes, for a kind that ``takes`` that."""
    sight: Sight = Sight()
    """What its triggers see."""
    over: Callable[[str], None] = lambda _detail: None
    """Tell that what lasted is over, with the details."""
    exchange_lifetime_s: float = DEFAULT_PARAMETERS.EXCHANGE_LIFETIME
    """How long a message to the device may be under way (RFC 7252 §4.8.2)."""

    def trigger(self) -> Trigger:
        """The predicate of ``when``, for one port."""
        return compiled(self.when, self.sight, self.dice)

    def offset(self) -> int:
        """The byte of the package from which on it strikes; 0 where it has no place."""
        return 0 if self.when.place is None else self.when.place.offset(self.package_size)


@dataclass(frozen=True, slots=True)
class Made:
    """One fault of one device, ready to wrap a port; what it does not wrap is None."""

    flash: Callable[[Flash], Flash] | None = None
    installer: Callable[[Installer], Installer] | None = None
    link: LinkFault | None = None
    stream: StreamFault | None = None
    datagrams: DatagramFault | None = None
    upload: Callable[[Upload], Upload] | None = None
    """The push that begins."""
    notify: Callable[[Notify], Notify] | None = None
    send: Callable[[Send, Callable[[], int] | None], Send] | None = None
    """What sends messages of the management; with it what gives Message IDs, or None over a stream."""
    boot: Callable[[Boot], Boot] | None = None
    """What a device finds in its store when it comes up."""
    clock: Callable[[], float] | None = None
    """By how many seconds the wall clock of the device is ahead now."""
    defers: Callable[[int], bool] | None = None
    """Whether the user puts an update of a Severity (/5/0/11) off."""
    on_state: Callable[[Power, str], None] | None = None
    """Told of the device, and of a name of ``STATES``, when State (/5/0/3) changes."""
    purposes: frozenset[str] = frozenset({"management", "download"})
    """Which ports ``link``, ``stream`` and ``datagrams`` wrap."""


def sound(scene: Scene) -> Made:
    """The device is sound: what it is told, or the package that it gets, is not."""
    del scene
    return Made()


@dataclass(frozen=True, slots=True)
class FaultKind:
    """A kind of fault."""

    name: str
    seam: str
    """``flash``, ``installer``, ``datagram``, ``link`` (datagrams or streams), ``power``, ``store``, ``registration``,
    ``push``, ``notification``, ``answer`` (to any request), ``clock``, ``decision`` (the user's), or ``order`` where
    the operator's is wrong."""
    summary: str
    make: Callable[[Scene], Made]
    expected: tuple[int, int] | None = None
    """State and Update Result in which the update then ends; None where it should end as without the fault."""
    ends: Callable[[str, int, Mapping[str, Any]], tuple[int, int] | None] | None = None
    """The same where it depends on the URI scheme of the transfer, on how often a pull is taken up again, and on the
    parameters; ``expected`` is then what comes of it over coap with all defaults."""
    version: Callable[[Mapping[str, Any], str], str] | None = None
    """Firmware Version (/3/0/3) after a success, by the parameters and by what it was; None: that of the package."""
    at_boot: bool = False
    """Whether a failed installation shows only when the old firmware is up again, which some profiles end otherwise."""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    deliveries: frozenset[str] = BOTH
    order: str = "good"
    """For the seam ``order``: which package or URI the operator hands out."""
    takes: frozenset[str] = frozenset()
    """By what a table may say when it strikes: members of ``PLACES``, ``probability``, ``times``, ``heals``."""
    when: When = ONCE
    """When it strikes where the table says nothing."""
    same: Mapping[str, str] = field(default_factory=dict)
    """Keys of ``TRIGGER_KEYS`` that are another word for a parameter: ``{"probability": "rate"}``."""
    schemes: frozenset[str] = SCHEMES
    """URI schemes of the transfer under which it can strike."""

    def end(self, scheme: str, retries: int, parameters: Mapping[str, Any]) -> tuple[int, int] | None:
        """State and Update Result in which an update then ends; None where it should end as without the fault.

        Args:
            scheme: of the URI that the package comes from, or of the management server for a push.
            retries: how often the device takes up an interrupted pull again.
            parameters: complete.
        """
        return self.expected if self.ends is None else self.ends(scheme, retries, parameters)

    def trigger_keys(self) -> list[str]:
        """The keys of ``TRIGGER_KEYS`` that a table of this kind may have beside its parameters, in their order."""
        places = self.takes - {PROBABILITY, TIMES, HEALS}
        known = self.takes | ({"at", "after"} if places else frozenset()) | set(self.same)
        return [key for key in TRIGGER_KEYS if key in known and key not in self.parameters]

    def complete(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters that were given and the defaults of the others; triggers as they were given.

        Raises:
            ValueError: one is unknown, missing, of the wrong type or out of its range.
        """
        triggers = self.trigger_keys()
        values = {}
        for name, value in given.items():
            if name in triggers:
                problem = _trigger_problem(self, name, value)
                if problem:
                    self._refuse(f"{name} {problem}")
                if self.same.get(name, name) in given and name in self.same:
                    self._refuse(f"{name} is {self.same[name]} by another name; give one of them")
                if name not in self.same:
                    values[name] = value
            elif name not in self.parameters:
                self._refuse(f"no parameter {name!r}; there are {', '.join([*self.parameters, *triggers]) or 'none'}")
        if "at" in values and "after" in values:
            self._refuse("at and after are two places; give one of them")
        other = {parameter: given[key] for key, parameter in self.same.items() if key in given}
        for name, parameter in self.parameters.items():
            value = other.get(name, given.get(name, parameter.default))
            never = value == NEVER and name in other
            if never or (value is None and not parameter.required):
                continue
            problem = "is missing" if value is None else parameter.problem(value)
            if problem:
                self._refuse(f"{name} {problem}")
            values[name] = value
        return values

    def _refuse(self, problem: str) -> None:
        msg = f"fault {self.name}: {problem}"
        raise ValueError(msg)

    def timing(self, complete: Mapping[str, Any]) -> When:
        """When it strikes, out of what ``complete`` gave: `at` is once, `after` as often as the kind does it."""
        when = self.when
        for key in ("after", "at"):
            if key in complete and key not in self.parameters:
                when = replace(when, place=place_of(complete[key]), times=1 if key == "at" else when.times)
        if PROBABILITY in complete and PROBABILITY not in self.parameters:
            when = replace(when, probability=float(complete[PROBABILITY]))
        if TIMES in complete and TIMES not in self.parameters:
            when = replace(when, times=None if complete[TIMES] == REPEATED else int(complete[TIMES]))
        if HEALS in complete and HEALS not in self.parameters:
            when = replace(when, heals=None if complete[HEALS] == NEVER else float(complete[HEALS]))
        return when


def place_of(value: object) -> Place:
    """A place; a bare number is a share of the package.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, Place):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        msg = f"{value!r} is no place"
        raise ValueError(msg)
    return Place(SHARE, float(value))


def _trigger_problem(kind: FaultKind, key: str, value: object) -> str:
    """What is wrong with a trigger; empty where nothing is."""
    if key in kind.same:
        return ""  # the parameter itself is looked at
    if key in ("at", "after"):
        try:
            place = place_of(value)
        except ValueError as error:
            return str(error)
        return place.problem() or ("" if place.unit in kind.takes else f"cannot be told by {place.unit}")
    if (key, value) in ((TIMES, REPEATED), (HEALS, NEVER)):
        return ""
    types = {PROBABILITY: "share", TIMES: "int", HEALS: "duration"}
    return Parameter(types[key], "").problem(value)
