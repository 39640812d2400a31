"""What the head of a response means for a download that may have a part already: a pure function.

RFC 9110 §13.1.1 (If-Match), §14 (ranges), §15.3.7 (206), §15.4 (redirects), §15.5.13 (412), §15.5.17 (416).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from simulator.transport.http_fields import (
    ContentRange,
    FieldError,
    Fields,
    coap_code,
    content_range,
    entity_tag,
    field,
)

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
OK: Final = 200
PARTIAL_CONTENT: Final = 206
PRECONDITION_FAILED: Final = 412
RANGE_NOT_SATISFIABLE: Final = 416


class Asked(NamedTuple):
    """What the request was for."""

    offset: int = 0
    """First byte wanted; 0 asks for the whole, without Range and without a condition."""
    etag: bytes = b""
    """The strong entity tag of the part that is there already."""


class Body(NamedTuple):
    """The bytes of the package follow."""

    offset: int
    """Of the first one."""
    length: int
    """How many; -1 where only their end tells."""
    size: int
    """Length of the whole package; -1 where the origin does not tell."""
    etag: bytes


class Redirect(NamedTuple):
    """The package is elsewhere."""

    location: bytes


class FromStart(NamedTuple):
    """The part that is there already is worth nothing: ask for the whole."""

    why: str


class Complete(NamedTuple):
    """Nothing is missing: the part that is there already is the whole."""

    size: int


class Refused(NamedTuple):
    """An error of the origin, as a CoAP code."""

    code: int
    status: int


Verdict = Body | Redirect | FromStart | Complete | Refused


def judge(status: int, fields: Fields, asked: Asked) -> Verdict:
    """What a final response means.

    Raises:
        FieldError: it is none that HTTP allows for this request, or its bytes are not those of the package.
    """
    if status in REDIRECTS:
        return Redirect(field(fields, b"location"))
    if status == OK:
        return _whole(fields)
    if status == PARTIAL_CONTENT:
        return _part(fields, asked)
    if status == PRECONDITION_FAILED and asked.offset:
        return FromStart("412: the package is another one now")
    if status == RANGE_NOT_SATISFIABLE and asked.offset:
        return _nothing_left(fields, asked)
    if status < 400:
        msg = f"status {status} is no answer to a GET"
        raise FieldError(msg)
    return Refused(coap_code(status), status)


def _whole(fields: Fields) -> Body:
    _demand_identity(fields)
    length = _length(fields)
    return Body(0, length, length, entity_tag(fields))


def _part(fields: Fields, asked: Asked) -> Verdict:
    if not asked.offset:
        raise FieldError("206 without a Range in the request")
    _demand_identity(fields)
    found = content_range(fields)
    etag = entity_tag(fields)
    if etag != asked.etag:
        # RFC 9110 §15.3.7.3: parts are put together only where the strong validator is the same.
        return FromStart(f"206 of another package than before, ETag {etag.decode('latin-1') or 'missing'}")
    if found.first != asked.offset:
        msg = f"206 begins at byte {found.first}, asked for {asked.offset}"
        raise FieldError(msg)
    length = _length(fields)
    in_range = found.last - found.first + 1
    if length not in (-1, in_range):
        msg = f"206 with Content-Length {length} for a range of {in_range} bytes"
        raise FieldError(msg)
    return Body(found.first, in_range, found.size, etag)


def _nothing_left(fields: Fields, asked: Asked) -> Verdict:
    """A download that broke off behind its last byte has nothing to ask for; If-Match was true, else it were a 412."""
    try:
        found = content_range(fields)
    except FieldError:
        found = ContentRange(-1, -1, -1)
    if found.first < 0 and found.size == asked.offset and entity_tag(fields) in (b"", asked.etag):
        return Complete(asked.offset)
    return FromStart(f"416: byte {asked.offset} is behind the end")


def _demand_identity(fields: Fields) -> None:
    coding = field(fields, b"content-encoding")
    if coding.lower() not in (b"", b"identity"):
        msg = f"Content-Encoding {coding[:80].decode('latin-1')}, though only identity was accepted"
        raise FieldError(msg)


def _length(fields: Fields) -> int:
    """Content-Length, which h11 has checked; -1 where the body is chunked or ends with the connection."""
    if field(fields, b"transfer-encoding"):
        return -1
    return int(field(fields, b"content-length") or -1)
