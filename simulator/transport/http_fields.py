"""Fields of HTTP that a download and its origin need, and status codes in CoAP's terms. Pure.

Names are in lower case, values without blanks around them, both as bytes: what h11 gives.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from simulator.coap import codes

Fields = Sequence[tuple[bytes, bytes]]

ETAG_MAX: Final = 256
"""Longest entity tag in bytes that is kept; a resource with a longer one is as one without."""

_ETAG: Final = re.compile(rb'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
_CONTENT_RANGE: Final = re.compile(rb"bytes +(?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18}|\*)", re.IGNORECASE)
_BYTE_RANGE: Final = re.compile(r"bytes *= *(\d{0,18}) *- *(\d{0,18})", re.IGNORECASE)


class FieldError(ValueError):
    """A field is missing, comes twice, or has no meaning."""


class ContentRange(NamedTuple):
    """A Content-Range in bytes (RFC 9110 §14.4)."""

    first: int
    """Offset of the first byte; -1 where the range could not be satisfied."""
    last: int
    """Offset of the last byte, inclusive; -1 as ``first``."""
    size: int
    """Length of the whole; -1 where the origin does not tell."""


def field(fields: Fields, name: bytes) -> bytes:
    """The value of a field that stands alone; empty where it is missing.

    Raises:
        FieldError: it comes twice with two values.
    """
    values = {value for key, value in fields if key == name}
    if len(values) > 1:
        msg = f"{name.decode('latin-1')} comes {len(values)} times with other values"
        raise FieldError(msg)
    return values.pop() if values else b""


def entity_tag(fields: Fields) -> bytes:
    """The ETag with its quotes, as RFC 9110 §8.8.3 has it; empty where there is none that could be sent back."""
    try:
        value = field(fields, b"etag")
    except FieldError:
        return b""
    return value if len(value) <= ETAG_MAX and _ETAG.fullmatch(value) else b""


def is_strong(etag: bytes) -> bool:
    """Whether an entity tag promises the same bytes (RFC 9110 §8.8.1): it is well-formed and not weak."""
    return not etag.startswith(b"W/") and len(etag) <= ETAG_MAX and bool(_ETAG.fullmatch(etag))


def content_range(fields: Fields) -> ContentRange:
    """The Content-Range of a 206 or 416.

    Raises:
        FieldError: there is none (multipart/byteranges has none), or it contradicts itself.
    """
    value = field(fields, b"content-range")
    match = _CONTENT_RANGE.fullmatch(value)
    if match is None:
        msg = f"Content-Range {_shown(value)} gives no range of bytes" if value else "Content-Range is missing"
        raise FieldError(msg)
    first, last, size = (-1 if part in (None, b"*") else int(part) for part in match.groups())
    if last < first or (0 <= size <= last) or (first < 0 and size < 0):
        msg = f"Content-Range {_shown(value)} contradicts itself"
        raise FieldError(msg)
    return ContentRange(first, last, size)


def listed_tags(value: str) -> list[str]:
    """The entity tags of an If-Match or If-None-Match, in order; ``*`` stands for itself (RFC 9110 §13.1.1)."""
    return re.findall(r'\*|(?:W/)?"[^"]*"', value)


def byte_range(value: str, size: int) -> tuple[int, int] | None:
    """First and last offset of the one range that a Range asks for (RFC 9110 §14.1.2).

    Args:
        value: of the field.
        size: length of the whole in bytes.

    Returns:
        None where the field is to be ignored: another unit, several ranges, or no meaning.

    Raises:
        FieldError: no byte of the range is in the whole, which makes a 416.
    """
    match = _BYTE_RANGE.fullmatch(value.strip())
    if match is None or match.groups() == ("", ""):
        return None
    start, end = match.groups()
    if not start:
        first, last = max(size - int(end), 0), size - 1
        if not int(end):
            first = size
    else:
        first, last = int(start), min(int(end), size - 1) if end else size - 1
        if end and int(end) < first:
            return None
    if first >= size:
        msg = f"no byte of {value!r} is in the {size} bytes"
        raise FieldError(msg)
    return first, last


def _shown(value: bytes) -> str:
    return repr(value[:80].decode("latin-1"))


TOO_MANY_REQUESTS: Final = codes.code_number("4.29")
UNPROCESSABLE_ENTITY: Final = codes.code_number("4.22")
BAD_GATEWAY: Final = codes.code_number("5.02")

STATUS_CODES: Final[dict[int, int]] = {
    400: codes.BAD_REQUEST,
    401: codes.UNAUTHORIZED,
    403: codes.FORBIDDEN,
    404: codes.NOT_FOUND,
    405: codes.METHOD_NOT_ALLOWED,
    406: codes.NOT_ACCEPTABLE,
    409: codes.CONFLICT,
    410: codes.NOT_FOUND,
    412: codes.PRECONDITION_FAILED,
    413: codes.REQUEST_ENTITY_TOO_LARGE,
    415: codes.UNSUPPORTED_CONTENT_FORMAT,
    422: UNPROCESSABLE_ENTITY,
    429: TOO_MANY_REQUESTS,
    500: codes.INTERNAL_SERVER_ERROR,
    501: codes.NOT_IMPLEMENTED,
    502: BAD_GATEWAY,
    503: codes.SERVICE_UNAVAILABLE,
    504: codes.GATEWAY_TIMEOUT,
}
"""The CoAP code of the same meaning: RFC 8075 §7 read from right to left, with the codes that RFC 8132 (4.09, 4.22) and
RFC 8516 (4.29) added. CoAP has no Gone; to a device it is Not Found."""


def coap_code(status: int) -> int:
    """The CoAP code of an HTTP error; one that is not in the table counts as the x00 of its class (RFC 9110 §15)."""
    generic = codes.BAD_REQUEST if 400 <= status < 500 else codes.INTERNAL_SERVER_ERROR
    return STATUS_CODES.get(status, generic)
