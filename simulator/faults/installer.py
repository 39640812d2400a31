"""Faults of the installation: it fails, takes longer, comes back with the old firmware, or not at all."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from simulator.faults.device import InTheMiddle
from simulator.faults.kinds import TIMES, FaultKind, Made, Parameter, Scene
from simulator.faults.triggers import STATE, Place, When
from simulator.ports import InstallOutcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from simulator.ports import Installer

GOOD: Final = "good"
OLD: Final = "old"


class ChangedOutcome:
    """Takes its time, and ends otherwise than it should."""

    __slots__ = ("_change", "_installer", "_scene", "_trigger", "_what")

    def __init__(
        self, installer: Installer, scene: Scene, change: Callable[[InstallOutcome], InstallOutcome], what: str
    ) -> None:
        self._installer = installer
        self._scene = scene
        self._trigger = scene.trigger()
        self._change = change
        self._what = what

    async def install(self, version: str) -> InstallOutcome:
        """Go through the installation, and change what comes of it."""
        outcome = await self._installer.install(version)
        if not outcome.succeeded or not self._trigger.strikes(0):
            return outcome
        self._scene.struck(self._what)
        return self._change(outcome)


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


def changed(what: str, change: Callable[[InstallOutcome], InstallOutcome]) -> Callable[[Scene], Made]:
    """What makes a fault of which an installation that went well ends as ``change`` has it."""
    return lambda scene: Made(installer=lambda installer: ChangedOutcome(installer, scene, change, what))


def _slow(scene: Scene) -> Made:
    return Made(installer=lambda installer: SlowInstaller(installer, scene.struck, float(scene.parameters["time"])))


def _boot_loop(scene: Scene) -> Made:
    boots, old = int(scene.parameters["boots"]), scene.parameters["then"] == OLD

    def change(outcome: InstallOutcome) -> InstallOutcome:
        return outcome._replace(boots=boots + 1, succeeded=not old, reverted=old)

    return changed(f"{boots} boots that do not come up, then the {scene.parameters['then']} image", change)(scene)


def _power_cut(scene: Scene) -> Made:
    seconds = float(scene.parameters["lasts"])
    cut = InTheMiddle(scene, lambda device: device.lose_power(seconds), "the power is gone")
    return Made(flash=cut.flash, on_state=cut.on_state)


def _end_of_loop(scheme: str, retries: int, parameters: Mapping[str, Any]) -> tuple[int, int] | None:  # noqa: ARG001
    return FAILED if parameters["then"] == OLD else None


FAILED: Final = (2, 8)
ALWAYS: Final = When(times=None)
OFTEN: Final = frozenset({TIMES})

KINDS: Final = (
    FaultKind(
        "install-fails",
        "installer",
        "The installation does not succeed, and the device knows at once.",
        changed("the installer gave up", lambda _outcome: InstallOutcome(succeeded=False)),
        expected=FAILED,
        takes=OFTEN,
        when=ALWAYS,
    ),
    FaultKind(
        "install-corrupt",
        "installer",
        "The installer finds the image corrupt.",
        changed("the installer found the image corrupt", lambda _outcome: InstallOutcome(False, integrity=False)),
        expected=(0, 5),
        takes=OFTEN,
        when=ALWAYS,
    ),
    FaultKind(
        "install-reverted",
        "installer",
        "The new image does not come up, and the boot loader goes back to the old one, which reports the failure.",
        changed("the old image boots", lambda _outcome: InstallOutcome(succeeded=False, reverted=True)),
        expected=FAILED,
        at_boot=True,
        takes=OFTEN,
        when=ALWAYS,
    ),
    FaultKind(
        "install-lies",
        "installer",
        "The old image boots and reports a success: Update Result 1, and Firmware Version (/3/0/3) is the old one.",
        changed("the old image boots and says that it is the new one", lambda one: one._replace(reverted=True)),
        expected=(0, 1),
        takes=OFTEN,
        when=ALWAYS,
        version=lambda _parameters, before: before,
    ),
    FaultKind(
        "install-never-returns",
        "installer",
        "The device goes down for the reboot and never comes up again; State stays 3 (Updating) for whoever looks on.",
        changed("the device does not come up again", lambda outcome: outcome._replace(boots=0)),
        expected=(3, 0),
    ),
    FaultKind(
        "boot-loop",
        "installer",
        "The new image fails to boot some times; then it comes up, or the boot loader goes back to the old one.",
        _boot_loop,
        ends=_end_of_loop,
        parameters={
            "boots": Parameter("int", "Boots that do not come up.", default=3, minimum=1, maximum=1000),
            "then": Parameter("str", "Which image comes up in the end.", default=GOOD, choices=(GOOD, OLD)),
        },
        at_boot=True,
    ),
    FaultKind(
        "install-power-cut",
        "power",
        "The power goes while the device installs, and comes back; the installation begins anew.",
        _power_cut,
        parameters={"lasts": Parameter("duration", "Until the power is back, before the boot.", default=5.0)},
        when=When(Place(STATE, "updating")),
    ),
    FaultKind(
        "install-slow",
        "installer",
        "The installation takes longer.",
        _slow,
        parameters={"time": Parameter("duration", "How much longer.", required=True)},
    ),
)
