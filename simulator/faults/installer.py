"""Faults of the installation."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from simulator.faults.kinds import FaultKind, Made, Parameter, Scene
from simulator.ports import InstallOutcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.ports import Installer


class FailingInstaller:
    """Takes its time, then does not succeed; the running firmware stays."""

    __slots__ = ("_installer", "_integrity", "_struck")

    def __init__(self, installer: Installer, struck: Callable[[str], None], *, integrity: bool) -> None:
        self._installer = installer
        self._struck = struck
        self._integrity = integrity

    async def install(self, version: str) -> InstallOutcome:
        """Go through the installation, and throw it away."""
        await self._installer.install(version)
        self._struck("the installer gave up" if self._integrity else "the installer found the image corrupt")
        return InstallOutcome(succeeded=False, integrity=self._integrity)


class SlowInstaller:
    """Takes longer."""

    __slots__ = ("_extra_s", "_installer", "_struck")

    def __init__(self, installer: Installer, struck: Callable[[str], None], extra_s: float) -> None:
        self._installer = installer
        self._struck = struck
        self._extra_s = extra_s

    async def install(self, version: str) -> InstallOutcome:
        """Install after a pause."""
        self._struck(f"{self._extra_s:g} s longer")
        await asyncio.sleep(self._extra_s)
        return await self._installer.install(version)


def _fails(scene: Scene) -> Made:
    return Made(installer=lambda installer: FailingInstaller(installer, scene.struck, integrity=True))


def _corrupt(scene: Scene) -> Made:
    return Made(installer=lambda installer: FailingInstaller(installer, scene.struck, integrity=False))


def _slow(scene: Scene) -> Made:
    return Made(installer=lambda installer: SlowInstaller(installer, scene.struck, float(scene.parameters["time"])))


KINDS: Final = (
    FaultKind("install-fails", "installer", "The installation does not succeed.", _fails, expected=(2, 8)),
    FaultKind("install-corrupt", "installer", "The installer finds the image corrupt.", _corrupt, expected=(0, 5)),
    FaultKind(
        "install-slow",
        "installer",
        "The installation takes longer.",
        _slow,
        parameters={"time": Parameter("duration", "How much longer.", required=True)},
    ),
)
