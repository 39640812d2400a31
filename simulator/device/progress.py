"""How far a pull has come, as its transports tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from array import array
    from collections.abc import Sequence


class Progress(NamedTuple):
    """How far the present attempt of a transport has come."""

    size: int = -1
    """Of the whole package; -1 where the origin did not tell."""
    received: int = 0
    """Bytes of the package that are there, those of an attempt before included."""
    etag: bytes = b""
    blocks: int = 0
    block_us: array[int] | Sequence[int] = ()
    wire_in: int = 0
    wire_out: int = 0
    retransmissions: int = 0
    duplicates: int = 0
