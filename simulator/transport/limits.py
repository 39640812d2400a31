"""Limits of the machine: open files, of which every socket is one."""

from __future__ import annotations

import resource
from typing import Final

RESERVED: Final = 64
"""Open files of a process beside the sockets of its devices."""


def raise_open_files() -> int:
    """Raise the soft limit of open files to the hard one; the limit that holds now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def demand_open_files(sockets: int) -> None:
    """Check that one process may open so many sockets.

    Raises:
        OSError: it may not; the text says what to do.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and sockets + RESERVED > hard:
        processes = -(-sockets // max(hard - RESERVED, 1))
        msg = (
            f"a fleet process would need {sockets} sockets, but may open {hard} files; use --processes {processes} "
            f"or more, or raise the hard limit (ulimit -Hn, as root)"
        )
        raise OSError(msg)
