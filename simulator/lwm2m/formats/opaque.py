"""Opaque (42): the bytes of one opaque resource as they are (TS 1.1 Core, §7.4.2)."""

from __future__ import annotations

from collections.abc import Sequence

from simulator.lwm2m.formats.record import Record, TypeOf, UnsupportedFormatError, only_value, require_resource
from simulator.lwm2m.objects import ResourceType
from simulator.lwm2m.paths import Path, format_path


def encode(base: Path, records: Sequence[Record]) -> bytes:
    """The bytes of the one record."""
    _record, value = only_value(base, records, "opaque")
    if not isinstance(value, bytes):
        raise _not_opaque(base)
    return value


def decode(base: Path, payload: bytes, type_of: TypeOf) -> list[Record]:
    """One record; a resource of unknown type is taken as opaque."""
    require_resource(base, "opaque")
    if type_of(base[:3]) not in (ResourceType.OPAQUE, None):
        raise _not_opaque(base)
    return [Record(base, ResourceType.OPAQUE, payload)]


def _not_opaque(path: Path) -> UnsupportedFormatError:
    return UnsupportedFormatError(f"{format_path(path)} is not an opaque resource")
