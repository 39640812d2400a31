"""Recognising repeated messages by their Message ID (RFC 7252 §4.5).

What was answered is kept for at least EXCHANGE_LIFETIME in two generations, so that forgetting costs nothing per
message. A generation is also closed when it is full: a peer that keeps to NSTART = 1 repeats only its newest
messages, and a hostile one must not fill the memory.
"""

from __future__ import annotations

from typing import Final

GENERATION_MAX: Final = 256
"""Messages in one generation."""


class SeenMessages:
    """Message IDs received from one peer, each with the datagram that answered it."""

    __slots__ = ("_new", "_old", "_turn_at", "lifetime")

    def __init__(self, lifetime: float) -> None:
        self.lifetime = lifetime
        self._new: dict[int, bytes] | None = None
        self._old: dict[int, bytes] | None = None
        self._turn_at = 0.0

    def get(self, mid: int) -> bytes | None:
        """The answer to a repeated message (empty where it had none), or None for a new one."""
        if self._new is not None:
            answer = self._new.get(mid)
            if answer is not None:
                return answer
        return self._old.get(mid) if self._old is not None else None

    def add(self, mid: int, answer: bytes, now: float) -> None:
        """Remember a message and its answer."""
        if self._new is None or now >= self._turn_at or len(self._new) >= GENERATION_MAX:
            expired = now >= self._turn_at + self.lifetime
            self._old = None if expired else self._new
            self._new = {}
            self._turn_at = now + self.lifetime
        self._new[mid] = answer

    def forget_expired(self, now: float) -> None:
        """Give back the memory of generations that are over; for endpoints that have gone quiet."""
        if now >= self._turn_at + self.lifetime:
            self._new = self._old = None
        elif now >= self._turn_at:
            self._old, self._new = self._new, None
            self._turn_at = now
