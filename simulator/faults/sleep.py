"""Faults of a device that sleeps: in the middle of what it does, or over the end of its registration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from simulator.faults.device import InTheMiddle
from simulator.faults.filters import LinkFilter
from simulator.faults.kinds import FaultKind, Made, Parameter, Scene
from simulator.faults.link import HALF, LOST, OUTLIVED_S
from simulator.faults.radio import Partition
from simulator.faults.triggers import BYTES, SHARE, STATE, TIME, Place, When

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulator.faults.seams import Power


class Dozing:
    """A device whose radio is off for a while, on all its ports; then it tells its server by an Update.

    Args:
        scene: what it is made for.
    """

    def __init__(self, scene: Scene) -> None:
        place = scene.when.place
        self._lasts = float(scene.parameters["lasts"])
        self._scene = scene
        self._device: Power | None = None
        self.silence = Partition(
            scene.trigger(),
            "both",
            self._lasts,
            self._fall_asleep,
            self._wake_up,
            asks_out=place is not None and place.unit in (STATE, TIME),
        )

    def on_state(self, device: Power, state: str) -> None:  # noqa: ARG002  any change shows the device
        """State (/5/0/3) has changed."""
        self._device = device

    def _fall_asleep(self, _detail: str) -> None:
        self._scene.struck(f"asleep for {self._lasts:g} s")

    def _wake_up(self, _detail: str) -> None:
        self._scene.over("awake, with an Update")
        if self._device is not None:
            self._device.registrar.update_soon()


def _sleeps(scene: Scene) -> Made:
    dozing = Dozing(scene)
    return Made(link=LinkFilter(lambda: dozing.silence), stream=dozing.silence, on_state=dozing.on_state)


def _oversleeps(scene: Scene) -> Made:
    late = float(scene.parameters["by"])
    sleeper = InTheMiddle(
        scene, lambda device: device.registrar.oversleep(late), "the Update before the end of the registration is late"
    )
    return Made(flash=sleeper.flash, on_state=sleeper.on_state)


def _end_of_sleep(scheme: str, retries: int, parameters: Mapping[str, Any]) -> tuple[int, int] | None:  # noqa: ARG001
    return None if retries or parameters["lasts"] <= OUTLIVED_S else LOST


KINDS: Final = (
    FaultKind(
        "device-sleeps",
        "link",
        "The device sleeps in the middle: its radio is off, its timers go on, and it sends an Update when it wakes up. "
        "A server that keeps requests for a device in queue mode makes them again.",
        _sleeps,
        ends=_end_of_sleep,
        parameters={"lasts": Parameter("duration", "Until it wakes up.", default=20.0)},
        takes=frozenset({BYTES, SHARE, TIME, STATE}),
        when=HALF,
    ),
    FaultKind(
        "update-late",
        "registration",
        "The device sleeps over the end of its registration: its Update finds none (4.04), and it registers anew.",
        _oversleeps,
        parameters={"by": Parameter("duration", "After the end of the lifetime.", default=10.0)},
        takes=frozenset({BYTES, SHARE, STATE}),
        when=When(Place(STATE, "downloading")),
    ),
)
