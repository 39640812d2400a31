"""Habits of clients around the Firmware Update object that no row of a table can tell."""

from __future__ import annotations

from enum import Enum
from typing import Final

MERGED_PMIN_S: Final = 2
"""The least time between two notifications by a device that merges changes, in seconds; a short download takes less."""


class UriHabit(Enum):
    """What Package URI (/5/0/1) shows when it is read."""

    CLEARED_BY_EMPTY_WRITE = "cleared_by_empty_write"
    """The last one that was accepted, until an empty one is written (OMA, Anjay)."""
    LAST_WRITTEN = "last_written"
    """The last one written, even where the Write was refused or ignored (Zephyr)."""
    CLEARED_AFTER_DOWNLOAD = "cleared_after_download"
    """Nothing, as soon as the transfer is over; a reading of the texts that servers meet."""


class Notified(Enum):
    """Which changes of State (/5/0/3) and Update Result (/5/0/5) an observer is told."""

    EVERY_CHANGE = "every_change"
    MERGED = "merged"
    """Those that are at least ``MERGED_PMIN_S`` apart; one that the server sets for a path goes over it."""
    RESTING_STATES = "resting_states"
    """State where it is 0 or 2, in which a device waits for somebody, and Update Result."""
