"""SenML packs (RFC 8428) with the names and types of LwM2M (TS 1.1 Core, §7.4.4), for JSON and CBOR alike.

Both forms are one list of maps. Here a map has the keys of the JSON form; the two codecs differ in the keys on the wire
and in how bytes are written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Final

from simulator.lwm2m.formats.cbor import natural_type
from simulator.lwm2m.formats.record import ContentFormatError, Record, TypeOf, format_link, parse_link, typed
from simulator.lwm2m.objects import ObjectLink, ResourceType, Value
from simulator.lwm2m.paths import Path, PathError, format_path, is_under, parse_path

VERSION: Final = 10
"""The version of SenML in RFC 8428, the default of ``bver``."""

_VALUE_KEYS: Final = ("v", "vs", "vb", "vd", "vlo")
_REFUSED_KEYS: Final = ("bv", "bs", "s")
"""Base values and sums change what a value means, and LwM2M does not use them."""

_KEY_OF_TYPE: Final = {
    ResourceType.STRING: "vs",
    ResourceType.INTEGER: "v",
    ResourceType.UNSIGNED: "v",
    ResourceType.FLOAT: "v",
    ResourceType.BOOLEAN: "vb",
    ResourceType.OPAQUE: "vd",
    ResourceType.TIME: "v",
    ResourceType.OBJLNK: "vlo",
}

Entry = dict[str, object]


# -- writing -----------------------------------------------------------------------------------------------------------


def pack(base: Path, records: Sequence[Record], write_bytes: Callable[[bytes], object]) -> list[Entry]:
    """The entries of ``records``. The first one carries the base name, and a base time where all have the same time."""
    prefix = _prefix(base, records)
    times = {record.time for record in records}
    base_time = times.pop() if len(times) == 1 else None
    entries: list[Entry] = []
    for record in records:
        entry: Entry = {}
        name = format_path(record.path)[len(prefix) :]
        if not entries and prefix:
            entry["bn"] = prefix
        if not entries and base_time is not None:
            entry["bt"] = _number(base_time)
        if name:
            entry["n"] = name
        if base_time is None and record.time is not None:
            entry["t"] = _number(record.time)
        entries.append(entry | _value_entry(record, write_bytes))
    return entries


def _prefix(base: Path, records: Sequence[Record]) -> str:
    """The base name: ``/3/0/`` where the records are inside it, ``/3/0/3`` where it is itself the only record.

    Of the root there is none, and names are whole paths; so too where a record stands beside its own base.
    """
    if not base:
        return ""
    if all(len(record.path) > len(base) and is_under(record.path, base) for record in records):
        return format_path(base) + "/"
    return format_path(base) if len(records) == 1 and records[0].path == base else ""


def _value_entry(record: Record, write_bytes: Callable[[bytes], object]) -> Entry:
    if record.value is None:
        return {}
    value = typed(record.path, record.type, record.value)
    key = _KEY_OF_TYPE[record.type]
    if isinstance(value, bytes):
        return {key: write_bytes(value)}
    if isinstance(value, ObjectLink):
        return {key: format_link(value)}
    if isinstance(value, float):
        return {key: _number(value)}
    return {key: value}


def _number(value: float) -> float:
    """The same number, as an int where it is a small integral one: shorter, and the same to every reader."""
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


# -- reading -----------------------------------------------------------------------------------------------------------


def unpack(base: Path, entries: object, type_of: TypeOf, read_bytes: Callable[[object], bytes | None]) -> list[Record]:
    """The records of a pack.

    Raises:
        ContentFormatError: it is no list of maps, a name is no path under ``base``, an entry has two values, or a value
            does not have its type.
    """
    if not isinstance(entries, list):
        raise ContentFormatError("a SenML pack is a list of records")
    state = _Base()
    records = []
    for index, entry in enumerate(entries):
        if not isinstance(entry, Mapping):
            msg = f"record {index} of the SenML pack is no map"
            raise ContentFormatError(msg)
        state.take(index, entry)
        path = state.path(index, entry)
        if not is_under(path, base):
            msg = f"record {index}: {format_path(path)} is not under {format_path(base)}"
            raise ContentFormatError(msg)
        type_, value = _read_value(index, path, entry, type_of, read_bytes)
        records.append(Record(path, type_, value, state.time_of(index, entry)))
    return records


class _Base:
    """The base fields in force (RFC 8428, §4.1): each holds from its record on, until it is given anew."""

    __slots__ = ("name", "time")

    def __init__(self) -> None:
        self.name = ""
        self.time: float | None = None

    def take(self, index: int, entry: Mapping[object, object]) -> None:
        version = entry.get("bver", VERSION)
        if type(version) is not int or not 0 < version <= VERSION:
            msg = f"record {index}: SenML of version {version!r:.20} is not known here"
            raise ContentFormatError(msg)
        for key in entry:
            if key in _REFUSED_KEYS or (isinstance(key, str) and key.endswith("_")):
                msg = f"record {index}: the field {key!r:.20} must be understood, and is not"
                raise ContentFormatError(msg)
        if "bn" in entry:
            self.name = _text(index, entry, "bn")
        if "bt" in entry:
            self.time = _time(index, entry, "bt")

    def path(self, index: int, entry: Mapping[object, object]) -> Path:
        name = self.name + _text(index, entry, "n")
        # A base name such as "/3/0/" may also stand alone, for a record that names the base itself.
        trimmed = name[:-1] if len(name) > 1 and name.endswith("/") and "n" not in entry else name
        try:
            return parse_path(trimmed)
        except PathError as error:
            msg = f"record {index} of the SenML pack: {error}"
            raise ContentFormatError(msg) from None

    def time_of(self, index: int, entry: Mapping[object, object]) -> float | None:
        if "t" not in entry:
            return self.time
        total = (self.time or 0.0) + _time(index, entry, "t")
        if not isfinite(total):
            msg = f"record {index}: the time is out of range"
            raise ContentFormatError(msg)
        return total


def _text(index: int, entry: Mapping[object, object], key: str) -> str:
    text = entry.get(key, "")
    if isinstance(text, str):
        return text
    msg = f"record {index}: the field {key!r} is no text"
    raise ContentFormatError(msg)


def _time(index: int, entry: Mapping[object, object], key: str) -> float:
    value = entry.get(key)
    if type(value) in (int, float) and isinstance(value, int | float) and abs(value) < 2**63:
        return float(value)
    msg = f"record {index}: the field {key!r} is no time"
    raise ContentFormatError(msg)


def _read_value(
    index: int,
    path: Path,
    entry: Mapping[object, object],
    type_of: TypeOf,
    read_bytes: Callable[[object], bytes | None],
) -> tuple[ResourceType, Value | None]:
    keys = [key for key in _VALUE_KEYS if key in entry]
    known = type_of(path[:3]) if len(path) >= 3 else None
    if not keys:
        return known or ResourceType.NONE, None
    if len(keys) > 1 or len(path) < 3:
        msg = f"record {index}: {format_path(path)} " + ("has two values" if len(keys) > 1 else "cannot have a value")
        raise ContentFormatError(msg)
    key = keys[0]
    value: object = entry[key]
    if key == "vd":
        value = read_bytes(value)
    elif key == "vlo":
        value = parse_link(path, value) if isinstance(value, str) else None
    if known is None:
        known = natural_type(path, value)
    if _KEY_OF_TYPE.get(known) != key:
        msg = f"record {index}: {format_path(path)} is of type {known.value}, which is not written as {key!r}"
        raise ContentFormatError(msg)
    return known, typed(path, known, value)
