"""Files that a worker on another machine recorded, on their way into the run directory.

They come in pieces over Locust's connection, or in a copy of the worker's directory. Either way a file is put into its
place whole, and what is there already is never replaced by something else: a file that was cut grows to its end.
"""

from __future__ import annotations

import json
import re
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from simulator.recorder.files import TEMPORARY, copy_file

if TYPE_CHECKING:
    from collections.abc import Iterator

SENT: Final = ("parts", "logs")
"""Directories whose files are sent."""
IDENTITY: Final = "spool.json"
"""In a worker's directory: whose it is (``process``), and of which run (``run``, ``t0``)."""
CHUNK: Final = 256 * 1024
"""Bytes that are sent or compared at a time."""
CLOSED: Final = ".closed.json"
"""What the name of a closing note ends in, after that of its process."""
_PART: Final = re.compile(r"(?P<process>.+)-\d{6,}\.parquet")
_SENT_FILE: Final = re.compile(r"(?:parts(?:/[a-z_]+)?|logs)/[A-Za-z0-9_-][A-Za-z0-9_.-]*", re.ASCII)


class Fit(Enum):
    """How a file relates to the one that is in its place."""

    NEW = "nothing is there"
    SAME = "it is there"
    REST = "the first part of it is there"
    LESS = "it is the first part of what is there"
    OTHER = "something else is there"


def is_sent(name: str) -> bool:
    """Whether a worker has a file of this name, relative to its directory, for the run directory."""
    return _SENT_FILE.fullmatch(name) is not None and not name.endswith(TEMPORARY)


def files_of(directory: Path) -> Iterator[str]:
    """The names of all files of a worker that belong into the run directory, in order; links are passed over."""
    for kind in SENT:
        for path in sorted((directory / kind).rglob("*")):
            name = path.relative_to(directory).as_posix()
            if is_sent(name) and path.is_file() and not path.is_symlink():
                yield name


def fit_of(ours: Path, there: Path) -> Fit:
    """How the file ``ours`` relates to what is at ``there``.

    Raises:
        OSError: one of them cannot be read.
    """
    if not there.exists():
        return Fit.NEW
    own, other = ours.stat().st_size, there.stat().st_size
    if not _begin_alike(ours, there, min(own, other)):
        return Fit.OTHER
    if own == other:
        return Fit.SAME
    return Fit.REST if own > other else Fit.LESS


def put(ours: Path, there: Path) -> Fit:
    """Put a copy of ``ours`` where nothing is yet, or only its first part; how it was before.

    Raises:
        OSError: one of them cannot be read or written.
    """
    fit = fit_of(ours, there)
    if fit in (Fit.NEW, Fit.REST):
        there.parent.mkdir(parents=True, exist_ok=True)
        copy_file(ours, there)
    return fit


def processes_of(directory: Path) -> set[str]:
    """The processes of which a directory has parts or a closing note."""
    parts = {match["process"] for path in (directory / "parts").glob("*/*") if (match := _PART.fullmatch(path.name))}
    return parts | {path.name.removesuffix(CLOSED) for path in (directory / "parts").glob("*" + CLOSED)}


def gap_of(directory: Path, process: str) -> str:
    """What is missing of the record of a process, in words; empty where all is here that its closing note tells of."""
    try:
        tables = json.loads((directory / "parts" / (process + CLOSED)).read_bytes())["tables"]
        wanted = {str(table): int(written["parts"]) for table, written in tables.items()}
    except FileNotFoundError:
        return "it has no closing note: it was killed, or was still running when its directory was copied"
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "its closing note cannot be read"
    for table, parts in wanted.items():
        found = [path.name for path in (directory / "parts" / table).glob(f"{process}-*.parquet")]
        here = sum(match["process"] == process for name in found if (match := _PART.fullmatch(name)))
        if here < parts:
            return f"{here} of {parts} parts of its table {table} are here"
    return ""


def _begin_alike(one: Path, other: Path, size: int) -> bool:
    with one.open("rb") as first, other.open("rb") as second:
        for at in range(0, size, CHUNK):
            piece = min(CHUNK, size - at)
            if first.read(piece) != second.read(piece):
                return False
    return True
