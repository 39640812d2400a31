"""What of a package came once more, because an interrupted transfer did not go on where it had stopped.

For the record alone: the device knows nothing of it, and a package that a reboot threw away counts all the same.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Reached(NamedTuple):
    """How far interrupted transfers of a package have come."""

    uri: str = ""
    etag: bytes = b""
    """Empty where the file server gave none."""
    bytes_there: int = 0
    """Bytes from the start that were there once."""


NOTHING_REACHED: Final = Reached()


class Tally:
    """Counts for one transfer, over its attempts.

    Args:
        uri: of the package.
        before: what earlier transfers left.
    """

    __slots__ = ("_before", "_from", "_uri", "refetched")

    def __init__(self, uri: str, before: Reached) -> None:
        self._uri = uri
        self._before = before if before.uri == uri else NOTHING_REACHED
        self._from: int | None = None
        self.refetched = 0
        """Bytes that came once more."""

    def begin(self, offset: int, etag: bytes, written: int) -> None:
        """The first bytes of an attempt are about to come, from ``offset`` on; the one before got to ``written``."""
        self.end(written)
        known = self._before
        if etag and known.etag and etag != known.etag:
            # Another package by the same name: nothing of it has been here yet.
            known = NOTHING_REACHED
        self._before = Reached(self._uri, etag or known.etag, known.bytes_there)
        self._from = offset

    def end(self, written: int) -> Reached:
        """The present attempt is over and got to ``written``, in bytes from the start of the package."""
        known, begun = self._before, self._from
        if begun is not None:
            self.refetched += max(0, min(written, known.bytes_there) - begun)
            self._before = known._replace(bytes_there=max(known.bytes_there, written))
            self._from = None
        return self._before


__all__ = ["NOTHING_REACHED", "Reached", "Tally"]
