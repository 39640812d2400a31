"""Whether this program knows what a record means: by the version of the recorded vocabulary that is told in it."""

from __future__ import annotations

from typing import Final

from simulator import __version__
from simulator.events import SCHEMA_VERSION

IN_PART: Final = b"lwm2m-fleet.schema"
"""Key of the metadata of a part that tells the version."""


def is_version(told: object) -> bool:
    """Whether a JSON value can be a version: a whole number from 1 on."""
    return isinstance(told, int) and not isinstance(told, bool) and told >= 1


def stranger(told: object, place: object, recorder: object = None) -> str:
    """Why a record cannot be read by this program, and what to do; empty where it can be, or tells no version.

    A version is raised when a table or a column changes its meaning, so that the numbers of another one may be read,
    and be wrong.

    Args:
        told: the version that is told.
        place: the file that tells it.
        recorder: the version of the program that recorded it, where that is known.
    """
    if not is_version(told) or told == SCHEMA_VERSION:
        return ""
    newer = isinstance(told, int) and told > SCHEMA_VERSION
    who = f"lwm2m-fleet {recorder}" if isinstance(recorder, str) and recorder else "another version of lwm2m-fleet"
    return (
        f"{place} is of version {told} of the record, and this program (lwm2m-fleet {__version__}) knows version "
        f"{SCHEMA_VERSION} alone; use the program that recorded it ({who}){', or a later one' if newer else ''}"
    )


def of_part(metadata: object) -> int | None:
    """The version that the metadata of a part tell; None where they tell none."""
    text = metadata.get(IN_PART, b"") if isinstance(metadata, dict) else b""
    return int(text) if text.isdigit() and len(text) < 10 else None
