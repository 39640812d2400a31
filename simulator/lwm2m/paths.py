"""Paths of the data model: ``/object/instance/resource/resource instance`` as tuples of numbers.

Source: TS 1.1 Core, §7.1. The id 65535 (MAX_ID) is reserved and stands for no instance.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

Path = tuple[int, ...]
"""No number is the root, one an object, then instance, resource and resource instance."""

ROOT: Final[Path] = ()
MAX_ID: Final = 65535
DEPTH_MAX: Final = 4


class PathError(ValueError):
    """A path has more than four segments, or one that is not a decimal number from 0 to 65534."""


def path_of(segments: Iterable[str]) -> Path:
    """The path of Uri-Path segments.

    Raises:
        PathError: see there. An id with a leading zero is refused too, so that a path has one spelling.
    """
    return _path_of(tuple(segments))


@lru_cache(maxsize=1024)
def _path_of(segments: tuple[str, ...]) -> Path:
    """The same; a server asks all devices for the same few paths."""
    path = tuple([_number(segment) for segment in segments])
    if len(path) > DEPTH_MAX:
        msg = f"/{'/'.join(map(str, path[:6]))} has more than four segments"
        raise PathError(msg)
    return path


def _number(segment: str) -> int:
    if len(segment) <= 5 and segment.isascii() and segment.isdigit() and (segment[0] != "0" or segment == "0"):
        number = int(segment)
        if number < MAX_ID:
            return number
    msg = f"{segment[:40]!r} is not an id from 0 to {MAX_ID - 1}"
    raise PathError(msg)


def parse_path(text: str) -> Path:
    """The path of a text such as ``/5/0/3``; ``/`` is the root.

    Raises:
        PathError: see there; also where the leading slash is missing.
    """
    if not text.startswith("/"):
        msg = f"the path {text[:40]!r} does not begin with a slash"
        raise PathError(msg)
    return ROOT if text == "/" else path_of(text[1:].split("/"))


def format_path(path: Path) -> str:
    """The text of a path, such as ``/5/0/3``; ``/`` for the root."""
    return "/" + "/".join(map(str, path))


def is_under(path: Path, base: Path) -> bool:
    """Whether a path is ``base`` or something inside it."""
    return path[: len(base)] == base


def overlaps(a: Path, b: Path) -> bool:
    """Whether one of two paths is inside the other, or both are the same."""
    shared = min(len(a), len(b))
    return a[:shared] == b[:shared]
