"""What looks into a device: below all faults at the flash, above all faults at the installer and the notifications."""

from __future__ import annotations

import hashlib

from simulator.device.flash import HashingFlash
from simulator.lwm2m.firmware_resources import STATE, UPDATE_RESULT

OBSERVED = {(5, 0, STATE): "state", (5, 0, UPDATE_RESULT): "result"}


class ProbedFlash(HashingFlash):
    """The cells of a flash, below whatever is wrong with them: tells the witness of all that is in them."""

    __slots__ = ("_content", "_stored", "index", "witness")

    def __init__(self, plan, witness):
        super().__init__(plan.flash_bytes)
        self.index = plan.index
        self.witness = witness
        self._content = hashlib.sha256()
        self._stored = 0

    @property
    def image(self) -> bytes:
        """SHA-256 of all that is stored, header and all."""
        return self._content.digest()

    def erase(self):
        super().erase()
        self._content = hashlib.sha256()
        self._stored = 0

    def write(self, data):
        super().write(data)
        self._content.update(data)
        self._stored += len(data)
        self.witness.stored(self.index, self._stored)


class ProbedInstaller:
    """Tells what an installer is given, and what comes of it."""

    def __init__(self, installer, device, flash, witness):
        self._installer = installer
        self._device = device
        self._flash = flash
        self._witness = witness

    async def install(self, version):
        index = self._device.plan.index
        self._witness.installing(index, self._flash.image)
        outcome = await self._installer.install(version)
        self._witness.installed(index, outcome)
        return outcome


def probes(device, witness) -> dict:
    """What wraps the ports of a device, as a fault does; ``device`` has its faults already."""
    flash = witness.flashes[device.plan.index]

    def notify(send):
        def probed(endpoint, observation, answer, now, *, confirmable):
            for path in getattr(observation.key, "paths", ()):
                if path in OBSERVED:
                    witness.notifies(device, OBSERVED[path])
            send(endpoint, observation, answer, now, confirmable=confirmable)

        return probed

    return {
        "installer": lambda installer: ProbedInstaller(installer, device, flash, witness),
        "notify": notify,
    }
