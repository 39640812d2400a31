"""Faults of the wall clock of a device: it leaps, as after a wrong answer of NTP, or with an empty battery.

By the wall clock go Current Time (/3/0/13), Last State Change Time (/5/0/12), the end of Maximum Defer Period
(/5/0/13), and whether a certificate is valid. Time-outs and lifetimes go by a clock that never leaps.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from simulator.faults.device import InTheMiddle
from simulator.faults.kinds import FaultKind, Made, Parameter, Scene
from simulator.faults.triggers import BYTES, SHARE, STATE, Place, When
from simulator.security.authority import EARLIER, LASTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulator.faults.seams import Power

FORWARD: Final = "forward"
BACK: Final = "back"
LOST: Final = (0, 4)
DAY_S: Final = 86400.0
BY_CERTIFICATE: Final = frozenset({"https", "coaps+tcp"})
"""Schemes whose servers show a certificate, where nothing else is said."""
DOWNLOADING: Final = When(Place(STATE, "downloading"))


def beyond_certificates(parameters: Mapping[str, Any]) -> bool:
    """Whether the certificates that a run makes are not valid any more, or not yet, by such a clock."""
    limit = LASTS if parameters["way"] == FORWARD else EARLIER
    return float(parameters["by"]) >= limit.total_seconds()


class LeapingClock:
    """A wall clock that leaps once, and may be put right later.

    Args:
        scene: what it is made for.
    """

    def __init__(self, scene: Scene) -> None:
        by = float(scene.parameters["by"])
        self._leap = by if scene.parameters["way"] == FORWARD else -by
        self._lasts: float | None = scene.parameters.get("lasts")
        self._over = scene.over
        self.ahead = 0.0
        """Seconds that it is ahead now."""
        self.middle = InTheMiddle(scene, self._jump, f"the clock leaps by {self._leap:+g} s")

    def _jump(self, device: Power) -> None:
        self.ahead = self._leap
        device.deferral.arm()
        if self._lasts is not None:
            asyncio.get_running_loop().call_later(self._lasts, self._put_right, device)

    def _put_right(self, device: Power) -> None:
        self.ahead = 0.0
        self._over("the clock is right")
        device.deferral.arm()


def _jumps(scene: Scene) -> Made:
    clock = LeapingClock(scene)
    return Made(flash=clock.middle.flash, on_state=clock.middle.on_state, clock=lambda: clock.ahead)


def _end(scheme: str, retries: int, parameters: Mapping[str, Any]) -> tuple[int, int] | None:  # noqa: ARG001
    """A handshake that is still to come fails; one that is over is not asked again."""
    place = parameters.get("at", parameters.get("after", DOWNLOADING.place))
    first = place == DOWNLOADING.place and "lasts" not in parameters
    return LOST if first and scheme in BY_CERTIFICATE and beyond_certificates(parameters) else None


KINDS: Final = (
    FaultKind(
        "clock-jump",
        "clock",
        "The wall clock of the device leaps. Where it then finds that no certificate is valid, its next handshake "
        "fails: a pull over https and coaps+tcp ends in 0 / 4.",
        _jumps,
        ends=_end,
        parameters={
            "by": Parameter("duration", "How far.", default=DAY_S),
            "way": Parameter("str", "Into the future or into the past.", default=FORWARD, choices=(FORWARD, BACK)),
            "lasts": Parameter("duration", "Until it is put right; never where it is not set."),
        },
        takes=frozenset({BYTES, SHARE, STATE}),
        when=DOWNLOADING,
    ),
)
