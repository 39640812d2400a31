"""The versions of Locust that a fleet runs under, checked before anything is started.

A fleet replaces Locust's dispatcher and reads attributes that Locust does not document (``adjusting``, ``dispatcher``).
In another version they may be gone, or mean something else: then devices would move from worker to worker in the middle
of their updates, and the numbers be wrong without a word. So an untested version is refused, and not only warned of.
"""

from __future__ import annotations

import os
from typing import Final

TESTED: Final = ("2.47",)
"""Versions up to the point where fixes begin; the same as in ``pyproject.toml``."""
ANY: Final = "LWM2M_FLEET_ANY_LOCUST"
"""This variable in the environment, with any value, is for who wants to try another version."""


def problem_of(version: str) -> str:
    """Why a version of Locust is not for a fleet, and what to do; empty where it is."""
    if version.startswith(tuple(f"{tested}." for tested in TESTED)) or version in TESTED or os.environ.get(ANY):
        return ""
    tested = ", ".join(f"{tested}.*" for tested in TESTED)
    wanted = " or ".join(f"locust=={tested}.*" for tested in TESTED)
    return (
        f"Locust {version} has not been tested with lwm2m-fleet, which needs {tested}: pip install '{wanted}'. "
        f"To try it nonetheless, set {ANY}=1"
    )
