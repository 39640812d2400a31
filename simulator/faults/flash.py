"""Faults of the storage: too little room, writes that fail, and cells that do not keep what is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

from simulator.faults.kinds import HEALS, TIMES, FaultKind, Made, Parameter, Scene
from simulator.faults.triggers import BLOCK, BYTES, SHARE, TIME, Place, When
from simulator.faults.wrapped_flash import FlashFault
from simulator.firmware import HEADER_SIZE
from simulator.ports import FlashFullError, FlashWriteError

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.faults.triggers import Trigger
    from simulator.ports import Flash

STUCK_MIN: Final = 32
"""Bytes that a stuck flash does not take at least."""


class Refusal(NamedTuple):
    """How a device finds that it has no room, and what is told of it."""

    error: type[Exception]
    package: str
    """Of a package as a whole, by its size."""
    write: str
    """Of one write, by what is ``written``."""


FULL: Final = Refusal(FlashFullError, "a package of {size} bytes is refused", "full after {written} bytes")
FAILS: Final = Refusal(FlashWriteError, "", "a write of {size} bytes fails after {written}")


class SmallRoom(FlashFault):
    """A flash, or what comes before it, with less room than the package needs.

    Args:
        flash: the flash.
        room: bytes that fit.
        struck: told when there is no more room.
        refusal: how that shows.
        known: whether the device knows of it before it is full.
    """

    __slots__ = ("_known", "_refusal", "_room", "_struck")

    def __init__(
        self, flash: Flash, room: int, struck: Callable[[str], None], refusal: Refusal = FULL, *, known: bool
    ) -> None:
        super().__init__(flash)
        self._room = room
        self._struck = struck
        self._refusal = refusal
        self._known = known

    @property
    def capacity(self) -> int:
        """Bytes that fit, as far as the device knows."""
        return min(self._room, self._flash.capacity) if self._known else self._flash.capacity

    def reserve(self, size: int) -> None:
        """See whether a package of ``size`` bytes fits."""
        if self._known and size > self._room:
            self._refuse(self._refusal.package.format(size=size))
        self._flash.reserve(size)

    def write(self, data: bytes) -> None:
        """Append bytes while there is room."""
        if self.written + len(data) > self._room:
            self._refuse(self._refusal.write.format(written=self.written))
        self._flash.write(data)

    def _refuse(self, detail: str) -> NoReturn:
        self._struck(detail)
        msg = f"there is room for {self._room} bytes, {self.written} are taken"
        raise self._refusal.error(msg)


class FailingWrites(FlashFault):
    """A flash some of whose writes fail, although there is room."""

    __slots__ = ("_refusal", "_struck", "_trigger")

    def __init__(self, flash: Flash, trigger: Trigger, struck: Callable[[str], None], refusal: Refusal = FAILS) -> None:
        super().__init__(flash)
        self._trigger = trigger
        self._struck = struck
        self._refusal = refusal

    def write(self, data: bytes) -> None:
        """Append bytes, or fail."""
        if self._trigger.strikes(len(data)):
            self._struck(self._refusal.write.format(size=len(data), written=self.written))
            msg = f"{len(data)} bytes could not be taken"
            raise self._refusal.error(msg)
        self._flash.write(data)


class BadBlock(FlashFault):
    """A flash with a block that takes nothing, whenever it is tried."""

    __slots__ = ("_at", "_struck")

    def __init__(self, flash: Flash, at: int, struck: Callable[[str], None]) -> None:
        super().__init__(flash)
        self._at = at
        self._struck = struck

    def write(self, data: bytes) -> None:
        """Append bytes, unless one of them falls on the bad block."""
        if self.written <= self._at < self.written + len(data):
            self._struck(f"the block at byte {self._at} is bad")
            msg = f"the block at byte {self._at} could not be written"
            raise FlashWriteError(msg)
        self._flash.write(data)


class BadCells(FlashFault):
    """A flash in which some bits stay as they were not written; the truth on the wire is untouched."""

    __slots__ = ("_at", "_mask", "_struck")

    def __init__(self, flash: Flash, at: int, mask: bytes, struck: Callable[[str], None]) -> None:
        super().__init__(flash)
        self._at = at
        self._mask = mask
        self._struck = struck

    def write(self, data: bytes) -> None:
        """Append bytes; those that fall on the bad cells come out changed."""
        shift = self._at - self.written
        start, end = max(shift, 0), min(shift + len(self._mask), len(data))
        if start >= end:
            self._flash.write(data)
            return
        changed = bytearray(data)
        for i in range(start, end):
            changed[i] ^= self._mask[i - shift]
        self._flash.write(bytes(changed))
        self._struck(f"bits flipped from byte {self._at} on")


class StuckFlash(FlashFault):
    """A flash that takes no more from a byte on and says nothing: what is read back there is erased (0xFF)."""

    __slots__ = ("_at", "_struck")

    def __init__(self, flash: Flash, at: int, struck: Callable[[str], None]) -> None:
        super().__init__(flash)
        self._at = at
        self._struck = struck

    def write(self, data: bytes) -> None:
        """Append bytes; what lies beyond the last good cell comes out erased."""
        good = max(self._at - self.written, 0)
        if good >= len(data):
            self._flash.write(data)
            return
        self._flash.write(data[:good] + b"\xff" * (len(data) - good))
        self._struck(f"takes nothing from byte {self._at} on")


def _too_small(scene: Scene) -> Made:
    room, known = int(scene.parameters["capacity"]), bool(scene.parameters["known"])
    return Made(flash=lambda flash: SmallRoom(flash, room, scene.struck, known=known))


def _write_error(scene: Scene) -> Made:
    trigger = scene.trigger()
    return Made(flash=lambda flash: FailingWrites(flash, trigger, scene.struck))


def _bad_block(scene: Scene) -> Made:
    at = min(scene.offset(), max(scene.package_size - 1, 0))
    return Made(flash=lambda flash: BadBlock(flash, at, scene.struck))


def _in_payload(scene: Scene, size: int) -> int:
    """The byte of the package at the place of the fault, so that ``size`` bytes of the payload follow it."""
    place = scene.when.place
    payload = max(scene.package_size - HEADER_SIZE, 1)
    assert place is not None
    at = place.offset(payload) if place.unit == SHARE else place.offset(payload) - HEADER_SIZE
    return HEADER_SIZE + max(0, min(at, payload - size))


def _corrupt(scene: Scene) -> Made:
    bits = int(scene.parameters["bits"])
    # Bits side by side, so that they never cancel each other out; all of them within the payload, where it has room.
    mask = ((1 << bits) - 1).to_bytes((bits + 7) // 8, "little")
    at = _in_payload(scene, len(mask))
    return Made(flash=lambda flash: BadCells(flash, at, mask, scene.struck))


def _stuck(scene: Scene) -> Made:
    # At the end of the payload there are enough bytes left that they are not all 0xFF by themselves.
    at = _in_payload(scene, STUCK_MIN)
    return Made(flash=lambda flash: StuckFlash(flash, at, scene.struck))


NO_ROOM: Final = (0, 2)
CORRUPT: Final = (0, 5)
IN_BYTES: Final = frozenset({BYTES, SHARE})
HALF: Final = When(Place(SHARE, 0.5))

KINDS: Final = (
    FaultKind(
        "flash-too-small",
        "flash",
        "The flash has less room than the package needs.",
        _too_small,
        expected=NO_ROOM,
        parameters={
            "capacity": Parameter("size", "Bytes that fit.", required=True),
            "known": Parameter(
                "bool",
                "Whether the device knows it, and refuses by Size1, Size2 or Content-Length before it has stored a "
                "byte; otherwise it finds the flash full while it writes.",
                default=False,
            ),
        },
    ),
    FaultKind(
        "flash-write-error",
        "flash",
        "A write to the flash fails, although there is room.",
        _write_error,
        expected=NO_ROOM,
        takes=frozenset({BYTES, SHARE, BLOCK, TIME, TIMES, HEALS}),
        when=HALF,
    ),
    FaultKind(
        "flash-bad-block",
        "flash",
        "A block of the flash takes nothing, however often an update is tried.",
        _bad_block,
        expected=NO_ROOM,
        takes=IN_BYTES,
        when=HALF,
    ),
    FaultKind(
        "image-corrupt",
        "flash",
        "Bits of the stored payload differ from what arrived, so that the device's own SHA-256 does not match.",
        _corrupt,
        expected=CORRUPT,
        parameters={"bits": Parameter("int", "How many bits.", default=1, minimum=1, maximum=1024)},
        takes=IN_BYTES,
        when=HALF,
    ),
    FaultKind(
        "flash-stuck",
        "flash",
        "Writes do nothing from a byte on, without an error; the device's own SHA-256 finds it.",
        _stuck,
        expected=CORRUPT,
        takes=IN_BYTES,
        when=HALF,
    ),
)
