"""What the codecs have in common: the record, the errors, and the check of a value against its type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite
from typing import Final, NamedTuple

from simulator.lwm2m.objects import ObjectLink, ResourceType, Value
from simulator.lwm2m.paths import Path, format_path


class ContentFormatError(ValueError):
    """A payload is malformed, or a value does not have the type of its resource; answered with 4.00."""


class UnsupportedFormatError(ValueError):
    """A content format is not known or cannot carry what is asked; answered with 4.15, or 4.06 where it is Accept."""


class Record(NamedTuple):
    """One value with its path."""

    path: Path
    """Three ids, or four for an instance of a multiple resource; any number where there is no value."""
    type: ResourceType
    value: Value | None
    time: float | None = None
    """Seconds since the Unix epoch, as SenML carries them; None where the payload names no time."""


TypeOf = Callable[[Path], ResourceType | None]
"""The type of a resource by its path of three ids, or None where it is not known."""

INT64_MIN: Final = -(2**63)
INT64_MAX: Final = 2**63 - 1
UINT64_MAX: Final = 2**64 - 1
LINK_ID_MAX: Final = 65535
"""Both ids of an Objlnk may be MAX_ID, which stands for no link (TS 1.1 Core, annex C)."""


def _string(value: object) -> Value | None:
    if type(value) is not str:
        return None
    try:
        value.encode()
    except UnicodeEncodeError:  # a lone surrogate, which JSON can spell
        return None
    return value


def _integer(value: object) -> int | None:
    if type(value) is float and value.is_integer():
        return int(value)
    return value if type(value) is int else None


def _signed(value: object) -> Value | None:
    number = _integer(value)
    return number if number is not None and INT64_MIN <= number <= INT64_MAX else None


def _unsigned(value: object) -> Value | None:
    number = _integer(value)
    return number if number is not None and 0 <= number <= UINT64_MAX else None


def _float(value: object) -> Value | None:
    if type(value) is int and INT64_MIN <= value <= UINT64_MAX:
        return float(value)
    return value if type(value) is float and isfinite(value) else None


def _boolean(value: object) -> Value | None:
    return value if type(value) is bool else None


def _opaque(value: object) -> Value | None:
    return value if type(value) is bytes else None


def _objlnk(value: object) -> Value | None:
    fits = (
        isinstance(value, ObjectLink) and 0 <= value.object_id <= LINK_ID_MAX and 0 <= value.instance_id <= LINK_ID_MAX
    )
    return value if fits and isinstance(value, ObjectLink) else None


def _none(_value: object) -> Value | None:
    return None


_CHECKS: Final[dict[ResourceType, Callable[[object], Value | None]]] = {
    ResourceType.STRING: _string,
    ResourceType.INTEGER: _signed,
    ResourceType.UNSIGNED: _unsigned,
    ResourceType.FLOAT: _float,
    ResourceType.BOOLEAN: _boolean,
    ResourceType.OPAQUE: _opaque,
    ResourceType.TIME: _signed,
    ResourceType.OBJLNK: _objlnk,
    ResourceType.NONE: _none,
}


def typed(path: Path, type_: ResourceType, value: object) -> Value:
    """A value of its resource's type: an integral number may be written as a float and the reverse, nothing else.

    Numbers are finite and fit 64 bits.

    Raises:
        ContentFormatError: the value does not have the type.
    """
    checked = _CHECKS[type_](value)
    if checked is None:
        msg = f"{format_path(path)} is of type {type_.value}, the value is {type(value).__name__}, or out of range"
        raise ContentFormatError(msg)
    return checked


def parse_link(path: Path, text: str) -> ObjectLink:
    """The Objlnk of a text such as ``3:0``.

    Raises:
        ContentFormatError: it is of another form.
    """
    parts = text.split(":") if text.isascii() and len(text) <= 11 else []
    if len(parts) == 2 and parts[0].isdigit() and parts[1].isdigit():
        link = ObjectLink(int(parts[0]), int(parts[1]))
        if max(link) <= LINK_ID_MAX:
            return link
    msg = f"{format_path(path)}: {text[:20]!r} is no object link such as 3:0"
    raise ContentFormatError(msg)


def format_link(link: ObjectLink) -> str:
    """The text of an Objlnk, such as ``3:0``."""
    return f"{link.object_id}:{link.instance_id}"


def only_value(base: Path, records: Sequence[Record], name: str) -> tuple[Record, Value]:
    """The one record with a value that a single-value format can carry.

    Raises:
        UnsupportedFormatError: there is another number of records, or the path is no single resource.
        ContentFormatError: the value does not have its type.
    """
    if len(records) != 1 or records[0].path != base or records[0].value is None:
        msg = f"{name} carries the value of one resource, not {format_path(base)}"
        raise UnsupportedFormatError(msg)
    return records[0], typed(base, records[0].type, records[0].value)


def require_resource(base: Path, name: str) -> None:
    """Refuse a single-value format for anything but a resource or an instance of one.

    Raises:
        UnsupportedFormatError: ``base`` names something else.
    """
    if len(base) < 3:
        msg = f"{name} carries the value of one resource, not {format_path(base)}"
        raise UnsupportedFormatError(msg)
