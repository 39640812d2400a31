"""Plain text (0): one value as UTF-8 (TS 1.1 Core, §7.4.1 and annex C)."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from simulator.lwm2m.formats.record import (
    ContentFormatError,
    Record,
    TypeOf,
    format_link,
    only_value,
    parse_link,
    require_resource,
    typed,
)
from simulator.lwm2m.objects import ObjectLink, ResourceType, Value
from simulator.lwm2m.paths import Path, format_path

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,20}", re.ASCII)
_DECIMAL: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?", re.ASCII)
_NUMBER_LENGTH_MAX: Final = 400
"""Longer than any finite 64-bit float written out without an exponent and without needless digits before the point."""
_BOOLEANS: Final = {"0": False, "1": True}
_INTEGRAL: Final = frozenset({ResourceType.INTEGER, ResourceType.UNSIGNED, ResourceType.TIME})


def encode(base: Path, records: Sequence[Record]) -> bytes:
    """One value as text; floats without exponent, booleans as 0 and 1, opaque as base64, Objlnk as ``3:0``."""
    record, value = only_value(base, records, "text")
    if isinstance(value, bytes):
        return b64encode(value)
    if isinstance(value, ObjectLink):
        return format_link(value).encode()
    if record.type is ResourceType.BOOLEAN:
        return b"1" if value else b"0"
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f").encode()
    return str(value).encode()


def decode(base: Path, payload: bytes, type_of: TypeOf) -> list[Record]:
    """One record; a value of unknown type is a string."""
    require_resource(base, "text")
    type_ = type_of(base[:3]) or ResourceType.STRING
    if type_ is ResourceType.OPAQUE:
        return [Record(base, type_, _base64(base, payload))]
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        msg = f"{format_path(base)}: byte {error.start} of the text is not UTF-8"
        raise ContentFormatError(msg) from None
    return [Record(base, type_, typed(base, type_, _value(base, type_, text)))]


def _value(path: Path, type_: ResourceType, text: str) -> Value:
    if type_ is ResourceType.STRING:
        return text
    if type_ is ResourceType.OBJLNK:
        return parse_link(path, text)
    if type_ in _INTEGRAL and _INTEGER.fullmatch(text):
        return int(text)
    if type_ is ResourceType.FLOAT and len(text) <= _NUMBER_LENGTH_MAX and _DECIMAL.fullmatch(text):
        return float(text)
    if type_ is ResourceType.BOOLEAN and text in _BOOLEANS:
        return _BOOLEANS[text]
    msg = f"{format_path(path)}: {text[:40]!r} is no {type_.value}"
    raise ContentFormatError(msg)


def _base64(path: Path, payload: bytes) -> bytes:
    try:
        return b64decode(payload, validate=True)
    except ValueError:
        msg = f"{format_path(path)}: opaque values are written as base64 in text"
        raise ContentFormatError(msg) from None
