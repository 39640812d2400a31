"""The server side of Block1 (RFC 7959 §2.5): bodies that arrive in blocks, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from simulator.coap.block import Block
from simulator.coap.codes import (
    BAD_REQUEST,
    CONTINUE,
    REQUEST_ENTITY_INCOMPLETE,
    REQUEST_ENTITY_TOO_LARGE,
    SIZE1,
)
from simulator.coap.exchange import Response, Upload
from simulator.coap.message import Message, uint_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

BODY_MAX: Final = 65_536
"""Longest body that is assembled in memory; longer ones are refused with 4.13 unless the handler takes them itself."""


class Assembly:
    """An upload that is kept in memory and handed to the handler as one body."""

    __slots__ = ("_body", "_deliver")

    def __init__(self, deliver: Callable[[Message, float], Response | None]) -> None:
        self._body = bytearray()
        self._deliver = deliver

    def write(self, data: bytes, now: float) -> int:  # noqa: ARG002
        """Keep the bytes, up to BODY_MAX."""
        if len(self._body) + len(data) > BODY_MAX:
            return REQUEST_ENTITY_TOO_LARGE
        self._body += data
        return 0

    def finish(self, request: Message, now: float) -> Response | None:
        """Give the whole body to the handler."""
        request.payload = bytes(self._body)
        return self._deliver(request, now)

    def abandon(self, now: float) -> None:
        """Nothing to undo."""


class UploadState:
    """One body on its way: what it is for, who takes it, and how far it has come."""

    __slots__ = ("due", "first_due", "first_mid", "key", "received", "sink")

    def __init__(self, key: tuple[object, ...], sink: Upload | Assembly, due: float, mid: int) -> None:
        self.key = key
        self.first_mid = mid
        self.first_due = due
        self.sink = sink
        self.received = 0
        self.due = due


class Uploads:
    """The block-wise upload of one peer; a second one to another resource replaces the first.

    RFC 7959 §2.5 lets a server keep a single one; a device has memory for no more.
    """

    __slots__ = ("current",)

    def __init__(self) -> None:
        self.current: UploadState | None = None

    @property
    def due(self) -> float:
        """When the current upload is given up for want of further blocks; 0 without one."""
        return self.current.due if self.current is not None else 0.0

    def drop(self, now: float) -> None:
        """Give the current upload up."""
        state, self.current = self.current, None
        if state is not None:
            state.sink.abandon(now)

    def begin(self, request: Message, key: tuple[object, ...], sink: Upload | Assembly, due: float, now: float) -> None:
        """A new sequence overwrites the old one (RFC 7959 §2.5)."""
        self.drop(now)
        self.current = UploadState(key, sink, due, request.mid)

    def is_late_first(self, request: Message, key: tuple[object, ...], now: float) -> bool:
        """Whether a first block is that of the current upload, come again when ``seen`` had forgotten it.

        Over a stream nothing comes twice, and messages have no Message ID (-1).
        """
        state = self.current
        known = state is not None and state.key == key and state.first_mid == request.mid >= 0
        return known and state is not None and now < state.first_due

    def take(self, request: Message, block: Block, due: float, now: float) -> Response | None:
        """Take one block into the current upload; the answer to send, or None where it comes later."""
        state = self.current
        if state is None:
            return Response(REQUEST_ENTITY_INCOMPLETE)
        length = len(request.payload)
        if not block.fits(length):
            self.drop(now)
            return Response(BAD_REQUEST, b"a block has its size, and only the last may have less")
        if block.start != state.received:
            return self._out_of_order(state, block, length)
        state.due = due
        code = state.sink.write(request.payload, now)
        if code:
            self.current = None
            return too_large(BODY_MAX) if isinstance(state.sink, Assembly) else Response(code)
        state.received += len(request.payload)
        if block.more:
            # Late negotiation (RFC 7959 §2.5): the first answer may ask for smaller blocks.
            return Response(CONTINUE)
        self.current = None
        return state.sink.finish(request, now)

    @staticmethod
    def _out_of_order(state: UploadState, block: Block, length: int) -> Response:
        if block.more and block.start + length == state.received:
            # The block taken last, under a new Message ID: a sender that missed the answer. Answer it again.
            return Response(CONTINUE)
        return Response(REQUEST_ENTITY_INCOMPLETE)


def too_large(limit: int) -> Response:
    """4.13 with the size that would do (RFC 7959 §2.9.3)."""
    return Response(REQUEST_ENTITY_TOO_LARGE, options=[(SIZE1, uint_bytes(limit))])
