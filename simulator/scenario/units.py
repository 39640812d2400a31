"""Quantities with units as they stand in a scenario: ``"64 KiB"``, ``"250 ms"``, ``"200/s"``, ``"50 %"``.

A quantity is a string of a number and a unit; a bare number is refused, because nobody can tell what it means. Values
are kept in one unit each: bytes, seconds, per second, bytes per second, and shares between 0 and 1. One ``Unit``
is the parser, the pattern of the JSON schema and the suffix of the normalised name, so that these cannot differ.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Final, NamedTuple, NoReturn

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError, core_schema

NUMBER: Final = r"[0-9]{1,15}(?:\.[0-9]{1,9})?"
_SHAPE: Final = re.compile(rf"\s*(?P<number>{NUMBER})\s*(?P<unit>[^0-9.\s].{{0,20}}?)?\s*")


def refuse(message: str, mend: str = "") -> NoReturn:
    """Refuse a value, with what is wrong and how to mend it.

    Raises:
        PydanticCustomError: always; its context has ``message`` and ``mend``.
    """
    raise PydanticCustomError("scenario", "{message}", {"message": message, "mend": mend})


@dataclass(frozen=True, eq=False)
class Unit:
    """One kind of quantity, used as the metadata of an ``Annotated`` type.

    ``factors`` turns a unit into the base unit; ``suffix`` is added to the name of a field where its value is written
    down in the base unit.
    """

    quantity: str
    factors: Mapping[str, str]
    example: str
    suffix: str
    most: str
    """The greatest value allowed, as a user would write it."""
    positive: bool = False
    whole: bool = False

    def parse(self, value: object) -> float:
        """The value in the base unit (an int where ``whole``).

        Raises:
            PydanticCustomError: not a string of number and unit, or out of range; the context has ``mend``.
        """
        if isinstance(value, int | float) and not isinstance(value, bool):
            self._without_unit(str(value))
        match = _SHAPE.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            refuse(f"not a {self.quantity}: {value!r}", f'write it as "{self.example}"')
        if match["unit"] is None:
            self._without_unit(match["number"])
        result = self._convert(match["number"], match["unit"])
        if self.positive and result == 0:
            refuse(f"a {self.quantity} of zero is not possible here", f'write it as "{self.example}"')
        most = _SHAPE.fullmatch(self.most)
        if most is not None and result > self._convert(most["number"], most["unit"]):
            refuse(f"{value!r} is too much", f"at most {self.most}")
        if not self.whole:
            return float(result)
        if result % 1:
            refuse(f"{value!r} is not a whole number of bytes", "choose a smaller unit")
        return int(result)

    def _convert(self, number: str, unit: str) -> Decimal:
        factor = self.factors.get(unit.replace(" ", ""))
        if factor is None:
            refuse(f"{unit!r} is no unit of a {self.quantity}", self._units_like(unit))
        return Decimal(number) * Decimal(factor)

    def _without_unit(self, number: str) -> NoReturn:
        refuse(f"a {self.quantity} needs a unit, {number} has none", f'write a unit, as in "{self.example}"')

    def _units_like(self, unit: str) -> str:
        folded = {known.lower(): known for known in self.factors}
        near = difflib.get_close_matches(unit.lower(), folded, n=2, cutoff=0.6)
        hint = f"did you mean {' or '.join(f'`{folded[name]}`' for name in near)}? " if near else ""
        return f"{hint}units are {', '.join(self.factors)}"

    @property
    def pattern(self) -> str:
        """The strings taken, as a regular expression of JSON Schema."""
        units = "|".join(re.escape(unit).replace("/", " */ *") for unit in self.factors)
        return rf"^ *{NUMBER} *(?:{units}) *$"

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "pattern": self.pattern, "examples": [self.example]}


_BYTES: Final = {
    "B": "1",
    "kB": "1000",
    "KiB": "1024",
    "MB": "1000000",
    "MiB": "1048576",
    "GB": "1e9",
    "GiB": str(2**30),
}
_SECONDS: Final = {"ms": "0.001", "s": "1", "min": "60", "h": "3600", "d": "86400"}
_PER_SECOND: Final = {"/s": "1", "/min": str(Decimal(1) / 60), "/h": str(Decimal(1) / 3600)}

SIZE: Final = Unit("size", _BYTES, "64 KiB", "_bytes", "1 GiB", whole=True)
DURATION: Final = Unit("duration", _SECONDS, "30 s", "_s", "3650 d")
POSITIVE_DURATION: Final = Unit("duration", _SECONDS, "30 s", "_s", "3650 d", positive=True)
RATE: Final = Unit("rate", _PER_SECOND, "200/s", "_per_s", "1000000/s", positive=True)
RATE_OR_NONE: Final = Unit("rate", _PER_SECOND, "0/s", "_per_s", "1000000/s")
SHARE: Final = Unit("share", {"%": "0.01"}, "50 %", "", "100 %")
BIT_RATE: Final = Unit(
    "bit rate",
    {"bit/s": "1", "kbit/s": "1000", "Mbit/s": "1000000", "Gbit/s": "1e9"},
    "300 kbit/s",
    "_bps",
    "1000 Gbit/s",
    positive=True,
)
THROUGHPUT: Final = Unit(
    "throughput", {f"{unit}/s": factor for unit, factor in _BYTES.items()}, "1 MB/s", "_bytes_per_s", "1000 GB/s"
)

Size = Annotated[int, SIZE]
"""Bytes."""
Duration = Annotated[float, DURATION]
"""Seconds, 0 or more."""
PositiveDuration = Annotated[float, POSITIVE_DURATION]
"""Seconds, above 0."""
Rate = Annotated[float, RATE]
"""Per second, above 0."""
StartRate = Annotated[float, RATE_OR_NONE]
"""Per second, 0 or more."""
Share = Annotated[float, SHARE]
"""0 to 1."""
Throughput = Annotated[float, THROUGHPUT]
"""Bytes per second."""


class Range(NamedTuple):
    """A duration that is drawn per device: seconds, evenly distributed from ``min`` to ``max``."""

    min: float
    max: float


@dataclass(frozen=True)
class RangeOf:
    """Reads a duration, or ``{ min = "1 s", max = "3 s" }``, as a ``Range``."""

    suffix: str = "_s"

    def parse(self, value: object) -> Range:
        """The range; one duration is both its ends.

        Raises:
            PydanticCustomError: a wrong duration, a wrong key, or ends the wrong way round.
        """
        if not isinstance(value, dict):
            return Range(DURATION.parse(value), DURATION.parse(value))
        if set(value) != {"min", "max"}:
            refuse("a range has the keys `min` and `max`", 'write it as { min = "1 s", max = "3 s" }')
        found = Range(DURATION.parse(value["min"]), DURATION.parse(value["max"]))
        if found.min > found.max:
            refuse("`min` is above `max`", "exchange the two")
        return found

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        one = {"type": "string", "pattern": DURATION.pattern}
        both = {"min": {**one, "description": "The shortest."}, "max": {**one, "description": "The longest."}}
        table = {"type": "object", "properties": both, "required": ["min", "max"], "additionalProperties": False}
        return {"anyOf": [one, table], "examples": ["2 s"]}


DurationRange = Annotated[Range, RangeOf()]
