"""Faults of the memory that a package passes through on its way to the flash: no RAM for a block, or for the whole."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NoReturn

from simulator.faults.flash import HALF, FlashFault
from simulator.faults.kinds import HEALS, TIMES, FaultKind, Made, Parameter, Scene
from simulator.faults.triggers import BLOCK, BYTES, SHARE, TIME
from simulator.ports import OutOfMemoryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.faults.triggers import Trigger
    from simulator.ports import Flash


class ShortOfMemory(FlashFault):
    """A device without a buffer for some of the blocks."""

    __slots__ = ("_struck", "_trigger")

    def __init__(self, flash: Flash, trigger: Trigger, struck: Callable[[str], None]) -> None:
        super().__init__(flash)
        self._trigger = trigger
        self._struck = struck

    def write(self, data: bytes) -> None:
        """Append bytes while there is RAM."""
        if self._trigger.strikes(len(data)):
            self._struck(f"no RAM after {self.written} bytes")
            msg = f"no RAM for {len(data)} bytes"
            raise OutOfMemoryError(msg)
        self._flash.write(data)


class SmallBuffer(FlashFault):
    """A device that takes a package into a buffer as a whole before it writes any of it; the buffer is too small."""

    __slots__ = ("_room", "_struck")

    def __init__(self, flash: Flash, room: int, struck: Callable[[str], None]) -> None:
        super().__init__(flash)
        self._room = room
        self._struck = struck

    def reserve(self, size: int) -> None:
        """Allocate the buffer, where the size is known."""
        if size > self._room:
            self._none(f"no RAM for a package of {size} bytes")
        self._flash.reserve(size)

    def write(self, data: bytes) -> None:
        """Append bytes while there is room in the buffer."""
        if self.written + len(data) > self._room:
            self._none(f"no RAM after {self.written} bytes")
        self._flash.write(data)

    def _none(self, detail: str) -> NoReturn:
        self._struck(detail)
        msg = f"the buffer has {self._room} bytes"
        raise OutOfMemoryError(msg)


def _short(scene: Scene) -> Made:
    trigger = scene.trigger()
    return Made(flash=lambda flash: ShortOfMemory(flash, trigger, scene.struck))


def _small_buffer(scene: Scene) -> Made:
    room = int(scene.parameters["capacity"])
    return Made(flash=lambda flash: SmallBuffer(flash, room, scene.struck))


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
