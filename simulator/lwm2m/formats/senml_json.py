"""SenML JSON (110): RFC 8428, §5; TS 1.1 Core, §7.4.4."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import NoReturn

from simulator.lwm2m.formats.record import ContentFormatError, Record, TypeOf
from simulator.lwm2m.formats.senml import pack, unpack
from simulator.lwm2m.paths import Path


def encode(base: Path, records: Sequence[Record]) -> bytes:
    """A pack as JSON without white space; bytes as base64url without padding."""
    entries = pack(base, records, _write_bytes)
    return json.dumps(entries, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def decode(base: Path, payload: bytes, type_of: TypeOf) -> list[Record]:
    """The records of a pack; see ``senml.unpack``."""
    try:
        entries = json.loads(payload.decode(), parse_constant=_no_constant, object_pairs_hook=_unique)
    except RecursionError:
        raise ContentFormatError("malformed JSON: nested too deeply") from None
    except ValueError as error:  # also what is not UTF-8, and numbers of thousands of digits
        msg = f"malformed JSON: {str(error)[:120]}"
        raise ContentFormatError(msg) from None
    return unpack(base, entries, type_of, _read_bytes)


def _no_constant(name: str) -> NoReturn:
    msg = f"{name} is no number"
    raise ValueError(msg)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a field stands twice in one record")
    return members


def _write_bytes(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def _read_bytes(value: object) -> bytes | None:
    """The bytes of base64url, padded or not; None where it is something else."""
    if not isinstance(value, str) or not value.isascii():
        return None
    digits = value.rstrip("=")
    if not digits.replace("-", "").replace("_", "").isalnum() and digits:
        return None
    if len(digits) % 4 == 1 or len(value) - len(digits) > 2:
        return None
    return urlsafe_b64decode(digits + "=" * (-len(digits) % 4))
