"""Packages with something wrong, each made of a good one: what a build, a mirror or a person can get wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from simulator.firmware.image import HEADER_SIZE, build, parse_header

OLDER_VERSION: Final = "0.0.0"
"""Older than whatever a device runs."""
GARBAGE: Final = 64
"""Bytes behind the end of a package that are none of it."""


def truncated(package: bytes) -> bytes:
    """The last quarter of the payload is missing; the header knows nothing of it."""
    return package[: len(package) - max(1, (len(package) - HEADER_SIZE) // 4)]


def wrong_digest(package: bytes) -> bytes:
    """The header has the SHA-256 of another payload."""
    header = parse_header(package)
    return replace(header, payload_sha256=sha256(header.payload_sha256).digest()).to_bytes() + package[HEADER_SIZE:]


def wrong_size(package: bytes) -> bytes:
    """The header promises a byte more than there is."""
    header = parse_header(package)
    return replace(header, payload_length=header.payload_length + 1).to_bytes() + package[HEADER_SIZE:]


def trailing(package: bytes) -> bytes:
    """There is garbage behind the end."""
    return package + bytes(GARBAGE)


def older(package: bytes) -> bytes:
    """A sound package of an older version."""
    return build(parse_header(package).model, OLDER_VERSION, package[HEADER_SIZE:])


VARIANTS: Final[Mapping[str, Callable[[bytes], bytes]]] = MappingProxyType(
    {
        "truncated": truncated,
        "wrong-digest": wrong_digest,
        "wrong-size": wrong_size,
        "trailing": trailing,
        "older": older,
    }
)
"""By name; each takes a good package."""
