"""Taking the bytes of a Package out of the format that a Write carries it in, piece by piece.

A Package of a megabyte arrives in a thousand blocks and is not kept; so TLV, CBOR and base64 are undone as the blocks
come (field failure: a device that stored the TLV header of the first block as part of the image).
"""

from __future__ import annotations

import base64
import binascii
from typing import Final, Protocol

from simulator.coap.codes import FORMAT_CBOR, FORMAT_OPAQUE, FORMAT_TEXT, FORMAT_TLV


class UnwrapError(ValueError):
    """The body is not one opaque value in the format that it is said to be in."""


class Unwrapper(Protocol):
    """Gives back the bytes of the value that are in the next piece of the body."""

    def feed(self, data: bytes) -> bytes:
        """The value's bytes in this piece.

        Raises:
            UnwrapError: the body is malformed.
        """

    def end(self) -> bytes:
        """The body is over; what was held back.

        Raises:
            UnwrapError: the body is too short.
        """


class Opaque:
    """The body is the value."""

    __slots__ = ()

    def feed(self, data: bytes) -> bytes:
        """All of it."""
        return data

    def end(self) -> bytes:
        """Nothing is held back."""
        return b""


class Base64:
    """text/plain: an opaque value in base64 (OMA LwM2M TS 1.1, annex C)."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """Whole groups of four characters."""
        whole = self._held + data
        cut = len(whole) & ~3
        self._held = whole[cut:]
        return _decode(whole[:cut])

    def end(self) -> bytes:
        """The rest must be empty."""
        if self._held:
            raise UnwrapError("the base64 text is cut off")
        return b""


def _decode(text: bytes) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        msg = f"not base64: {error}"
        raise UnwrapError(msg) from None


class Prefixed:
    """A header that tells the length, then the value: TLV and CBOR."""

    __slots__ = ("_header", "_left", "_read")

    def __init__(self, read: HeaderReader) -> None:
        self._read = read
        self._header = b""
        self._left = -1

    def feed(self, data: bytes) -> bytes:
        """The value's bytes after the header."""
        if self._left < 0:
            self._header += data
            found = self._read(self._header) if self._header else None
            if found is None:
                return b""
            length, header = found
            self._left = length
            data = self._header[header:]
            self._header = b""
        if len(data) > self._left:
            raise UnwrapError("bytes after the end of the value")
        self._left -= len(data)
        return data

    def end(self) -> bytes:
        """Nothing may be missing."""
        if self._left:
            raise UnwrapError("the value is shorter than its header says")
        return b""


class HeaderReader(Protocol):
    """Reads the header of a value from its first bytes."""

    def __call__(self, data: bytes, /) -> tuple[int, int] | None:
        """Lengths of the value and of the header, or None where more bytes are needed."""


PACKAGE_RESOURCE: Final = 0


def tlv_header(data: bytes) -> tuple[int, int] | None:
    """The header of a TLV record for resource 0 (OMA LwM2M TS 1.0 §6.4.3)."""
    kind = data[0]
    id_length = 2 if kind & 0x20 else 1
    length_bytes = (kind >> 3) & 3
    header = 1 + id_length + length_bytes
    if len(data) < header:
        return None
    if kind >> 6 != 3 or int.from_bytes(data[1 : 1 + id_length], "big") != PACKAGE_RESOURCE:
        raise UnwrapError("the TLV is not that of resource 0")
    if not length_bytes:
        return kind & 7, header
    return int.from_bytes(data[1 + id_length : header], "big"), header


def cbor_header(data: bytes) -> tuple[int, int] | None:
    """The header of a CBOR byte string of definite length (RFC 8949 §3.1)."""
    kind, info = data[0] >> 5, data[0] & 31
    if kind != 2 or info > 27:
        raise UnwrapError("the CBOR is not a byte string of definite length")
    if info < 24:
        return info, 1
    header = 1 + (1 << (info - 24))
    if len(data) < header:
        return None
    return int.from_bytes(data[1:header], "big"), header


def unwrapper(content_format: int) -> Unwrapper | None:
    """What undoes a content format, or None where a Package cannot come in it (4.15); -1 counts as opaque."""
    if content_format in (-1, FORMAT_OPAQUE):
        return Opaque()
    if content_format == FORMAT_TEXT:
        return Base64()
    if content_format == FORMAT_TLV:
        return Prefixed(tlv_header)
    if content_format == FORMAT_CBOR:
        return Prefixed(cbor_header)
    return None
