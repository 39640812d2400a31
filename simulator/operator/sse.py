"""Server-Sent Events as a parser without I/O: bytes in, events out (WHATWG HTML, "Server-sent events", §9.2.6)."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import Final, NamedTuple

EVENT_MAX: Final = 1 << 24
"""Characters of one event; a stream that sends more without ending one is not an event stream."""


class SseError(Exception):
    """The stream cannot be one of events."""


class SseEvent(NamedTuple):
    """One event."""

    event: str
    """Its type; ``message`` where the stream names none."""
    data: str
    """Its data lines, joined by line feeds."""


class SseParser:
    """Takes a stream as it comes, cut anywhere.

    Lines may end in CR LF, LF or CR. Comments and the fields ``id`` and ``retry`` are passed over: whoever reads this
    stream asks the server for what it missed when it connects again.
    """

    def __init__(self, event_max: int = EVENT_MAX) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._event_max = event_max
        self._text = ""
        self._skip_lf = False
        self._event = ""
        self._data: list[str] = []
        self._size = 0

    def feed(self, data: bytes) -> Iterator[SseEvent]:
        """The events that end in ``data``.

        Raises:
            SseError: an event grew beyond the limit.
        """
        for line in self._lines(self._decoder.decode(data)):
            event = self._take(line)
            if event is not None:
                yield event
        if self._size + len(self._text) > self._event_max:
            msg = f"an event of more than {self._event_max} characters"
            raise SseError(msg)

    def _lines(self, text: str) -> Iterator[str]:
        if not text:
            return
        if self._skip_lf and text[0] == "\n":
            text = text[1:]
        # A CR at the end may be half of a CR LF. The line is over either way; an LF that follows is skipped.
        self._skip_lf = text.endswith("\r") if text else False
        *lines, self._text = (self._text + text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
        yield from lines

    def _take(self, line: str) -> SseEvent | None:
        if not line:
            return self._dispatch()
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            self._event = value
        elif field == "data":
            self._data.append(value)
            self._size += len(value) + 1
            if self._size > self._event_max:
                msg = f"an event of more than {self._event_max} characters"
                raise SseError(msg)
        return None

    def _dispatch(self) -> SseEvent | None:
        event = SseEvent(self._event or "message", "\n".join(self._data)) if self._data else None
        self._event, self._data, self._size = "", [], 0
        return event
