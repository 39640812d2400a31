"""Whether another process lives, as far as that can be seen from here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import psutil

BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
"""Tells one boot of one machine from all others."""
PID_NAMESPACE: Final = Path("/proc/self/ns/pid")


def boot_id() -> str:
    """The id of this machine's boot; empty where there is none."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def process_space() -> str:
    """Where a process id means the same process: this boot, and this namespace (a container has its own)."""
    try:
        return f"{boot_id()} {PID_NAMESPACE.readlink()}"
    except OSError:
        return ""


def whereabouts() -> dict[str, Any]:
    """What others have to know of this process to see whether it lives: ``boot``, ``pid`` and ``space``."""
    return {"boot": boot_id(), "pid": os.getpid(), "space": process_space()}


def can_be_seen(pid: int, space: str) -> bool:
    """Whether a process can be seen from here, dead or alive."""
    return bool(pid and space) and space == process_space()


def is_gone(pid: int, space: str) -> bool:
    """Whether a process can be seen from here, and has ended."""
    if not can_be_seen(pid, space):
        return False
    try:
        # Who was killed and has a parent that has not looked yet is still in the table of processes.
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
