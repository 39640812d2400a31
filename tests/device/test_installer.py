"""The installer takes its time on the device's clock and succeeds."""

from __future__ import annotations

from math import inf, nan

import pytest

from simulator.device.installer import SlotInstaller
from simulator.ports import Installer, InstallOutcome


class CountingClock:
    def __init__(self):
        self.slept = []

    def now(self):
        return sum(self.slept)

    async def sleep(self, seconds):
        self.slept.append(seconds)


async def test_an_installation_takes_its_time_and_succeeds():
    clock = CountingClock()
    installer: Installer = SlotInstaller(clock, 12.5)
    assert await installer.install("2.0") == InstallOutcome(True, True, "2.0")
    assert clock.slept == [12.5]


@pytest.mark.parametrize("seconds", [-1, nan, inf])
def test_a_time_that_cannot_be_is_refused(seconds):
    with pytest.raises(ValueError, match="install_time_s is a number of seconds, 0 or more"):
        SlotInstaller(CountingClock(), seconds)
