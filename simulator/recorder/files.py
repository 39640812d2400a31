"""Files that are there whole or not at all: written to a temporary name in the same folder, then renamed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

TEMPORARY: Final = ".tmp"
"""Suffix of a file that is still being written. A reader passes over such names."""


def write_whole(path: Path, write: Callable[[Path], object], *, fsync: bool = False) -> None:
    """Have ``write`` write a file of another name, and put that in the place of ``path``.

    Raises:
        Exception: what ``write`` raises; what was at ``path`` before is still there, and nothing is left of the other.
        OSError: the same, of the renaming.
    """
    temporary = path.with_name(path.name + TEMPORARY)
    try:
        write(temporary)
        if fsync:
            _reach_the_disk(temporary)
        temporary.replace(path)
    except Exception:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Mapping[str, object], *, fsync: bool = False) -> None:
    """Put a JSON object in the place of ``path``.

    Raises:
        OSError: it could not be written; what was at ``path`` before is still there.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    # An argument of the command line may hold half a surrogate pair; its escape is the same in JSON.
    data = text.encode("utf-8", "backslashreplace")
    write_whole(path, lambda temporary: temporary.write_bytes(data), fsync=fsync)


def copy_file(source: Path, path: Path) -> None:
    """Put a copy of a file in the place of ``path``.

    Raises:
        OSError: it could not be read or written; what was at ``path`` before is still there.
    """
    write_whole(path, lambda temporary: shutil.copyfile(source, temporary))


def _reach_the_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
