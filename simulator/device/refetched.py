"""What of a package came once more, because an interrupted transfer did not go on where it had stopped.

For the record alone: the device knows nothing of it, and a package that a reboot threw away counts all the same. So
does one that was exchanged meanwhile: some servers give another ETag with each answer, so that it tells nothing here.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Reached(NamedTuple):
    """How far interrupted transfers of a package have come."""

    uri: str = ""
    size: int = 0
    """Bytes from the start that were there once."""


NOTHING_REACHED: Final = Reached()


class Tally:
    """Counts for one transfer, over its attempts.

    Args:
        uri: of the package.
        before: what earlier transfers left.
        offset: where it goes on.
    """

    __slots__ = ("_begun", "_reached", "had", "refetched")

    def __init__(self, uri: str, before: Reached, offset: int) -> None:
        self._reached = before if before.uri == uri else Reached(uri)
        self._begun: int | None = None
        self.had = offset
        """Bytes that were there before, and that this transfer did not bring."""
        self.refetched = 0
        """Bytes that came once more."""

    def begin(self, offset: int, written: int) -> None:
        """The first bytes of an attempt are about to come, from ``offset`` on; the one before got to ``written``."""
        self.end(written)
        self._begun = offset
        self.had = min(self.had, offset)

    def end(self, written: int) -> Reached:
        """The present attempt is over and got to ``written``, in bytes from the start of the package."""
        reached, begun = self._reached, self._begun
        if begun is not None:
            self.refetched += max(0, min(written, reached.size) - begun)
            self._reached = reached = Reached(reached.uri, max(written, reached.size))
            self._begun = None
        return reached


__all__ = ["NOTHING_REACHED", "Reached", "Tally"]
