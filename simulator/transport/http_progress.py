"""How much of a package a download over HTTP has, over however many responses. Pure."""

from __future__ import annotations

from simulator.transport.http_fields import FieldError, is_strong
from simulator.transport.http_judge import Asked, Body


class HttpProgress:
    """The part of a package that is there, and the part that is asked for.

    Args:
        offset: bytes that are there already.
        etag: the entity tag that they came with.

    Raises:
        ValueError: the offset is negative.

    Attributes:
        received: bytes of the package that are there, those before ``offset`` counted.
        size: length of the whole; -1 where the origin does not tell.
        etag: of the present representation, as it stands in the field; empty where there is none.
        blocks: pieces in which the body arrived; HTTP has no blocks of its own.
        restarts: how often a part that was there turned out to be worth nothing.
        fetched_again: bytes that came a second time.
    """

    __slots__ = ("_end", "_highest", "asked", "blocks", "etag", "fetched_again", "received", "restarts", "size")

    def __init__(self, offset: int, etag: bytes) -> None:
        if offset < 0:
            msg = f"a download cannot begin at byte {offset}"
            raise ValueError(msg)
        resumes = bool(offset) and is_strong(etag)
        self.received = offset if resumes else 0
        self.etag = etag if resumes else b""
        self.asked = Asked(self.received, self.etag)
        self.size = -1
        self.blocks = self.restarts = self.fetched_again = 0
        self._highest = offset
        """How far the package was fetched at any time."""
        self._end = -1
        """Offset behind the last byte of the present response; -1 where only its end tells."""

    def begin_body(self, body: Body) -> bool:
        """The bytes of a body are about to come; whether that is news, and not the rest of what has begun.

        Raises:
            FieldError: the rest is one of a package of another length.
        """
        goes_on = bool(body.offset) and self.blocks > 0
        if goes_on and body.size not in (-1, self.size):
            msg = f"the package had {self.size} bytes before, and {body.size} now"
            raise FieldError(msg)
        if self.asked.offset and not body.offset:
            self.restarts += 1
            self.blocks = 0
        if not goes_on:
            self.size = body.size
        self.received = body.offset
        self.etag = body.etag
        self._end = -1 if body.length < 0 else body.offset + body.length
        return not goes_on

    def take(self, length: int) -> None:
        """Bytes came.

        Raises:
            FieldError: more than Content-Range says. Only a chunked body can do that: an exchange minds Content-Length.
        """
        before, after = self.received, self.received + length
        if -1 < self._end < after:
            msg = f"more bytes than the {self._end - self.asked.offset} of the range"
            raise FieldError(msg)
        self.received = after
        self.fetched_again += max(min(after, self._highest) - before, 0)
        self._highest = max(self._highest, after)
        self.blocks += 1

    def end_body(self) -> bool:
        """The body is over; whether the package is whole. Else ``asked`` is what is missing.

        Raises:
            FieldError: less came than Content-Range says.
        """
        if self._end > self.received:
            msg = f"a range of {self._end - self.asked.offset} bytes ends {self._end - self.received} early"
            raise FieldError(msg)
        if self.size <= self.received:
            return True
        # An origin may give less than was asked for (RFC 9110 §15.3.7).
        self.asked = Asked(self.received, self.etag)
        return False

    def forget(self) -> None:
        """What is there is worth nothing: ask for the whole."""
        self.restarts += 1
        self.blocks = self.received = 0
        self.size = -1
        self.etag = b""
        self.asked = Asked()
