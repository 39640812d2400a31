"""What a peer takes over TCP (RFC 8323 §5.3), and what follows for bodies: whole, several blocks at once, or blocks."""

from __future__ import annotations

from typing import Final, NamedTuple

from simulator.coap.block import SZX_BERT, SZX_MAX, Fit
from simulator.coap.message import Options
from simulator.coap.tcp import HEADER_MAX, MESSAGE_SIZE_BASE

ADDED_OPTIONS: Final = 32
"""Bytes of the options that are put to those of a message last: blocks, sizes, Observe."""
_FRAME: Final = HEADER_MAX + ADDED_OPTIONS + 1
"""Bytes of a message that are no payload and none of the options known beforehand, at most."""


class Capabilities(NamedTuple):
    """What one side takes, by the Capabilities and Settings Messages that it sent; before them the base values."""

    max_message_size: int = MESSAGE_SIZE_BASE
    """Bytes of the longest message."""
    block_wise: bool = False
    """Whether it said that it knows block-wise transfer."""

    @property
    def bert(self) -> bool:
        """Whether a message may carry several blocks of 1024 bytes (RFC 8323 §5.3.2, §6)."""
        return self.block_wise and self.max_message_size > MESSAGE_SIZE_BASE

    def fit(self, szx: int, options: Options) -> Fit:
        """What a message with these options may carry of a body, where blocks are to have ``szx`` at most.

        With 7 a body goes whole if it fits; with less, blocks of that size are wanted, and nothing longer goes whole.
        """
        room = self.max_message_size - _FRAME - 5 * len(options)
        for _, value in options:
            room -= len(value)
        if szx == SZX_BERT and room >= 1024 and self.bert:
            return Fit(SZX_BERT, room & ~1023, room)
        smaller = largest_szx(min(szx, SZX_MAX), room)
        size = 16 << smaller
        return Fit(smaller, size, max(room, size) if szx == SZX_BERT else size)

    def szx_to_ask(self, own_size: int, szx: int, offset: int) -> int:
        """The size exponent with which a Block2 request at an offset may ask this peer for ``szx``.

        BERT only of one that knows it, by a side that takes messages above the base size (``own_size``). At the start
        no block need be asked for.
        """
        if szx < SZX_BERT or offset == 0 or (self.bert and own_size > MESSAGE_SIZE_BASE):
            return szx
        return largest_szx(SZX_MAX, own_size - _FRAME)


def largest_szx(szx: int, room: int) -> int:
    """The largest size exponent up to ``szx`` of which a block fits; 0 where none does."""
    while szx > 0 and 16 << szx > room:
        szx -= 1
    return szx


__all__ = ["ADDED_OPTIONS", "Capabilities", "largest_szx"]
