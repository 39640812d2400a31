"""Files that are there whole or not at all: written to a temporary name in the same folder, then renamed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet

write_table: Any = pyarrow.parquet.write_table

TEMPORARY: Final = ".tmp"
"""Suffix of a file that is still being written. A reader passes over such names."""


def write_json(path: Path, value: Mapping[str, object], *, fsync: bool = False) -> None:
    """Put a JSON object in the place of ``path``.

    Raises:
        OSError: it could not be written; what was at ``path`` before is still there.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    temporary = path.with_name(path.name + TEMPORARY)
    try:
        # An argument of the command line may hold half a surrogate pair; its escape is the same in JSON.
        temporary.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
        _rename(temporary, path, fsync=fsync)
    except Exception:
        _discard(temporary)
        raise


def write_part(path: Path, table: Any, dictionary: list[str], *, fsync: bool = False) -> None:
    """Write one ``pyarrow.Table`` as a Parquet file.

    Raises:
        OSError: it could not be written; nothing is left of it.
    """
    temporary = path.with_name(path.name + TEMPORARY)
    try:
        write_table(
            table,
            temporary,
            compression="zstd",
            compression_level=1,
            use_dictionary=dictionary,
            write_page_checksum=True,
        )
        _rename(temporary, path, fsync=fsync)
    except Exception:
        _discard(temporary)
        raise


def copy_file(source: Path, path: Path) -> None:
    """Put a copy of a file in the place of ``path``.

    Raises:
        OSError: it could not be read or written; what was at ``path`` before is still there.
    """
    temporary = path.with_name(path.name + TEMPORARY)
    try:
        shutil.copyfile(source, temporary)
        temporary.replace(path)
    except OSError:
        _discard(temporary)
        raise


def _discard(temporary: Path) -> None:
    with contextlib.suppress(OSError):
        temporary.unlink(missing_ok=True)


def _rename(temporary: Path, path: Path, *, fsync: bool) -> None:
    if fsync:
        descriptor = os.open(temporary, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    temporary.replace(path)
