"""Recognising repeated messages by their Message ID (RFC 7252 §4.5).

What was answered is kept for EXCHANGE_LIFETIME and not longer, for then the peer may use its Message ID again. Only the
newest messages are kept, in two generations so that forgetting costs nothing per message: a peer that keeps to a small
NSTART repeats nothing older, and neither a long upload nor a hostile peer may fill the memory.
"""

from __future__ import annotations

from typing import Final

GENERATION_MAX: Final = 64
"""Messages in one generation: at least so many, and at most twice as many, of the newest are recognised."""


class SeenMessages:
    """Message IDs received from one peer, each with the datagram that answered it.

    Args:
        lifetime: how long a message is recognised, in seconds.
    """

    __slots__ = ("_new", "_old", "lifetime")

    def __init__(self, lifetime: float) -> None:
        self.lifetime = lifetime
        self._new: dict[int, tuple[float, bytes]] | None = None
        self._old: dict[int, tuple[float, bytes]] | None = None

    def __len__(self) -> int:
        """Messages kept, some of them perhaps past their lifetime."""
        return len(self._new or ()) + len(self._old or ())

    def get(self, mid: int, now: float) -> bytes | None:
        """The answer to a repeated message (empty where it had none), or None for a new one."""
        if self._new is None:
            return None
        found = self._new.get(mid)
        if found is None and self._old is not None:
            found = self._old.get(mid)
        return found[1] if found is not None and now < found[0] + self.lifetime else None

    def add(self, mid: int, answer: bytes, now: float) -> None:
        """Remember a message and its answer."""
        if self._new is None:
            self._new = {}
        elif len(self._new) >= GENERATION_MAX:
            self._old, self._new = self._new, {}
        self._new[mid] = (now, answer)

    def forget_expired(self, now: float) -> None:
        """Give the memory back when all is past its lifetime; for endpoints that have gone quiet."""
        if self._new:
            newest = next(reversed(self._new.values()))
            if now >= newest[0] + self.lifetime:
                self._new = self._old = None
