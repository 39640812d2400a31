"""Faults of the image: the operator hands out a package with something wrong, and the device is sound."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from simulator.faults.kinds import FaultKind, Made, Parameter, Scene, sound
from simulator.firmware.variants import OLDER_VERSION
from simulator.ports import InstallOutcome

if TYPE_CHECKING:
    from simulator.ports import Installer

NUMBER: Final = re.compile(r"[0-9]{1,9}")


class RollbackProtection:
    """An installer whose boot loader starts no version below the oldest that it takes."""

    __slots__ = ("_installer", "_oldest")

    def __init__(self, installer: Installer, oldest: str) -> None:
        self._installer = installer
        self._oldest = oldest

    async def install(self, version: str) -> InstallOutcome:
        """Install, and boot what may be booted."""
        outcome = await self._installer.install(version)
        if outcome.succeeded and numbers(version) < numbers(self._oldest):
            return InstallOutcome(False, reverted=True)
        return outcome


def numbers(version: str) -> tuple[int, ...]:
    """The numbers in a version, for a comparison; a text without any is older than all."""
    return tuple(int(number) for number in NUMBER.findall(version))


def _rollback(scene: Scene) -> Made:
    oldest = str(scene.parameters["oldest"])
    return Made(installer=lambda installer: RollbackProtection(installer, oldest))


def _kind(name: str, order: str, summary: str, expected: tuple[int, int]) -> FaultKind:
    return FaultKind(name, "order", summary, sound, expected=expected, order=order)


CORRUPT: Final = (0, 5)

KINDS: Final = (
    _kind("image-truncated", "truncated", "The last quarter of the package is missing where it is served.", CORRUPT),
    _kind("image-wrong-digest", "wrong-digest", "The header has the SHA-256 of another payload.", CORRUPT),
    _kind("image-wrong-size", "wrong-size", "The header promises a byte more than there is.", CORRUPT),
    _kind("image-trailing", "trailing", "There are 64 bytes of garbage behind the package.", CORRUPT),
    FaultKind(
        "image-older",
        "order",
        "A sound package of version 0.0.0; the device installs it, and Firmware Version (/3/0/3) tells.",
        sound,
        expected=(0, 1),
        order="older",
        version=lambda _parameters, _before: OLDER_VERSION,
    ),
    FaultKind(
        "rollback-refused",
        "order",
        "A sound package of version 0.0.0, which the boot loader does not start, as it is older than the oldest that "
        "it takes (anti-rollback): the old image boots, and reports the failure.",
        _rollback,
        expected=(2, 8),
        order="older",
        at_boot=True,
        parameters={"oldest": Parameter("str", "The oldest version that the boot loader takes.", default="0.0.1")},
    ),
)
