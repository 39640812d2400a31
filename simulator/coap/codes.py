"""Numbers of CoAP: types, codes and options, in the spelling of their RFCs.

Plain integers, not enumerations: the codec compares them for every datagram. Sources: RFC 7252 §12, RFC 7641 §2,
RFC 7959 §2, RFC 8132 (FETCH, PATCH, iPATCH).
"""

from __future__ import annotations

from typing import Final

CON: Final = 0
NON: Final = 1
ACK: Final = 2
RST: Final = 3

EMPTY: Final = 0x00
GET: Final = 0x01
POST: Final = 0x02
PUT: Final = 0x03
DELETE: Final = 0x04
FETCH: Final = 0x05
PATCH: Final = 0x06
IPATCH: Final = 0x07

CREATED: Final = 0x41
DELETED: Final = 0x42
VALID: Final = 0x43
CHANGED: Final = 0x44
CONTENT: Final = 0x45
CONTINUE: Final = 0x5F
BAD_REQUEST: Final = 0x80
UNAUTHORIZED: Final = 0x81
BAD_OPTION: Final = 0x82
FORBIDDEN: Final = 0x83
NOT_FOUND: Final = 0x84
METHOD_NOT_ALLOWED: Final = 0x85
NOT_ACCEPTABLE: Final = 0x86
REQUEST_ENTITY_INCOMPLETE: Final = 0x88
CONFLICT: Final = 0x89
PRECONDITION_FAILED: Final = 0x8C
REQUEST_ENTITY_TOO_LARGE: Final = 0x8D
UNSUPPORTED_CONTENT_FORMAT: Final = 0x8F
INTERNAL_SERVER_ERROR: Final = 0xA0
NOT_IMPLEMENTED: Final = 0xA1
SERVICE_UNAVAILABLE: Final = 0xA3
GATEWAY_TIMEOUT: Final = 0xA4
PROXYING_NOT_SUPPORTED: Final = 0xA5

IF_MATCH: Final = 1
URI_HOST: Final = 3
ETAG: Final = 4
IF_NONE_MATCH: Final = 5
OBSERVE: Final = 6
URI_PORT: Final = 7
LOCATION_PATH: Final = 8
URI_PATH: Final = 11
CONTENT_FORMAT: Final = 12
MAX_AGE: Final = 14
URI_QUERY: Final = 15
ACCEPT: Final = 17
LOCATION_QUERY: Final = 20
BLOCK2: Final = 23
BLOCK1: Final = 27
SIZE2: Final = 28
PROXY_URI: Final = 35
PROXY_SCHEME: Final = 39
SIZE1: Final = 60

FORMAT_TEXT: Final = 0
FORMAT_LINK: Final = 40
FORMAT_OPAQUE: Final = 42
FORMAT_CBOR: Final = 60
FORMAT_SENML_JSON: Final = 110
FORMAT_SENML_CBOR: Final = 112
FORMAT_TLV: Final = 11542
FORMAT_LWM2M_JSON: Final = 11543

OPTION_LENGTHS: Final[dict[int, tuple[int, int]]] = {
    IF_MATCH: (0, 8),
    URI_HOST: (1, 255),
    ETAG: (1, 8),
    IF_NONE_MATCH: (0, 0),
    OBSERVE: (0, 3),
    URI_PORT: (0, 2),
    LOCATION_PATH: (0, 255),
    URI_PATH: (0, 255),
    CONTENT_FORMAT: (0, 2),
    MAX_AGE: (0, 4),
    URI_QUERY: (0, 255),
    ACCEPT: (0, 2),
    LOCATION_QUERY: (0, 255),
    BLOCK2: (0, 3),
    BLOCK1: (0, 3),
    SIZE2: (0, 4),
    PROXY_URI: (1, 1034),
    PROXY_SCHEME: (1, 255),
    SIZE1: (0, 4),
}
"""Smallest and largest value length of each option known here (RFC 7252 §5.10, RFC 7641 §2, RFC 7959 §2.1, §4)."""

REPEATABLE: Final = frozenset({IF_MATCH, ETAG, LOCATION_PATH, URI_PATH, URI_QUERY, LOCATION_QUERY})


def is_critical(option: int) -> bool:
    """Whether an endpoint that does not know this option must refuse the message (RFC 7252 §5.4.6)."""
    return bool(option & 1)


def is_request(code: int) -> bool:
    """Whether a code is a method (class 0, not Empty)."""
    return 0 < code < 0x20


def is_response(code: int) -> bool:
    """Whether a code is a response code (classes 2, 4 and 5)."""
    return 0x40 <= code < 0x60 or 0x80 <= code < 0xC0


def is_success(code: int) -> bool:
    """Whether a response code is of class 2."""
    return 0x40 <= code < 0x60


def code_text(code: int) -> str:
    """A code in the notation of RFC 7252 §3, such as ``2.05``."""
    return f"{code >> 5}.{code & 0x1F:02d}"


def code_number(text: str) -> int:
    """The code of a text such as ``2.05``.

    Raises:
        ValueError: the text is not of the form ``c.dd``.
    """
    cls, _, detail = text.partition(".")
    if len(detail) != 2 or not (cls.isdecimal() and detail.isdecimal()):
        msg = f"not a CoAP code: {text!r}"
        raise ValueError(msg)
    return (int(cls) << 5) | int(detail)
