"""Faults of the image: the operator hands out a package with something wrong, and the device is sound."""

from __future__ import annotations

from typing import Final

from simulator.faults.kinds import FaultKind, Made, Scene
from simulator.firmware.variants import OLDER_VERSION


def _nothing(scene: Scene) -> Made:
    """The device finds out by itself."""
    del scene
    return Made()


def _kind(name: str, order: str, summary: str, expected: tuple[int, int]) -> FaultKind:
    return FaultKind(name, "order", summary, _nothing, expected=expected, order=order)


CORRUPT: Final = (0, 5)

KINDS: Final = (
    _kind("image-truncated", "truncated", "The last quarter of the package is missing where it is served.", CORRUPT),
    _kind("image-wrong-digest", "wrong-digest", "The header has the SHA-256 of another payload.", CORRUPT),
    _kind("image-wrong-size", "wrong-size", "The header promises a byte more than there is.", CORRUPT),
    _kind("image-trailing", "trailing", "There are 64 bytes of garbage behind the package.", CORRUPT),
    FaultKind(
        "image-older",
        "order",
        "A sound package of version 0.0.0; the device installs it, and Firmware Version (/3/0/3) tells.",
        _nothing,
        expected=(0, 1),
        order="older",
        version=lambda _parameters, _before: OLDER_VERSION,
    ),
)
