"""Where built and fetched files are kept, and how several processes share them."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def cache_directory() -> Path:
    """The cache directory of this project (XDG Base Directory Specification), made where it is missing.

    Raises:
        OSError: it cannot be made.
    """
    base = os.environ.get("XDG_CACHE_HOME") or ""
    # The specification says that a path which is not absolute is to be ignored.
    root = Path(base) if base.startswith("/") else Path.home() / ".cache"
    directory = root / "lwm2m-fleet"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


@contextmanager
def only_one(lock_file: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Let one process at a time in; ``waiting`` is called where another one is inside.

    The lock ends with the process that holds it, however that ends.

    Raises:
        OSError: the lock file cannot be made.
    """
    with lock_file.open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
