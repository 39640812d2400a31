"""Faults of what a device remembers of an interrupted download: how far it was, and of which representation.

Field failure 8. They show where a restart comes in the middle of a pull, as `power-cut` brings it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from simulator.faults.kinds import PULL, FaultKind, Made, Parameter, Scene
from simulator.lwm2m.firmware_resources import Transfer
from simulator.lwm2m.firmware_table import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.device.persistent import Boot, Persistent

LOST: Final = "lost"
OTHER: Final = "other"


def _at_boot(scene: Scene, spoil: Callable[[Persistent], tuple[Persistent, str]]) -> Made:
    """A fault of the first boot in the middle of a pull whose place was stored; ``spoil`` gives the detail, too."""
    done = False

    def boot(boot: Boot) -> Boot:
        nonlocal done
        found = boot.persistent
        pulling = found.state is State.DOWNLOADING and found.transfer is Transfer.PULL
        if done or not pulling or not found.received or not found.etag:
            return boot
        done = True
        spoilt, detail = spoil(found)
        scene.struck(detail)
        return boot._replace(persistent=spoilt)

    return Made(boot=boot)


def _misplaced(scene: Scene) -> Made:
    by = int(scene.parameters["by"])

    def spoil(found: Persistent) -> tuple[Persistent, str]:
        # Ahead where there are so many bytes left, or the origin would have nothing to give.
        ahead = found.received + by < scene.package_size
        place = found.received + by if ahead else max(0, found.received - by)
        return replace(found, received=place), f"goes on at byte {place}, and has {found.received}"

    return _at_boot(scene, spoil)


def _etag(scene: Scene) -> Made:
    other = scene.parameters["etag"] == OTHER

    def spoil(found: Persistent) -> tuple[Persistent, str]:
        if other:
            return replace(found, etag=bytes(byte ^ 0xFF for byte in found.etag)), "the ETag is that of another package"
        return replace(found, etag=b""), "the ETag is lost"

    return _at_boot(scene, spoil)


KINDS: Final = (
    FaultKind(
        "resume-misplaced",
        "store",
        "A device that restarts in the middle of a download goes on at a place that is not its own, as if it were that "
        "of another download; the SHA-256 of the whole finds it.",
        _misplaced,
        expected=(0, 5),
        parameters={"by": Parameter("size", "How far off, in whole blocks of 16 B.", default=1024, minimum=16)},
        deliveries=PULL,
    ),
    FaultKind(
        "resume-etag-differs",
        "store",
        "A device that restarts in the middle of a download has lost the ETag of what it has, or has another one, as "
        "if the package had been exchanged meanwhile: it begins anew.",
        _etag,
        parameters={"etag": Parameter("str", "What becomes of it.", default=LOST, choices=(LOST, OTHER))},
        deliveries=PULL,
    ),
)
