"""What an origin does wrong, by path: ``/forbidden/good.bin`` is refused, where ``/good.bin`` is given out.

| path | what happens |
| --- | --- |
| ``/forbidden/FILE`` | 4.03 (403) |
| ``/unavailable/FILE`` | 5.03 (503) |
| ``/stalls/PERCENT/FILE`` | nothing more comes from this share of the package on; connections stay open |
| ``/replaced/NAME/FILE`` | at half the package it becomes another representation, with another ETag, for good |

A web server that exchanges a package closes the connection that was giving the old one out. ``NAME`` keeps devices
apart, so that each meets the exchange in the middle of its own download. Pure.
"""

from __future__ import annotations

import hashlib
from typing import Final, NamedTuple

from simulator.coap.codes import FORBIDDEN, SERVICE_UNAVAILABLE

REFUSALS: Final = {"forbidden": FORBIDDEN, "unavailable": SERVICE_UNAVAILABLE}
STALLS: Final = "stalls"
REPLACED: Final = "replaced"
NAMES_MAX: Final = 100_000
"""Exchanges that are remembered; further ones do not take place."""


class Trouble(NamedTuple):
    """What is wrong at a path."""

    name: str
    """``forbidden``, ``unavailable``, ``stalls`` or ``replaced``."""
    file: str
    """Path of the package without what is wrong, with no slash in front."""
    detail: str = ""
    """Percent or name."""

    @property
    def share(self) -> float:
        """Where in the package it happens, from 0 to 1."""
        return int(self.detail) / 100 if self.name == STALLS else 0.5


def trouble_at(path: str) -> Trouble | None:
    """What is wrong at a path; None where there is no such path."""
    name, _, rest = path.strip("/").partition("/")
    if name in REFUSALS:
        return Trouble(name, rest)
    detail, _, file = rest.partition("/")
    if name == REPLACED or (name == STALLS and detail.isascii() and detail.isdecimal() and len(detail) < 4):
        return Trouble(name, file, detail)
    return None


class Exchanges:
    """Which packages were exchanged by now, for whom."""

    def __init__(self) -> None:
        self._done: set[str] = set()

    def took_place(self, trouble: Trouble) -> bool:
        """Whether the new package is there."""
        return trouble.detail in self._done

    def exchange(self, trouble: Trouble) -> None:
        """The new package takes the place of the old one."""
        if len(self._done) < NAMES_MAX:
            self._done.add(trouble.detail)


def other_etag(body: bytes | memoryview, length: int) -> bytes:
    """The ETag of what takes the place of a package."""
    return hashlib.sha256(bytes(body) + b"replaced").digest()[:length]


__all__ = ["REFUSALS", "REPLACED", "STALLS", "Exchanges", "Trouble", "other_etag", "trouble_at"]
