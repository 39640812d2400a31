"""Faults of notifications: quick changes that become one, and a device that no longer knows who observes it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from simulator.faults.device import HALF, InTheMiddle
from simulator.faults.kinds import HEALS, FaultKind, Made, Parameter, Scene
from simulator.faults.triggers import BYTES, SHARE, STATE, TIME, When

if TYPE_CHECKING:
    from simulator.coap.exchange import Response
    from simulator.faults.seams import Notify, Power


class Waiting:
    """What has to wait of one observation.

    Args:
        due: when the next notification may be sent.
    """

    __slots__ = ("answer", "confirmable", "due", "observation")

    def __init__(self, observation: object, due: float) -> None:
        self.observation = observation
        self.due = due
        self.answer: Response | None = None
        """None: nothing has changed since the last one."""
        self.confirmable = True


class Merging:
    """Sends no notification of an observation sooner than ``hold`` after the one before, and then the newest value.

    This is what Minimum Period (pmin) does where a server sets it (TS 1.1 Core, §5.1.2), and what a client does that
    looks at its resources now and then only. What was held back and is no longer true is never told.
    """

    def __init__(self, scene: Scene) -> None:
        self._hold = float(scene.parameters["hold"])
        self._trigger = scene.trigger()
        self._struck = scene.struck
        self._waiting: dict[int, Waiting] = {}
        """By the identity of their observation."""

    def wrap(self, notify: Notify) -> Notify:
        """What holds back."""

        def merged(endpoint: Any, observation: Any, answer: Response, now: float, /, *, confirmable: bool) -> None:
            known = self._waiting.get(id(observation))
            if known is not None:
                self._struck(f"a notification of {answer.payload[:20]!r} is held back")
                known.answer, known.confirmable = answer, confirmable
                return
            notify(endpoint, observation, answer, now, confirmable=confirmable)
            if self._trigger.strikes(len(answer.payload)):
                self._wait(notify, endpoint, observation, now + self._hold)

        return merged

    def _wait(self, notify: Notify, endpoint: Any, observation: Any, due: float) -> None:
        self._waiting[id(observation)] = Waiting(observation, due)
        asyncio.get_running_loop().call_later(self._hold, self._over, notify, endpoint, observation)

    def _over(self, notify: Notify, endpoint: Any, observation: Any) -> None:
        waiting = self._waiting.pop(id(observation))
        if waiting.answer is not None:
            # To an observation that has ended meanwhile nothing is sent.
            notify(endpoint, observation, waiting.answer, waiting.due, confirmable=waiting.confirmable)
            self._wait(notify, endpoint, observation, waiting.due + self._hold)


def _merged(scene: Scene) -> Made:
    return Made(notify=Merging(scene).wrap)


def _forget(device: Power) -> None:
    device.notifier.forget()


def _forgotten(scene: Scene) -> Made:
    forgets = InTheMiddle(scene, _forget, "the device forgets who observes it")
    return Made(flash=forgets.flash, on_state=forgets.on_state)


KINDS: Final = (
    FaultKind(
        "notifications-merged",
        "notification",
        "The device sends a notification some time after the one before at the soonest, and then the newest value: "
        "what comes in quick succession is never told.",
        _merged,
        parameters={"hold": Parameter("duration", "Time between two notifications of a resource.", default=5.0)},
        takes=frozenset({TIME, STATE, HEALS}),
        when=When(times=None),
    ),
    FaultKind(
        "observations-lost",
        "observation",
        "The device forgets who observes it, and does not register anew for that: a server has to read, or to observe "
        "again.",
        _forgotten,
        takes=frozenset({BYTES, SHARE, STATE}),
        when=HALF,
    ),
)
