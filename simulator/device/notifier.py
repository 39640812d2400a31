"""Joins the schedule of notifications (LwM2M: pmin, pmax) to the observations of the CoAP endpoint (RFC 7641)."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from simulator.coap.codes import CONTENT_FORMAT, FETCH, OBSERVE, is_success
from simulator.coap.exchange import Response
from simulator.coap.message import uint_bytes
from simulator.lwm2m.composite import decode_paths
from simulator.lwm2m.firmware_habits import MERGED_PMIN_S, Notified
from simulator.lwm2m.notify import NotificationSchedule
from simulator.lwm2m.paths import path_of

if TYPE_CHECKING:
    from simulator.coap.message import Message, Options
    from simulator.device.device import Device
    from simulator.lwm2m.paths import Path
    from simulator.lwm2m.tree import Answer


class Observed:
    """What an observation is about: the request, which is answered anew for each notification."""

    __slots__ = ("paths", "request")

    def __init__(self, request: Message, paths: tuple[Path, ...]) -> None:
        self.request = request
        self.paths = paths

    # The same request once more renews the observation, whose sequence of numbers then goes on (RFC 7641 §3.3.1, §4.4).

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Observed):
            return False
        mine, its = self.request, other.request
        return (mine.token, mine.code, mine.options, mine.payload) == (its.token, its.code, its.options, its.payload)

    def __hash__(self) -> int:
        return hash((self.request.token, self.request.code))


def answer_options(answer: Answer) -> Options:
    """The options that say how the payload of an answer is to be read."""
    if answer.content_format < 0:
        return []
    return [(CONTENT_FORMAT, uint_bytes(answer.content_format))]


def observed_paths(request: Message) -> tuple[Path, ...]:
    """What a request with Observe is about: its path, or the paths of an Observe-Composite.

    The request was answered with success, so both are well formed.
    """
    if request.code == FETCH:
        return tuple(decode_paths(request.content_format, request.payload))
    return (path_of(request.path),)


class Notifier:
    """Notifies the server under test of one device's changes."""

    __slots__ = ("_device", "_least_pmin", "_schedule", "armed")

    def __init__(self, device: Device) -> None:
        self._device = device
        self._least_pmin = float(MERGED_PMIN_S if device.profile.notified is Notified.MERGED else 0)
        self._schedule = NotificationSchedule(device.tree.attributes, default_pmin=self._least_pmin)
        self.armed = inf

    def observed(self, request: Message, answer: Answer) -> Observed | None:
        """What an observation that this request asks for would be about; None where it asks for none."""
        if request.uint(OBSERVE) != 0 or not is_success(answer.code):
            return Observed(request, ()) if request.uint(OBSERVE) == 1 else None
        return Observed(request, observed_paths(request))

    def set_default_periods(self, pmin: int, pmax: int) -> None:
        """Take the default periods of the Server object, in seconds; 0 is none."""
        self._schedule.default_pmin = max(float(pmin), self._least_pmin)
        self._schedule.default_pmax = float(pmax) or inf

    def take_observations(self, now: float) -> None:
        """Schedule observations that the endpoint has registered since."""
        for observation in self._device.endpoint.observations:
            key = observation.key
            if isinstance(key, Observed) and key not in self._schedule:
                self._schedule.add(key, key.paths, now)
        self._arm()

    def ended(self, key: object) -> None:
        """An observation is over."""
        if isinstance(key, Observed):
            self._schedule.remove(key)

    def forget(self) -> int:
        """Forget all observers, without a word to them; how many observations there were."""
        device = self._device
        there = list(device.endpoint.observations)
        for observation in there:
            device.endpoint.end_observation(observation, device.world.now())
        return len(there)

    def changed(self, path: Path, now: float) -> None:
        """A resource has a new value."""
        for key in self._schedule.changed(path, now):
            self._notify(key, now)
        self._arm()

    def _notify(self, key: object, now: float) -> None:
        self._schedule.sent(key, now)
        for observation in self._device.endpoint.observations:
            if observation.key is key:
                self._send(observation, key, now)
                return
        self._schedule.remove(key)

    def _send(self, observation: object, key: object, now: float) -> None:
        assert isinstance(key, Observed)
        device = self._device
        answer = device.tree.handle(key.request)
        response = Response(answer.code, answer.payload, answer_options(answer))
        confirmable = device.plan.confirmable_notifications
        notify = device.faults.wrap_notify(device.stack.notify)
        notify(device.endpoint, observation, response, now, confirmable=confirmable)

    # -- for the timer of the fleet --------------------------------------------------------------------------------

    @property
    def deadline(self) -> float:
        """When ``expire`` has to be called."""
        return self._schedule.deadline

    def expire(self, now: float) -> None:
        """Send what pmin held back and what pmax repeats."""
        for key in self._schedule.due(now):
            self._notify(key, now)
        self.armed = self.deadline

    def _arm(self) -> None:
        deadline = self.deadline
        if deadline < self.armed:
            self.armed = deadline
            self._device.world.deadlines.arm(self, deadline)
