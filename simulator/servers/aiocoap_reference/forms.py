"""An opaque resource in the content formats that can carry it alone, made without the codecs of this project."""

from __future__ import annotations

import cbor2

from simulator.servers.aiocoap_reference.requests import OPAQUE, CommandError

CBOR = 60
TLV = 11542


def packed(form: str, path: str, value: bytes) -> tuple[bytes, int]:
    """The payload of a Write of one opaque resource, and the number of its content format.

    Raises:
        CommandError: the form is not known, or the path names no resource.
    """
    if form == "opaque":
        return value, OPAQUE
    if form == "cbor":
        return cbor2.dumps(value), CBOR
    number = path.rpartition("/")[2]
    if form != "tlv" or not number.isdecimal() or len(value) >= 1 << 24:
        raise CommandError("failed", f"cannot write {len(value)} bytes as {form!r} to {path!r}")
    return tlv(int(number), value), TLV


def tlv(number: int, value: bytes) -> bytes:
    """A resource with its value (OMA LwM2M TS 1.0 §6.4.3): type, identifier, length, value."""
    id_bytes = 1 if number < 256 else 2
    length_bytes = 0 if len(value) < 8 else (len(value).bit_length() + 7) // 8
    kind = 0b1100_0000 | (id_bytes - 1) << 5 | length_bytes << 3 | (0 if length_bytes else len(value))
    head = bytes((kind,)) + number.to_bytes(id_bytes, "big")
    return head + (len(value).to_bytes(length_bytes, "big") if length_bytes else b"") + value
