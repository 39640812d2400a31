"""When a fault strikes, as a scenario says it: the keys ``at``, ``after``, ``probability``, ``times``, ``heals``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Protocol

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from simulator.faults.triggers import BLOCK, BYTES, MESSAGE, PLACES, SHARE, STATE, TIME, Place
from simulator.lwm2m.firmware_table import STATES
from simulator.scenario.problems import Finding, Key
from simulator.scenario.units import DURATION, NUMBER, SIZE, Share, Unit, refuse
from simulator.scenario.units import SHARE as SHARE_UNIT

NEVER: Final = "never"
REPEATED: Final = "repeated"
_UNITS: Final[Mapping[str, Unit]] = {BYTES: SIZE, SHARE: SHARE_UNIT, TIME: DURATION}
_FORM: Final = 'write it as "20 KiB", "60 %", "5 s", { block = 12 }, { message = 7 } or { state = "updating" }'
_SEEN: Final = {
    BYTES: "bytes",
    SHARE: "shares of the package",
    BLOCK: "blocks",
    TIME: "times after the start of the transfer",
    STATE: "states of the device",
    MESSAGE: "messages",
}


class _Own:
    """A type of a value that reads itself."""

    def parse(self, value: object) -> Any:
        """The value."""
        raise NotImplementedError

    def schema(self) -> JsonSchemaValue:
        """What a file may have, in JSON Schema."""
        raise NotImplementedError

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return self.schema()


@dataclass(frozen=True)
class PlaceOf(_Own):
    """Reads ``"20 KiB"``, ``"60 %"``, ``"5 s"`` or a table with one key as a place."""

    def parse(self, value: object) -> Place:
        """The place.

        Raises:
            PydanticCustomError: it is none.
        """
        if isinstance(value, dict):
            if len(value) != 1 or not set(value) <= set(PLACES):
                refuse(f"a place has one of the keys {', '.join(PLACES)}", _FORM)
            [(unit, told)] = value.items()
        elif isinstance(value, str):
            bare = value.strip().lstrip("0123456789. ")
            unit = next((unit for unit, kind in _UNITS.items() if bare in kind.factors), "")
            told = value
            if not unit:
                refuse(f"{value!r} is no place in an update", _FORM)
        else:
            refuse(f"{value!r} is no place in an update", _FORM)
        place = Place(unit, _UNITS[unit].parse(told) if unit in _UNITS else _plain(unit, told))
        if place.problem():
            refuse(f"{unit} {place.problem()}", _FORM)
        return place

    def schema(self) -> JsonSchemaValue:
        """A quantity, or a table with one key."""
        text = "|".join(f"{NUMBER} *{unit}" for each in _UNITS.values() for unit in each.factors)
        number = {"type": "integer", "minimum": 1}
        tables: dict[str, Any] = {unit: {"type": "string", "pattern": each.pattern} for unit, each in _UNITS.items()}
        tables |= {BLOCK: number, MESSAGE: number, STATE: {"enum": list(STATES)}}
        one = {"type": "object", "properties": tables, "minProperties": 1, "maxProperties": 1}
        return {"anyOf": [{"type": "string", "pattern": f"^ *(?:{text}) *$"}, one | {"additionalProperties": False}]}


def _plain(unit: str, value: object) -> int | str:
    if isinstance(value, bool) or not isinstance(value, str if unit == STATE else int):
        refuse(f"{value!r} is no {unit}", _FORM)
    return value


@dataclass(frozen=True)
class DurationOrNever(_Own):
    """Reads a duration, or ``"never"``."""

    suffix: str = "_s"

    def parse(self, value: object) -> float | str:
        """Seconds, or the word.

        Raises:
            PydanticCustomError: it is neither.
        """
        return NEVER if value == NEVER else DURATION.parse(value)

    def schema(self) -> JsonSchemaValue:
        """The word or a quantity."""
        return {"anyOf": [{"type": "string", "pattern": DURATION.pattern}, {"const": NEVER}]}


@dataclass(frozen=True)
class Times(_Own):
    """Reads a number from 1, or ``"repeated"``."""

    def parse(self, value: object) -> int | str:
        """The number, or the word.

        Raises:
            PydanticCustomError: it is neither.
        """
        number = isinstance(value, int) and not isinstance(value, bool) and value >= 1
        if not number and value != REPEATED:
            refuse(f"{value!r} is no number of times", 'write a whole number from 1, or "repeated"')
        return REPEATED if value == REPEATED else int(str(value))

    def schema(self) -> JsonSchemaValue:
        """A number or the word."""
        return {"anyOf": [{"type": "integer", "minimum": 1}, {"const": REPEATED}]}


TRIGGERS: Final[Mapping[str, tuple[Any, str]]] = {
    "at": (Annotated[Place, PlaceOf()], "Where in the update it strikes, once where `times` says nothing."),
    "after": (Annotated[Place, PlaceOf()], "From where in the update on it strikes."),
    "probability": (Share, "Probability each time that it could strike."),
    "times": (Annotated[int | str, Times()], "How often it strikes: a number, or repeated."),
    "heals": (Annotated[float | str, DurationOrNever()], "How long after it struck it is over, or never."),
}
"""Type and meaning of each key."""


class Kind(Protocol):
    """What of a kind of fault is asked here."""

    @property
    def name(self) -> str:
        """The name in a scenario."""

    @property
    def seam(self) -> str:
        """What it wraps."""

    @property
    def takes(self) -> frozenset[str]:
        """By what a table may say when it strikes."""

    def trigger_keys(self) -> list[str]:
        """The keys above that its table may have."""


def unseen(kind: Kind, raw: Mapping[str, Any], own: Mapping[str, object], at: Key) -> Iterator[Finding]:
    """The triggers of a table that a kind cannot have: where it strikes, nobody sees such a thing."""
    can = kind.trigger_keys()
    mend = f"it takes {', '.join(f'`{key}`' for key in can)}" if can else "drop it: it strikes whenever it can"
    for key in raw:
        if key in TRIGGERS and key not in can and key not in own:
            yield Finding((*at, key), f"{kind.name}, a fault of the {kind.seam}, cannot be told when by `{key}`", mend)


def misplaced(kind: Kind, places: Mapping[str, Place], at: Key) -> Iterator[Finding]:
    """The places of a table that its seam cannot see."""
    if len(places) > 1:
        yield Finding((*at, "after"), "`at` and `after` are two places, and a fault has one", "drop one of them")
    for key, place in places.items():
        if place.unit not in kind.takes:
            seen = ", ".join(_SEEN[unit] for unit in PLACES if unit in kind.takes)
            problem = f"{kind.name}, a fault of the {kind.seam}, sees no {_SEEN[place.unit]}"
            yield Finding((*at, key), problem, f"it sees {seen}")
