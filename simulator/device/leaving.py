"""A device that De-registers while it pulls, and comes back when the pull is over: one reading of an open point."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from simulator.lwm2m.registration import Operation

if TYPE_CHECKING:
    from simulator.device.device import Device
    from simulator.device.registrar import Registrar


class Leaving:
    """Keeps a device away from its server for the time of a pull."""

    __slots__ = ("_device", "_over")

    def __init__(self, device: Device) -> None:
        self._device = device
        self._over: asyncio.Event | None = None
        """Set when the pull is over for which the device is away; None where it is not."""

    def begin(self) -> None:
        """A pull has begun: De-register, and Register when it is over."""
        self.over()
        self._over = asyncio.Event()
        self._device.world.spawn(self._away(self._device.registrar, self._over))

    def over(self) -> None:
        """The pull is over, or was stopped; nothing where the device is not away."""
        over, self._over = self._over, None
        if over is not None:
            over.set()

    async def _away(self, registrar: Registrar, over: asyncio.Event) -> None:
        await registrar.deregister()
        await over.wait()
        device = self._device
        if device.link is not None and device.registrar is registrar and not registrar.registered:
            registrar.ask(Operation.REGISTER, device.world.now())
