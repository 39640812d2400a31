"""Block options of RFC 7959 §2.2: number, more flag and size exponent."""

from __future__ import annotations

from typing import Final, NamedTuple

from simulator.coap.message import uint_bytes

SZX_MAX: Final = 6
"""Blocks of 1024 bytes; 7 is reserved over UDP (RFC 7959 §2.2)."""

NUM_MAX: Final = (1 << 20) - 1


class Block(NamedTuple):
    """The value of a Block1 or Block2 option."""

    num: int
    """Index of the block, in units of its own size."""
    more: bool
    szx: int

    @property
    def size(self) -> int:
        """Bytes per block."""
        return 16 << self.szx

    @property
    def start(self) -> int:
        """Offset of the first byte of this block."""
        return self.num << (self.szx + 4)

    def to_bytes(self) -> bytes:
        """The option value, in 0 to 3 bytes."""
        return uint_bytes((self.num << 4) | (8 if self.more else 0) | self.szx)


def read_block(value: bytes) -> Block | None:
    """The block that an option value stands for, or None where the value is not valid over UDP."""
    number = int.from_bytes(value, "big")
    szx = number & 7
    if len(value) > 3 or szx > SZX_MAX:
        return None
    return Block(number >> 4, bool(number & 8), szx)


def szx_for(size: int) -> int:
    """The exponent of a block size in bytes.

    Raises:
        ValueError: the size is not a power of two from 16 to 1024.
    """
    if size not in (16, 32, 64, 128, 256, 512, 1024):
        msg = f"a block size is a power of two from 16 to 1024, not {size}"
        raise ValueError(msg)
    return size.bit_length() - 5
