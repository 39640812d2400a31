"""Putting a checked package in the place of the running firmware."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from simulator.ports import InstallOutcome

if TYPE_CHECKING:
    from simulator.ports import Clock


class SlotInstaller:
    """A bootloader with two slots: the new image is swapped in, which takes ``install_time_s`` seconds and succeeds.

    It holds nothing of a device, so one serves all devices that share a clock and an installation time.
    """

    __slots__ = ("_clock", "install_time_s")

    def __init__(self, clock: Clock, install_time_s: float) -> None:
        if not (isfinite(install_time_s) and install_time_s >= 0):
            msg = f"install_time_s is a number of seconds, 0 or more, not {install_time_s}"
            raise ValueError(msg)
        self._clock = clock
        self.install_time_s = install_time_s

    async def install(self, version: str) -> InstallOutcome:
        """Swap the slots; the device runs ``version`` from its next boot on."""
        await self._clock.sleep(self.install_time_s)
        return InstallOutcome(succeeded=True, version=version)
