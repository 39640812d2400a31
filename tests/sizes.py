"""How much a slow test does: little as a rule, all of it with LWM2M_FLEET_FULL=1 (``make test-full``)."""

from __future__ import annotations

import os

FULL = os.environ.get("LWM2M_FLEET_FULL") == "1"


def sized(small, full):
    """The size of a slow test."""
    return full if FULL else small
