"""Block options of RFC 7959 §2.2: number, more flag and size exponent; BERT of RFC 8323 §6."""

from __future__ import annotations

from typing import Final, NamedTuple

from simulator.coap.message import uint_bytes

SZX_MAX: Final = 6
"""Blocks of 1024 bytes; 7 is reserved over UDP (RFC 7959 §2.2)."""

SZX_BERT: Final = 7
"""Over TCP: numbers count blocks of 1024 bytes, and a message may carry several of them (RFC 8323 §6)."""

NUM_MAX: Final = (1 << 20) - 1


class Fit(NamedTuple):
    """What a message to the peer may carry of a body."""

    szx: int
    """Size exponent of the blocks, if the body goes in blocks."""
    size: int
    """Payload bytes of each message but the last, if it goes in blocks."""
    whole: int
    """The longest body that goes in one message without a Block option."""


def unit_shift(szx: int) -> int:
    """How far a block number is shifted to be an offset: 4 to 10 bits."""
    return 10 if szx == SZX_BERT else szx + 4


DATAGRAM_FITS: Final = tuple(Fit(szx, 16 << szx, 16 << szx) for szx in range(SZX_MAX + 1))
"""By size exponent: a datagram carries one block, with or without a Block option."""


class Block(NamedTuple):
    """The value of a Block1 or Block2 option."""

    num: int
    """Index of the block, in units of its own size."""
    more: bool
    szx: int

    @property
    def size(self) -> int:
        """Bytes per block; of a BERT block, bytes per unit of its number."""
        return 1 << unit_shift(self.szx)

    @property
    def start(self) -> int:
        """Offset of the first byte of this block."""
        return self.num << unit_shift(self.szx)

    def fits(self, length: int) -> bool:
        """Whether a payload has a length that this block may have (RFC 7959 §2.2, RFC 8323 §6)."""
        if self.szx == SZX_BERT:
            return not self.more or (length > 0 and length % 1024 == 0)
        return length == self.size if self.more else length <= self.size

    def to_bytes(self) -> bytes:
        """The option value, in 0 to 3 bytes."""
        return uint_bytes((self.num << 4) | (8 if self.more else 0) | self.szx)


def block_at(offset: int, more: bool, szx: int) -> Block:
    """The block that begins at an offset, which is a multiple of its unit."""
    return Block(offset >> unit_shift(szx), more, szx)


def read_block(value: bytes, szx_largest: int = SZX_MAX) -> Block | None:
    """The block that an option value stands for, or None where the value is not valid: over UDP by default."""
    number = int.from_bytes(value, "big")
    szx = number & 7
    if len(value) > 3 or szx > szx_largest:
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
