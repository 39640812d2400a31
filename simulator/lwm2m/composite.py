"""Composite operations: many paths in one request (TS 1.1 Core, §6.3.8 to §6.3.10, §6.4.5).

A Read-Composite or Observe-Composite is a FETCH whose SenML payload names paths and has no values; a Write-Composite is
an iPATCH whose payload has both.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from simulator.coap.codes import FORMAT_SENML_CBOR, FORMAT_SENML_JSON
from simulator.lwm2m.formats import ContentFormatError, Record, TypeOf, UnsupportedFormatError, decode, encode
from simulator.lwm2m.objects import ResourceType
from simulator.lwm2m.paths import ROOT, Path, format_path

COMPOSITE_FORMATS: Final = frozenset({FORMAT_SENML_JSON, FORMAT_SENML_CBOR})


def decode_paths(content_format: int, payload: bytes) -> tuple[Path, ...]:
    """The paths that a FETCH asks for, each once, in the order of the payload.

    Raises:
        UnsupportedFormatError: the content format is not SenML.
        ContentFormatError: malformed, without any path, or with a value.
    """
    records = _decode(content_format, payload, _no_type)
    for record in records:
        if record.value is not None:
            msg = f"{format_path(record.path)} has a value, where only paths are asked for"
            raise ContentFormatError(msg)
    if not records:
        raise ContentFormatError("a composite request without a path")
    return tuple(dict.fromkeys(record.path for record in records))


def encode_paths(content_format: int, paths: Iterable[Path]) -> bytes:
    """The payload of a FETCH for these paths.

    Raises:
        UnsupportedFormatError: the content format is not SenML.
    """
    return encode_values(content_format, [Record(path, ResourceType.NONE, None) for path in paths])


def decode_values(content_format: int, payload: bytes, type_of: TypeOf) -> list[Record]:
    """The records of a Write-Composite, or of the answer to a Read-Composite.

    Raises:
        UnsupportedFormatError: the content format is not SenML.
        ContentFormatError: malformed, or a value does not have the type of its resource.
    """
    return _decode(content_format, payload, type_of)


def encode_values(content_format: int, records: Sequence[Record]) -> bytes:
    """The payload of a Write-Composite, or of the answer to a Read-Composite.

    Raises:
        UnsupportedFormatError: the content format is not SenML.
        ContentFormatError: a value does not fit its type.
    """
    _require(content_format)
    return encode(content_format, ROOT, records)


def _decode(content_format: int, payload: bytes, type_of: TypeOf) -> list[Record]:
    _require(content_format)
    return decode(content_format, ROOT, payload, type_of)


def _require(content_format: int) -> None:
    if content_format not in COMPOSITE_FORMATS:
        msg = f"composite requests are written in SenML (110 or 112), not in content format {content_format}"
        raise UnsupportedFormatError(msg)


def _no_type(_path: Path) -> None:
    return None
