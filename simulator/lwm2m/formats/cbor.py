"""CBOR (60): one value as one CBOR item (RFC 8949; TS 1.1 Core, §7.4 and annex C)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import cbor2

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
from simulator.lwm2m.objects import ObjectLink, ResourceType
from simulator.lwm2m.paths import Path, format_path

EPOCH_TAG: Final = 1
"""Epoch-based date and time (RFC 8949, §3.4.2), the form of Time resources."""
_EPOCH_HEAD: Final = b"\xc1"
"""Tag 1 on the wire."""


def load(payload: bytes) -> object:
    """The one CBOR item of a payload.

    Raises:
        ContentFormatError: it is malformed, nested too deeply, or followed by more bytes.
    """
    stream = io.BytesIO(payload)
    try:
        item: object = cbor2.CBORDecoder(stream).decode()
    except Exception as error:  # the decoders of tagged items raise what they like
        msg = f"malformed CBOR: {str(error)[:120]}"
        raise ContentFormatError(msg) from None
    if stream.tell() != len(payload):
        msg = f"{len(payload) - stream.tell()} bytes follow the CBOR item"
        raise ContentFormatError(msg)
    return item


def encode(base: Path, records: Sequence[Record]) -> bytes:
    """One CBOR item; Time carries tag 1, Objlnk is a text such as ``3:0``."""
    record, value = only_value(base, records, "CBOR")
    if isinstance(value, ObjectLink):
        return cbor2.dumps(format_link(value))
    if record.type is ResourceType.TIME:
        return cbor2.dumps(cbor2.CBORTag(EPOCH_TAG, value))
    return cbor2.dumps(value)


def decode(base: Path, payload: bytes, type_of: TypeOf) -> list[Record]:
    """One record; Time is taken with tag 0, tag 1 or as a plain number."""
    require_resource(base, "CBOR")
    known = type_of(base[:3])
    if known is ResourceType.TIME and payload[:1] == _EPOCH_HEAD:
        # The number under the tag, as it is: a calendar ends long before 64 bits do.
        return [Record(base, known, typed(base, known, load(payload[1:])))]
    item = load(payload)
    type_ = known or natural_type(base, item)
    if type_ is ResourceType.OBJLNK and isinstance(item, str):
        item = parse_link(base, item)
    elif type_ is ResourceType.TIME and isinstance(item, datetime):
        item = _epoch_seconds(item)
    return [Record(base, type_, typed(base, type_, item))]


def _epoch_seconds(moment: datetime) -> int | None:
    if moment.tzinfo is None:
        return None
    return (moment - _EPOCH) // timedelta(seconds=1)


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_NATURAL: Final = {
    str: ResourceType.STRING,
    int: ResourceType.INTEGER,
    float: ResourceType.FLOAT,
    bool: ResourceType.BOOLEAN,
    bytes: ResourceType.OPAQUE,
    datetime: ResourceType.TIME,
    ObjectLink: ResourceType.OBJLNK,
}


def natural_type(path: Path, item: object) -> ResourceType:
    """The type that a value shows by itself.

    Raises:
        ContentFormatError: it is no value of LwM2M, such as a list.
    """
    type_ = _NATURAL.get(type(item))
    if type_ is None:
        msg = f"{format_path(path)}: {type(item).__name__} is no value of a resource"
        raise ContentFormatError(msg)
    if type_ is ResourceType.INTEGER and isinstance(item, int) and item > 2**63 - 1:
        return ResourceType.UNSIGNED
    return type_
