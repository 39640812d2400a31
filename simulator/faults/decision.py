"""Faults of decision: whoever sits at the device, or the device itself, does not want now what the server orders."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from simulator.faults.kinds import FaultKind, Made, Parameter, Scene
from simulator.faults.triggers import BYTES, SHARE, STATE, Place, When
from simulator.faults.wrapped_flash import CountingFlash

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulator.faults.seams import Power
    from simulator.ports import Flash

DEFERRED: Final = (2, 11)
CANCELLED: Final = (0, 10)
AGREE: Final = "agree"
CANCEL: Final = "cancel"


class Deferring:
    """Puts every update off, until somebody makes up his mind.

    Args:
        why: what is said of it, with a place for the Severity.
        scene: what it is made for.
    """

    def __init__(self, why: str, scene: Scene) -> None:
        self._why = why
        self._scene = scene
        self._lasts: float | None = scene.parameters.get("lasts")
        self._cancels = scene.parameters.get("then") == CANCEL
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
            asyncio.get_running_loop().call_later(self._lasts, self._decide)
        return True

    def _decide(self) -> None:
        self._waits = False
        if self._device is None:
            return
        if self._cancels:
            if self._device.deferral.call_off():
                self._scene.over("the user calls the update off")
        elif self._device.deferral.agree():
            self._scene.over("the update may go on")


class Cancelling:
    """Calls every update off by hand, at a place in its download or in a State: the operator did not ask for it.

    Args:
        scene: what it is made for.
    """

    def __init__(self, scene: Scene) -> None:
        place = scene.when.place
        assert place is not None
        self._state = place.value if place.unit == STATE else None
        self._offset = 0 if self._state is not None else min(scene.offset(), max(scene.package_size - 1, 0))
        self._struck = scene.struck
        self._device: Power | None = None
        self._presses = False

    def on_state(self, device: Power, state: str) -> None:
        """State (/5/0/3) has changed."""
        self._device = device
        if state == self._state:
            self._press(f"in State {state}")

    def flash(self, flash: Flash) -> Flash:
        """A flash that tells what is written, where the place is one in the package."""
        return flash if self._state is not None else CountingFlash(flash, self._written)

    def _written(self, size: int, total: int) -> None:  # noqa: ARG002
        if total > self._offset:
            self._press(f"after {total} bytes")

    def _press(self, where: str) -> None:
        if not self._presses:
            self._presses = True
            # In the turn after the next one: the change of State that it follows is told in the next.
            loop = asyncio.get_running_loop()
            loop.call_soon(loop.call_soon, self._call_off, where)

    def _call_off(self, where: str) -> None:
        self._presses = False
        if self._device is not None and self._device.deferral.call_off():
            self._struck(f"the user calls the update off {where}")


def _deferred(scene: Scene) -> Made:
    user = Deferring("the user puts an update of Severity {} off", scene)
    return Made(defers=user.defers, on_state=user.on_state)


def _battery(scene: Scene) -> Made:
    battery = Deferring("the battery is too low for an update of Severity {}", scene)
    return Made(defers=battery.defers, on_state=battery.on_state)


def _cancels(scene: Scene) -> Made:
    user = Cancelling(scene)
    return Made(flash=user.flash, on_state=user.on_state)


def _end(scheme: str, retries: int, parameters: Mapping[str, Any]) -> tuple[int, int] | None:  # noqa: ARG001
    if "lasts" not in parameters:
        return DEFERRED
    return CANCELLED if parameters.get("then") == CANCEL else None


KINDS: Final = (
    FaultKind(
        "update-deferred",
        "decision",
        "The user puts the update off; Maximum Defer Period, where the server wrote one, ends that.",
        _deferred,
        expected=DEFERRED,
        ends=_end,
        parameters={
            "lasts": Parameter("duration", "Until the user makes up his mind; never where it is not set."),
            "then": Parameter(
                "str",
                "What he does after `lasts`: agree, or call the update off (0 / 10).",
                default=AGREE,
                choices=(AGREE, CANCEL),
            ),
        },
    ),
    FaultKind(
        "user-cancels",
        "decision",
        "The user of the device calls the update off by hand, and does so again when it begins anew: a push until the "
        "server has enough of that.",
        _cancels,
        expected=CANCELLED,
        takes=frozenset({BYTES, SHARE, STATE}),
        when=When(Place(STATE, "downloaded")),
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
