"""Pull of a large resource, block after block (RFC 7959 §2.4), each block asked for through aiocoap."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, Final

from simulator.coap.block import block_at
from simulator.coap.codes import BLOCK2, CONTENT, GET, SIZE2
from simulator.coap.download import LATENCY_MAX_US
from simulator.coap.exchange import Failure
from simulator.coap.requests import put_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.coap.download import DownloadSink
    from simulator.coap.message import Options
    from simulator.stacks.endpoint import AiocoapEndpoint, Asked

RESTARTS_MAX: Final = 3
"""How often a download begins anew because the resource changed under it."""


class AiocoapDownload:
    """A block-wise GET. Each block is asked for when the one before it is stored, so that a flash may have its say.

    Args:
        options: of the request, in ascending order: path and query.
        sink: takes the bytes.
        szx: size exponent of the blocks to ask for.
        now: the device's time.
        offset: where to go on after an interruption; a multiple of the block size.
        etag: what the resource's ETag was before the interruption; another one, or none, restarts the download.
    """

    __slots__ = (
        "_asked",
        "_endpoint",
        "_now",
        "_options",
        "_restarts",
        "_sent",
        "_sink",
        "_szx",
        "block_us",
        "blocks",
        "done",
        "etag",
        "received",
        "size",
    )

    def __init__(
        self,
        options: Options,
        sink: DownloadSink,
        szx: int,
        now: Callable[[], float],
        *,
        offset: int = 0,
        etag: bytes = b"",
    ) -> None:
        self._options = options
        self._sink = sink
        self._szx = szx
        self._now = now
        self._endpoint: AiocoapEndpoint | None = None
        self._asked: Asked | None = None
        self._sent = 0.0
        self._restarts = 0
        self.received = offset
        self.etag = etag
        self.size = -1
        self.blocks = 0
        self.block_us = array("I")
        """Latency of each block in microseconds, from request to response."""
        self.done = False

    def start(self, endpoint: AiocoapEndpoint, now: float) -> None:  # noqa: ARG002  as the engine's
        """Send the request for the first block."""
        self._endpoint = endpoint
        self._ask()

    def _ask(self) -> None:
        assert self._endpoint is not None
        options = put_option(self._options, BLOCK2, block_at(self.received, False, self._szx).to_bytes())
        if self.received == 0 and self.size < 0:
            options = put_option(options, SIZE2, b"")
        self._sent = self._now()
        self._asked = self._endpoint.ask(GET, options, self._take, self._fail)

    def _take(self, message: Any) -> None:
        if int(message.code) != CONTENT:
            self._end()
            self._sink.failed(None, int(message.code), self._now())
            return
        etag, block = message.opt.etag or b"", message.opt.block2
        if self.size < 0 and message.opt.size2 is not None:
            self.size = message.opt.size2
        if self.received and self.etag and etag != self.etag and (etag or not self.blocks):
            self._begin_anew(etag)
        elif self._is_wrong(block, len(message.payload)):
            self._fail(Failure.PROTOCOL)
        else:
            self.etag = etag or self.etag
            self._store(message.payload, block)

    def _is_wrong(self, block: Any, length: int) -> bool:
        """Whether a block is not the one that was asked for, or not full (RFC 7959 §2.2, §2.4)."""
        if block is None:
            return bool(self.received)
        if block.size_exponent > self._szx or block.start != self.received:
            return True
        wrong: bool = length != block.size if block.more else length > block.size
        return wrong

    def _store(self, payload: bytes, block: Any) -> None:
        now = self._now()
        self.block_us.append(min(int((now - self._sent) * 1e6), LATENCY_MAX_US))
        begins, offset = self.blocks == 0, self.received
        self.blocks += 1
        self.received += len(payload)
        if (begins and not self._sink.begin(self.size, self.etag, offset, now)) or not self._sink.write(payload, now):
            self._end()
        elif self.done:
            return  # the sink itself stopped the download
        elif block is not None and block.more:
            self._szx = block.size_exponent
            self._ask()
        else:
            self._end()
            self._sink.complete(now)

    def _begin_anew(self, etag: bytes) -> None:
        """The resource is another one by now (RFC 7959 §2.4), or nobody knows whether it is still the same."""
        self._restarts += 1
        if self._restarts > RESTARTS_MAX:
            self._fail(Failure.PROTOCOL)
            return
        self.etag = etag
        self.received = self.blocks = 0
        self.size = -1
        del self.block_us[:]
        self._ask()

    def _fail(self, failure: Failure) -> None:
        if not self.done:
            self._end()
            self._sink.failed(failure, 0, self._now())

    def stop(self, endpoint: AiocoapEndpoint, now: float) -> None:  # noqa: ARG002  as the engine's
        """Stop without telling the sink."""
        if not self.done:
            self._end()

    def _end(self) -> None:
        self.done = True
        if self._endpoint is not None and self._asked is not None:
            self._endpoint.drop(self._asked)
        self._endpoint = self._asked = None


__all__ = ["AiocoapDownload"]
