"""Content formats of LwM2M payloads (TS 1.1 Core, §7.4), one codec per file behind ``encode`` and ``decode``.

Link format (40) carries no values and has a module of its own, ``simulator.lwm2m.links``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from simulator.coap.codes import (
    FORMAT_CBOR,
    FORMAT_OPAQUE,
    FORMAT_SENML_CBOR,
    FORMAT_SENML_JSON,
    FORMAT_TEXT,
    FORMAT_TLV,
)
from simulator.lwm2m.formats import cbor, opaque, senml_cbor, senml_json, text, tlv
from simulator.lwm2m.formats.record import ContentFormatError, Record, TypeOf, UnsupportedFormatError
from simulator.lwm2m.paths import Path

Encoder = Callable[[Path, Sequence[Record]], bytes]
Decoder = Callable[[Path, bytes, TypeOf], list[Record]]

_CODECS: Final[dict[int, tuple[Encoder, Decoder]]] = {
    FORMAT_TEXT: (text.encode, text.decode),
    FORMAT_OPAQUE: (opaque.encode, opaque.decode),
    FORMAT_CBOR: (cbor.encode, cbor.decode),
    FORMAT_SENML_JSON: (senml_json.encode, senml_json.decode),
    FORMAT_SENML_CBOR: (senml_cbor.encode, senml_cbor.decode),
    FORMAT_TLV: (tlv.encode, tlv.decode),
}

SINGLE_VALUE_FORMATS: Final = frozenset({FORMAT_TEXT, FORMAT_OPAQUE, FORMAT_CBOR})
"""Formats that carry one value without its path."""


def encode(content_format: int, base: Path, records: Sequence[Record]) -> bytes:
    """The payload that carries ``records``, all under ``base`` (the path of the request).

    Raises:
        UnsupportedFormatError: no codec for this format, or it cannot carry these records (several values as text).
        ContentFormatError: a value does not fit its type.
    """
    return _codec(content_format)[0](base, records)


def decode(content_format: int, base: Path, payload: bytes, type_of: TypeOf) -> list[Record]:
    """The records of a payload, in its order.

    ``type_of`` gives the type of a resource by its path of three ids, or None where it is not known; a value of
    unknown type is kept as the format shows it. A record without value (``value`` is None) names a path in SenML, and
    a multiple resource without instances in TLV.

    Raises:
        UnsupportedFormatError: no codec for this format, or it cannot carry what ``base`` names.
        ContentFormatError: the payload is malformed, or a value does not have the type of its resource.
    """
    return _codec(content_format)[1](base, payload, type_of)


def _codec(content_format: int) -> tuple[Encoder, Decoder]:
    codec = _CODECS.get(content_format)
    if codec is None:
        msg = f"content format {content_format} is not one of {', '.join(map(str, _CODECS))}"
        raise UnsupportedFormatError(msg)
    return codec


__all__ = [
    "SINGLE_VALUE_FORMATS",
    "ContentFormatError",
    "Record",
    "TypeOf",
    "UnsupportedFormatError",
    "decode",
    "encode",
]
