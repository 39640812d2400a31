"""What the user of a device has to say about an update, and the end of one that was put off: /5/0/13."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from simulator.lwm2m.firmware_resources import NO_DEADLINE, NOT_SET

if TYPE_CHECKING:
    from simulator.device.device import Device


class Deferral:
    """The deadline of a deferred update, for the timer of the fleet."""

    __slots__ = ("_device", "armed")

    def __init__(self, device: Device) -> None:
        self._device = device
        self.armed = inf

    @property
    def deadline(self) -> float:
        """When the update runs without anybody's consent; infinity where none is deferred, or without limit."""
        unix = self._device.firmware.defer_deadline
        if unix in (NOT_SET, NO_DEADLINE):
            return inf
        # It outlives reboots, so it is one of the wall clock.
        return unix - self._device.world.unix_start - self._device.faults.clock_ahead()

    def expire(self, now: float) -> None:
        """The period is over: install."""
        if self.deadline <= now:
            self._device.firmware.deferral_ended()
            self._device.act_soon()
        self.armed = self.deadline

    def agree(self) -> bool:
        """Whoever put an update off agrees now; whether one was waiting."""
        device = self._device
        if device.link is None or device.firmware.defer_deadline == NOT_SET:
            return False
        device.firmware.deferral_ended()
        device.act_soon()
        return True

    def call_off(self) -> bool:
        """The user calls the update off by hand, while it is fetched or before it is installed; whether he could."""
        device = self._device
        if device.link is None or not device.firmware.user_cancelled():
            return False
        device.act_soon()
        return True

    def arm(self) -> None:
        """Have the timer look at a deadline that has come nearer."""
        deadline = self.deadline
        if deadline < self.armed:
            self.armed = deadline
            self._device.world.deadlines.arm(self, deadline)
