"""Faults of the memory that a package passes through on its way to the flash: no RAM for a block, or for the whole."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from simulator.faults.flash import HALF, FailingWrites, Refusal, SmallRoom
from simulator.faults.kinds import HEALS, TIMES, FaultKind, Made, Parameter, Scene
from simulator.faults.triggers import BLOCK, BYTES, SHARE, TIME
from simulator.ports import OutOfMemoryError

REFUSAL: Final = Refusal(OutOfMemoryError, "no RAM for a package of {size} bytes", "no RAM after {written} bytes")


def _short(scene: Scene) -> Made:
    trigger = scene.trigger()
    return Made(flash=lambda flash: FailingWrites(flash, trigger, scene.struck, REFUSAL))


def _small_buffer(scene: Scene) -> Made:
    """A buffer that takes the package as a whole before any of it is written."""
    room = int(scene.parameters["capacity"])
    return Made(flash=lambda flash: SmallRoom(flash, room, scene.struck, REFUSAL, known=True))


NO_RAM: Final = (0, 3)

KINDS: Final = (
    FaultKind(
        "out-of-memory",
        "flash",
        "The device has no RAM for the next block.",
        _short,
        expected=NO_RAM,
        takes=frozenset({BYTES, SHARE, BLOCK, TIME, TIMES, HEALS}),
        when=replace(HALF, times=None),
    ),
    FaultKind(
        "buffer-too-small",
        "flash",
        "The device buffers a package as a whole, and has less RAM than it needs; where Size1, Size2 or "
        "Content-Length tells, it refuses at once.",
        _small_buffer,
        expected=NO_RAM,
        parameters={"capacity": Parameter("size", "Bytes of the buffer.", required=True)},
    ),
)
