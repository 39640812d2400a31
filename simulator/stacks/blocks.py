"""Blocks on the server side that aiocoap leaves to its user: cut responses, and bodies that are taken as they come."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from simulator.coap.block import Block, block_at
from simulator.coap.codes import BAD_REQUEST, BLOCK1, BLOCK2, CONTINUE, REQUEST_ENTITY_TOO_LARGE, SIZE2
from simulator.coap.exchange import Response
from simulator.coap.message import uint_bytes
from simulator.coap.representation import request_key
from simulator.coap.requests import put_option
from simulator.coap.uploads import Uploads

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.coap.exchange import Upload
    from simulator.coap.message import Message, Options

BLOCK_SZX_MAX = 6


def asked_block(option: Any) -> Block | None:
    """The value of a Block option that aiocoap has read."""
    return None if option is None else Block(option.block_number, option.more, option.size_exponent)


def cut(payload: bytes, options: Options, asked: Block | None, szx: int) -> tuple[Options, bytes] | None:
    """Options and payload of the one block of a representation that was asked for; None where there is no such block.

    Args:
        asked: the request's Block2.
        szx: the largest size exponent of this side.
    """
    start = asked.start if asked is not None else 0
    szx = min(szx, asked.szx) if asked is not None else szx
    end = start + (16 << szx)
    if start >= len(payload) and start:
        return None
    if asked is None and end >= len(payload):
        return options, payload
    options = put_option(options, BLOCK2, block_at(start, end < len(payload), szx).to_bytes())
    if start == 0:
        options = put_option(options, SIZE2, uint_bytes(len(payload)))
    return options, payload[start:end]


class StreamedUploads:
    """The body of a request (Block1) that is handed on block by block; aiocoap itself would collect all of it.

    Args:
        szx: the largest size exponent of this side.
        lifetime: seconds after which an upload without further blocks is given up.
        now: the device's time.
    """

    __slots__ = ("_lifetime", "_now", "_szx", "_timer", "_uploads")

    def __init__(self, szx: int, lifetime: float, now: Callable[[], float]) -> None:
        self._szx = szx
        self._lifetime = lifetime
        self._now = now
        self._uploads = Uploads()
        self._timer: asyncio.TimerHandle | None = None

    def take(
        self, request: Message, block: Block, open_upload: Callable[[Message, float], Upload | Response | None]
    ) -> Response | None:
        """Take one block; the answer, or None where the body is not one for ``open_upload``."""
        if block.szx > BLOCK_SZX_MAX:
            return Response(BAD_REQUEST, b"size exponent 7 is for reliable transports")
        now, uploads, key = self._now(), self._uploads, request_key(request)
        due = now + self._lifetime
        if block.num == 0 and not uploads.is_late_first(request, key, now):
            uploads.drop(now)
            sink = open_upload(request, now)
            if not isinstance(sink, Response) and sink is not None:
                uploads.begin(request, key, sink, due, now)
                self._watch()
                response = uploads.take(request, block, due, now)
            else:
                response = sink
        elif block.num == 0:
            response = Response(CONTINUE)
        elif uploads.current is not None and uploads.current.key == key:
            response = uploads.take(request, block, due, now)
        else:
            return None
        if response is not None:
            response.options = put_option(response.options, BLOCK1, self._answer(block, response.code))
        return response

    def _answer(self, block: Block, code: int) -> bytes:
        """The Block1 option of an answer; the first one may ask for smaller blocks (RFC 7959 §2.5)."""
        szx = block.szx
        if block.num == 0 and code in (CONTINUE, REQUEST_ENTITY_TOO_LARGE):
            szx = min(szx, self._szx)
        return Block(block.num, block.more and code == CONTINUE, szx).to_bytes()

    def _watch(self) -> None:
        if self._timer is None and self._uploads.current is not None:
            delay = max(0.0, self._uploads.due - self._now())
            self._timer = asyncio.get_running_loop().call_later(delay, self._look)

    def _look(self) -> None:
        self._timer = None
        now = self._now()
        if self._uploads.current is not None and self._uploads.due <= now:
            self._uploads.drop(now)
        self._watch()

    def close(self, now: float) -> None:
        """Give up what is on its way."""
        self._uploads.drop(now)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


__all__ = ["StreamedUploads", "asked_block", "cut"]
