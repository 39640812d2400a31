"""SenML CBOR (112): RFC 8428, §6; TS 1.1 Core, §7.4.4. Fields have integer labels, except ``vlo`` of LwM2M."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import cbor2

from simulator.lwm2m.formats.cbor import load
from simulator.lwm2m.formats.record import ContentFormatError, Record, TypeOf
from simulator.lwm2m.formats.senml import pack, unpack
from simulator.lwm2m.paths import Path

_LABELS: Final[dict[str, int]] = {
    "bver": -1,
    "bn": -2,
    "bt": -3,
    "bu": -4,
    "bv": -5,
    "bs": -6,
    "n": 0,
    "u": 1,
    "v": 2,
    "vs": 3,
    "vb": 4,
    "s": 5,
    "t": 6,
    "ut": 7,
    "vd": 8,
}
_FIELDS: Final = {label: field for field, label in _LABELS.items()}


def encode(base: Path, records: Sequence[Record]) -> bytes:
    """A pack as CBOR of definite lengths."""
    entries = pack(base, records, bytes)
    return cbor2.dumps([{_LABELS.get(field, field): value for field, value in entry.items()} for entry in entries])


def decode(base: Path, payload: bytes, type_of: TypeOf) -> list[Record]:
    """The records of a pack; see ``senml.unpack``."""
    item = load(payload)
    if not isinstance(item, list):
        raise ContentFormatError("a SenML pack is a list of records")
    return unpack(base, [_named(entry) for entry in item], type_of, _read_bytes)


def _named(entry: object) -> object:
    """A map with its integer labels replaced by the names of the fields; anything else as it is."""
    if not isinstance(entry, Mapping):
        return entry
    named = {}
    for label, value in entry.items():
        # True and 1.0 equal 1 as dict keys, but are no labels.
        if type(label) is int:
            named[_FIELDS.get(label, label)] = value
        elif type(label) is str and label not in _LABELS:
            named[label] = value
        else:
            msg = f"{label!r:.20} is no label of SenML in CBOR"
            raise ContentFormatError(msg)
    return named


def _read_bytes(value: object) -> bytes | None:
    return value if isinstance(value, bytes) else None
