"""Faults of decision: whoever sits at the device, or the device itself, does not want now what the server orders."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from simulator.faults.kinds import FaultKind, Made, Parameter, Scene

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulator.faults.kinds import Power

DEFERRED: Final = (2, 11)


class Deferring:
    """Puts every update off, until it agrees.

    Args:
        why: what is said of it, with a place for the Severity.
        scene: what it is made for.
    """

    def __init__(self, why: str, scene: Scene) -> None:
        self._why = why
        self._scene = scene
        self._lasts: float | None = scene.parameters.get("lasts")
        self._device: Power | None = None
        self._waits = False

    def on_state(self, device: Power, state: str) -> None:  # noqa: ARG002  any change shows the device
        """State (/5/0/3) has changed."""
        self._device = device

    def defers(self, severity: int) -> bool:
        """Whether an update of this Severity (/5/0/11) has to wait."""
        self._scene.struck(self._why.format(severity))
        if self._lasts is not None and not self._waits:
            self._waits = True
            asyncio.get_running_loop().call_later(self._lasts, self._agree)
        return True

    def _agree(self) -> None:
        self._waits = False
        if self._device is not None and self._device.deferral.agree():
            self._scene.over("the update may go on")


def _deferred(scene: Scene) -> Made:
    user = Deferring("the user puts an update of Severity {} off", scene)
    return Made(defers=user.defers, on_state=user.on_state)


def _battery(scene: Scene) -> Made:
    battery = Deferring("the battery is too low for an update of Severity {}", scene)
    return Made(defers=battery.defers, on_state=battery.on_state)


def _end(scheme: str, retries: int, parameters: Mapping[str, Any]) -> tuple[int, int] | None:  # noqa: ARG001
    return None if "lasts" in parameters else DEFERRED


KINDS: Final = (
    FaultKind(
        "update-deferred",
        "decision",
        "The user puts the update off; Maximum Defer Period, where the server wrote one, ends that.",
        _deferred,
        expected=DEFERRED,
        ends=_end,
        parameters={"lasts": Parameter("duration", "Until the user agrees; never where it is not set.")},
    ),
    FaultKind(
        "battery-low",
        "decision",
        "The battery is too low to install; the device puts the update off until it is charged.",
        _battery,
        expected=DEFERRED,
        ends=_end,
        parameters={"lasts": Parameter("duration", "Until it is charged; never where it is not set.")},
    ),
)
