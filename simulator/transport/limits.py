"""Limits of the machine: open files, of which every socket is one."""

from __future__ import annotations

import resource
import sys
from contextlib import suppress
from typing import Final

RESERVED: Final = 64
"""Open files of a process beside the sockets of its devices."""


def raise_open_files() -> int:
    """Raise the soft limit of open files to the hard one, as far as the system allows; the limit that holds now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        # Some systems report a hard limit that they do not grant; then the soft one stays.
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    return _number(soft)


def sockets_that_fit() -> int:
    """Sockets that one process may open once ``raise_open_files`` was called."""
    return max(_number(resource.getrlimit(resource.RLIMIT_NOFILE)[1]) - RESERVED, 0)


def demand_open_files(sockets: int) -> None:
    """Check that one process may open so many sockets.

    Raises:
        OSError: it may not; the text says what to do.
    """
    fit = sockets_that_fit()
    if sockets > fit:
        factor = -(-sockets // max(fit, 1))
        msg = (
            f"a fleet process would need {sockets} sockets, but may open {fit}; use {factor} times as many processes "
            f"(--processes) or raise the hard limit of open files (ulimit -Hn, as root)"
        )
        raise OSError(msg)


def _number(limit: int) -> int:
    return sys.maxsize if limit == resource.RLIM_INFINITY else limit
