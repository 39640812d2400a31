"""What a bad embedded server does to its messages: loses them, numbers blocks wrongly, does not read a hint."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from simulator.coap.codes import BAD_REQUEST, BLOCK1, PUT, REQUEST_ENTITY_INCOMPLETE, REQUEST_ENTITY_TOO_LARGE
from simulator.coap.message import Message, MessageFormatError, decode, uint_bytes
from simulator.coap.requests import put_option
from simulator.servers.wire import OUT

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.servers.embedded.defects import Chaos

PACKAGE_PATH: Final = ("5", "0", "0")
SKIPPED_AT: Final = 4
"""The block of a push from which on numbers are wrong by one."""


class Meddling:
    """The messages of one server.

    Args:
        chaos: what it does wrong.
        who: the device at an address, which meets the chaos; empty for any other.
        act: told of a device, an act and its details; of what goes on, once for each device.
    """

    def __init__(
        self, chaos: Chaos, who: Callable[[tuple[str, int]], str], act: Callable[[str, str, str], None]
    ) -> None:
        self._chaos = chaos
        self._who = who
        self._act = act
        self._dice = random.Random(f"{chaos.seed} wire")
        self._told: set[tuple[str, str]] = set()

    def passes(self, data: bytes, peer: tuple[str, int], way: str) -> bytes:
        """A message as it goes on; nothing where it is lost."""
        endpoint = self._who(peer)
        if not endpoint:
            return data
        if self._dice.random() < self._chaos.drops:
            self._tell(endpoint, "drops", f"a datagram of {len(data)} bytes, {way}, is lost")
            return b""
        if way == OUT:
            return self._numbered(data, endpoint) if self._chaos.skips_block and data[1:2] == PUT_CODE else data
        if self._chaos.ignores_413 and data[1:2] == TOO_LARGE:
            return self._without_hint(data, endpoint)
        if self._chaos.ignores_408 and data[1:2] == INCOMPLETE:
            return self._as_the_end(data, endpoint)
        return data

    def _numbered(self, data: bytes, endpoint: str) -> bytes:
        message = decode(data)
        block = message.uint(BLOCK1)
        if message.path != PACKAGE_PATH or block < 0 or block >> 4 < SKIPPED_AT:
            return data
        self._tell(endpoint, "skips_block", f"block {block >> 4} of a push is sent as block {(block >> 4) + 1}")
        return _with_block(message, block + 16)

    def _without_hint(self, data: bytes, endpoint: str) -> bytes:
        message, block = _refused_block(data)
        if message is None:
            return data
        self._tell(endpoint, "ignores_413", f"a 4.13 that asks for blocks of {16 << (block & 7)} bytes is the end")
        message.options = [(number, value) for number, value in message.options if number != BLOCK1]
        return message.encode()

    def _as_the_end(self, data: bytes, endpoint: str) -> bytes:
        """A 4.08 that the engine, which begins anew after one, is given as an error that is nothing but one."""
        message, block = _refused_block(data)
        if message is None:
            return data
        self._tell(endpoint, "ignores_408", f"a 4.08 to block {block >> 4} of a push is the end")
        message.code = BAD_REQUEST
        return message.encode()

    def _tell(self, endpoint: str, name: str, detail: str) -> None:
        if (endpoint, name) not in self._told:
            self._told.add((endpoint, name))
            self._act(endpoint, name, detail)


def _with_block(message: Message, block: int) -> bytes:
    message.options = put_option(message.options, BLOCK1, uint_bytes(block))
    return message.encode()


def _refused_block(data: bytes) -> tuple[Message | None, int]:
    """The answer to a block and the value of its Block1; none where it is no answer to one."""
    try:
        message = decode(data)
    except MessageFormatError:
        return None, -1
    block = message.uint(BLOCK1)
    return (message, block) if block >= 0 else (None, -1)


PUT_CODE: Final = bytes((PUT,))
INCOMPLETE: Final = bytes((REQUEST_ENTITY_INCOMPLETE,))
TOO_LARGE: Final = bytes((REQUEST_ENTITY_TOO_LARGE,))

__all__ = ["Meddling"]
