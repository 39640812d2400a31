"""Faults of decision: whoever sits at the device does not want what the server orders."""

from __future__ import annotations

from typing import Final

from simulator.faults.kinds import FaultKind, Made, Scene


def _deferred(scene: Scene) -> Made:
    def defers(severity: int) -> bool:
        scene.struck(f"the user puts an update of Severity {severity} off")
        return True

    return Made(defers=defers)


KINDS: Final = (
    FaultKind(
        "update-deferred",
        "decision",
        "The user puts the update off; Maximum Defer Period, where the server wrote one, ends that.",
        _deferred,
        expected=(2, 11),
    ),
)
