"""Joins the schedule of notifications (LwM2M: pmin, pmax) to the observations of the CoAP endpoint (RFC 7641)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.coap.codes import OBSERVE
from simulator.coap.observe import notify
from simulator.lwm2m.notify import NotificationSchedule

if TYPE_CHECKING:
    from simulator.coap.message import Message
    from simulator.coap.observe import Observation
    from simulator.device.device import Device
    from simulator.lwm2m.paths import Path


class Observed:
    """What an observation is about: the request, which is answered anew for each notification."""

    __slots__ = ("paths", "request")

    def __init__(self, request: Message, paths: tuple[Path, ...]) -> None:
        # The repetition is a plain read: an Observe option would register anew.
        request.options = [option for option in request.options if option[0] != OBSERVE]
        self.request = request
        self.paths = paths


class Notifier:
    """Notifies the server under test of one device's changes."""

    __slots__ = ("_device", "_schedule", "armed")

    def __init__(self, device: Device) -> None:
        self._device = device
        self._schedule = NotificationSchedule(device.tree.attributes)
        self.armed = float("inf")

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

    def changed(self, path: Path, now: float) -> None:
        """A resource has a new value."""
        for key in self._schedule.changed(path, now):
            self._notify(key, now)
        self._arm()

    def _notify(self, key: object, now: float) -> None:
        self._schedule.sent(key, now)  # type: ignore[arg-type]
        for observation in self._device.endpoint.observations:
            if observation.key is key:
                self._send(observation, key, now)
                return
        self._schedule.remove(key)  # type: ignore[arg-type]

    def _send(self, observation: Observation, key: object, now: float) -> None:
        assert isinstance(key, Observed)
        device = self._device
        answer = device.tree.handle(key.request)
        notify(
            device.endpoint,
            observation,
            answer.code,
            answer.options,
            answer.payload,
            now,
            confirmable=device.plan.confirmable_notifications,
        )

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
