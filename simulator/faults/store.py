"""Faults of what a device remembers: the end of an earlier update, and what it calls the version that it runs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from simulator.faults.installer import changed
from simulator.faults.kinds import FaultKind, Made, Parameter, Scene
from simulator.lwm2m.firmware_table import State, UpdateResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulator.device.persistent import Boot


class EarlierUpdate:
    """A store that has kept the Update Result of an earlier update, and a device that comes up with it.

    A device that boots in State 0 (Idle) begins with Update Result 0, as a rule; the OMA texts do not say so. From the
    second boot on it does so again: what it then has was its own doing.
    """

    def __init__(self, scene: Scene) -> None:
        self._result = UpdateResult(int(scene.parameters["result"]))
        self._struck = scene.struck
        self._told = False

    def boot(self, boot: Boot) -> Boot:
        """What the device finds when it comes up."""
        found = boot.persistent
        if self._told or found.state is not State.IDLE or found.result is not UpdateResult.INITIAL:
            return boot
        self._told = True
        self._struck(f"the device comes up with Update Result {int(self._result)} of an earlier update")
        return boot._replace(persistent=replace(found, result=self._result))


def _earlier(scene: Scene) -> Made:
    return Made(boot=EarlierUpdate(scene).boot)


def _renamed(scene: Scene) -> Made:
    version = str(scene.parameters["version"])
    return changed(f"the new image calls itself {version!r}", lambda one: one._replace(version=version))(scene)


def _own_name(parameters: Mapping[str, Any], before: str) -> str:  # noqa: ARG001  whatever it was
    return str(parameters["version"])


KINDS: Final = (
    FaultKind(
        "stale-result",
        "store",
        "The device comes up with the Update Result of an earlier update, which its store has kept; the next update "
        "begins with 0 all the same.",
        _earlier,
        parameters={"result": Parameter("int", "That Update Result.", default=5, minimum=1, maximum=9)},
    ),
    FaultKind(
        "version-differs",
        "installer",
        "The new image runs, and Firmware Version (/3/0/3) is not what its package says (PkgVersion, /5/0/7).",
        _renamed,
        expected=(0, 1),
        parameters={"version": Parameter("str", "Firmware Version of the new image.", required=True)},
        version=_own_name,
    ),
)
