"""TLV (11542): type, length, value (TS 1.0, §6.4.3; TS 1.1 Core, §7.4.3).

The levels nest: object instance, then resource or multiple resource, then resource instance. What stands at the top is
what the path of the request contains.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Final, NamedTuple

from simulator.lwm2m.formats.record import ContentFormatError, Record, TypeOf, UnsupportedFormatError, typed
from simulator.lwm2m.objects import ObjectLink, ResourceType, Value
from simulator.lwm2m.paths import MAX_ID, Path, format_path, is_under

OBJECT_INSTANCE: Final = 0x00
RESOURCE_INSTANCE: Final = 0x40
MULTIPLE_RESOURCE: Final = 0x80
RESOURCE: Final = 0xC0

_NAMES: Final = {
    OBJECT_INSTANCE: "object instance",
    RESOURCE_INSTANCE: "resource instance",
    MULTIPLE_RESOURCE: "multiple resource",
    RESOURCE: "resource",
}
LENGTH_MAX: Final = 2**24 - 1


class Tlv(NamedTuple):
    """One element; the value of a nesting one is made of elements."""

    kind: int
    id: int
    value: memoryview


# -- writing -----------------------------------------------------------------------------------------------------------


def element(kind: int, id_: int, value: bytes) -> bytes:
    """One element with its shortest header.

    Raises:
        UnsupportedFormatError: the value is longer than the 24 bits of its length can say.
    """
    length = len(value)
    if length > LENGTH_MAX:
        msg = f"a value of {length} bytes does not fit an element of TLV"
        raise UnsupportedFormatError(msg)
    id_size = 1 if id_ < 256 else 2
    length_size = 0 if length < 8 else (length.bit_length() + 7) >> 3
    head = kind | (0x20 if id_size == 2 else 0) | (length_size << 3)
    if not length_size:
        return bytes((head | length,)) + id_.to_bytes(id_size, "big") + value
    return bytes((head,)) + id_.to_bytes(id_size, "big") + length.to_bytes(length_size, "big") + value


def encode(base: Path, records: Sequence[Record]) -> bytes:
    """The elements below ``base``; records of one instance, and of one multiple resource, stand together.

    Raises:
        UnsupportedFormatError: ``base`` is the root.
    """
    if not base:
        raise UnsupportedFormatError("TLV has no element for an object")
    if len(base) == 4:
        return b"".join([element(RESOURCE_INSTANCE, r.path[3], _bytes_of(r)) for r in records])
    if len(base) > 1:
        return _resources(records)
    groups: dict[int, list[Record]] = {}
    for record in records:
        groups.setdefault(record.path[1], []).append(record)
    return b"".join([element(OBJECT_INSTANCE, number, _resources(group)) for number, group in groups.items()])


def _resources(records: Sequence[Record]) -> bytes:
    elements: dict[int, bytes] = {}
    multiple: dict[int, list[bytes]] = {}
    for record in records:
        number = record.path[2]
        if len(record.path) == 4:
            multiple.setdefault(number, []).append(element(RESOURCE_INSTANCE, record.path[3], _bytes_of(record)))
            elements[number] = b""
        elif record.value is None:
            elements[number] = element(MULTIPLE_RESOURCE, number, b"")
        else:
            elements[number] = element(RESOURCE, number, _bytes_of(record))
    for number, instances in multiple.items():
        elements[number] = element(MULTIPLE_RESOURCE, number, b"".join(instances))
    return b"".join(elements.values())


def _bytes_of(record: Record) -> bytes:
    value = typed(record.path, record.type, record.value)
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, ObjectLink):
        return struct.pack(">HH", *value)
    if isinstance(value, float):
        return _float_bytes(value)
    if record.type is ResourceType.UNSIGNED:
        size = next(size for size in (1, 2, 4, 8) if value < 1 << (8 * size))
        return value.to_bytes(size, "big")
    size = next(size for size in (1, 2, 4, 8) if -(1 << (8 * size - 1)) <= value < 1 << (8 * size - 1))
    return value.to_bytes(size, "big", signed=True)


def _float_bytes(value: float) -> bytes:
    """Four bytes where they hold the value exactly, else eight."""
    try:
        short = struct.pack(">f", value)
    except OverflowError:
        return struct.pack(">d", value)
    return short if struct.unpack(">f", short)[0] == value else struct.pack(">d", value)


# -- reading -----------------------------------------------------------------------------------------------------------


def elements(data: memoryview) -> Iterator[Tlv]:
    """The elements of one level.

    Raises:
        ContentFormatError: an element runs past the end.
    """
    at, size = 0, len(data)
    while at < size:
        head = data[at]
        id_size = 2 if head & 0x20 else 1
        length_size = (head >> 3) & 3
        start = at + 1 + id_size + length_size
        if start > size:
            msg = f"the header of the TLV element at byte {at} runs past the end"
            raise ContentFormatError(msg)
        id_ = int.from_bytes(data[at + 1 : at + 1 + id_size], "big")
        length = int.from_bytes(data[at + 1 + id_size : start], "big") if length_size else head & 7
        if start + length > size:
            msg = f"the TLV element at byte {at} claims {length} bytes, {size - start} are left"
            raise ContentFormatError(msg)
        if id_ == MAX_ID:
            msg = f"the TLV element at byte {at} has the reserved id {MAX_ID}"
            raise ContentFormatError(msg)
        yield Tlv(head & 0xC0, id_, data[start : start + length])
        at = start + length


def decode(base: Path, payload: bytes, type_of: TypeOf) -> list[Record]:
    """The records of elements; at the level of the path or, as some peers send them, of the level above it.

    A value of unknown type is kept as bytes.

    Raises:
        UnsupportedFormatError: ``base`` is the root.
    """
    if not base:
        raise UnsupportedFormatError("TLV has no element for an object")
    reader = _Reader(base, type_of)
    reader.read(memoryview(payload))
    return reader.records


class _Reader:
    """Collects records, and refuses what is not under the path of the request."""

    __slots__ = ("base", "records", "type_of")

    def __init__(self, base: Path, type_of: TypeOf) -> None:
        self.base = base
        self.type_of = type_of
        self.records: list[Record] = []

    def read(self, data: memoryview) -> None:
        base = self.base
        for tlv in elements(data):
            if tlv.kind == OBJECT_INSTANCE:
                self.instance((base[0], tlv.id), tlv)
            elif tlv.kind == RESOURCE_INSTANCE:
                if len(base) < 3:
                    raise self.misplaced(tlv)
                self.value((*base[:3], tlv.id), tlv)
            else:
                # An object of a single instance may be written without the element of the instance (TS 1.0, §6.4.3).
                self.resource((base[0], base[1] if len(base) > 1 else 0, tlv.id), tlv)

    def instance(self, path: Path, tlv: Tlv) -> None:
        if not is_under(path, self.base[:2]):
            raise self.outside(path)
        for inner in elements(tlv.value):
            if inner.kind in (OBJECT_INSTANCE, RESOURCE_INSTANCE):
                raise self.misplaced(inner)
            self.resource((*path, inner.id), inner)

    def resource(self, path: Path, tlv: Tlv) -> None:
        if tlv.kind == RESOURCE:
            self.value(path, tlv)
            return
        empty = True
        for inner in elements(tlv.value):
            if inner.kind != RESOURCE_INSTANCE:
                raise self.misplaced(inner)
            self.value((*path, inner.id), inner)
            empty = False
        if empty:
            self.add(path, self.type_of(path) or ResourceType.OPAQUE, None)

    def value(self, path: Path, tlv: Tlv) -> None:
        type_ = self.type_of(path[:3]) or ResourceType.OPAQUE
        self.add(path, type_, _value_of(path, type_, bytes(tlv.value)))

    def add(self, path: Path, type_: ResourceType, value: Value | None) -> None:
        if not is_under(path, self.base):
            raise self.outside(path)
        self.records.append(Record(path, type_, value))

    def outside(self, path: Path) -> ContentFormatError:
        return ContentFormatError(f"{format_path(path)} in TLV is not under {format_path(self.base)}")

    def misplaced(self, tlv: Tlv) -> ContentFormatError:
        return ContentFormatError(f"a TLV {_NAMES[tlv.kind]} (id {tlv.id}) cannot stand where it does")


def _value_of(path: Path, type_: ResourceType, data: bytes) -> Value:
    value: object = None
    if type_ is ResourceType.OPAQUE:
        return data
    if type_ is ResourceType.STRING:
        value = _text(data)
    elif type_ is ResourceType.FLOAT:
        value = _float(data)
    elif type_ is ResourceType.BOOLEAN:
        value = {b"\x00": False, b"\x01": True}.get(data)
    elif type_ is ResourceType.OBJLNK:
        value = ObjectLink(*struct.unpack(">HH", data)) if len(data) == 4 else None
    elif len(data) in (1, 2, 4, 8):
        value = int.from_bytes(data, "big", signed=type_ is not ResourceType.UNSIGNED)
    if value is None:
        msg = f"{format_path(path)}: {len(data)} bytes are no {type_.value} in TLV"
        raise ContentFormatError(msg)
    return typed(path, type_, value)


def _text(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _float(data: bytes) -> float | None:
    if len(data) not in (4, 8):
        return None
    value: float = struct.unpack(">f" if len(data) == 4 else ">d", data)[0]
    return value if isfinite(value) else None
