"""The package format: a header of 128 bytes, then the payload.

All numbers are unsigned and in network byte order.

======  ======  ==========================================================
offset  length  field
======  ======  ==========================================================
0       8       magic
8       2       format version, 1
10      2       header length in bytes, 128
12      32      target model, UTF-8, filled up with NUL
44      32      firmware version, UTF-8, filled up with NUL
76      8       payload length in bytes
84      32      SHA-256 of the payload
116     8       zero
124     4       CRC-32 of the bytes 0 to 123
======  ======  ==========================================================

The CRC covers everything else in the header, so a header that was damaged on its way is told from one that was made
for another device: the first is an integrity failure (Update Result 5), the second an unsupported package (6). Only
damage to the magic itself looks like a package of a foreign kind.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass
from typing import Final

MAGIC: Final = b"LWM2MFW\x1a"
FORMAT_VERSION: Final = 1
HEADER_SIZE: Final = 128
"""Length of the header in bytes."""
TEXT_SIZE: Final = 32
"""Room for the model and for the version, in bytes of UTF-8."""

_FIELDS: Final = struct.Struct(f"!8sHH{TEXT_SIZE}s{TEXT_SIZE}sQ32s8x")
_CRC: Final = struct.Struct("!I")


class PackageError(ValueError):
    """A package that a device must not install."""


class UnsupportedPackageError(PackageError):
    """The package is of another kind or for another device (Update Result 6)."""


class PackageIntegrityError(PackageError):
    """The package is damaged or incomplete (Update Result 5)."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a package says of itself."""

    model: str
    """The device model that it is for (PkgName, /5/0/6)."""
    version: str
    """The firmware version that it brings (PkgVersion, /5/0/7)."""
    payload_length: int
    """Bytes after the header."""
    payload_sha256: bytes

    @property
    def total_length(self) -> int:
        """Bytes of the whole package."""
        return HEADER_SIZE + self.payload_length

    def to_bytes(self) -> bytes:
        """The 128 bytes of the header.

        Raises:
            ValueError: the model or the version is empty, too long or holds what cannot be printed.
        """
        texts = _text_bytes("model", self.model), _text_bytes("version", self.version)
        fields = _FIELDS.pack(MAGIC, FORMAT_VERSION, HEADER_SIZE, *texts, self.payload_length, self.payload_sha256)
        return fields + _CRC.pack(zlib.crc32(fields))


def build(model: str, version: str, payload: bytes) -> bytes:
    """A package around ``payload``.

    Raises:
        ValueError: the model or the version does not fit its field.
    """
    return Header(model, version, len(payload), hashlib.sha256(payload).digest()).to_bytes() + payload


def generate(size_total: int, model: str, version: str, seed: int) -> bytes:
    """A package of exactly ``size_total`` bytes, header included; the same arguments always give the same bytes.

    The payload cannot be compressed, and two packages that differ in model, version or seed share no payload.

    Raises:
        ValueError: the size has no room for the header, or the model or the version does not fit its field.
    """
    if size_total < HEADER_SIZE:
        msg = f"a package has at least {HEADER_SIZE} bytes, its header; {size_total} are too few"
        raise ValueError(msg)
    source = hashlib.shake_256(repr((model, version, seed)).encode("utf-8", "backslashreplace"))
    return build(model, version, source.digest(size_total - HEADER_SIZE))


def parse_header(data: bytes) -> Header:
    """The header at the start of ``data``.

    Raises:
        UnsupportedPackageError: another magic, format version or header length, or fields that no builder writes.
        PackageIntegrityError: shorter than a header, or the CRC does not match.
    """
    if not MAGIC.startswith(data[: len(MAGIC)]):
        raise UnsupportedPackageError("not a firmware package: the magic is missing")
    if len(data) < HEADER_SIZE:
        msg = f"the package ends within its header, after {len(data)} of {HEADER_SIZE} bytes"
        raise PackageIntegrityError(msg)
    fields = data[: HEADER_SIZE - _CRC.size]
    if zlib.crc32(fields) != _CRC.unpack_from(data, len(fields))[0]:
        raise PackageIntegrityError("the CRC of the header does not match")
    _, format_version, header_length, model, version, payload_length, sha256 = _FIELDS.unpack(fields)
    if format_version != FORMAT_VERSION or header_length != HEADER_SIZE:
        msg = f"package format {format_version} with a header of {header_length} bytes is not known here"
        raise UnsupportedPackageError(msg)
    return Header(_text("model", model), _text("version", version), payload_length, sha256)


def _text_bytes(name: str, text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    if not text or not text.isprintable() or len(data) > TEXT_SIZE:
        msg = f"the {name} of a package has 1 to {TEXT_SIZE} bytes of printable UTF-8, not {text!r}"
        raise ValueError(msg)
    return data


def _text(name: str, field: bytes) -> str:
    try:
        text = field.rstrip(b"\0").decode()
    except UnicodeDecodeError:
        text = ""
    if not text or not text.isprintable():
        msg = f"the {name} in the header is not printable UTF-8"
        raise UnsupportedPackageError(msg)
    return text
