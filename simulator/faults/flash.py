"""Faults of the storage: too little room, cells that do not keep what is written, and no RAM on the way there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from simulator.faults.kinds import FaultKind, Made, Parameter, Scene
from simulator.firmware import HEADER_SIZE
from simulator.ports import FlashFullError, OutOfMemoryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.ports import Flash

STUCK_MIN: Final = 32
"""Bytes that a stuck flash does not take at least."""


class FlashFault:
    """A flash as it is; faults change one of its methods."""

    __slots__ = ("_flash",)

    def __init__(self, flash: Flash) -> None:
        self._flash = flash

    @property
    def capacity(self) -> int:
        """Bytes that fit."""
        return self._flash.capacity

    @property
    def written(self) -> int:
        """Bytes written since the last ``erase``."""
        return self._flash.written

    def erase(self) -> None:
        """Forget what was written."""
        self._flash.erase()

    def write(self, data: bytes) -> None:
        """Append bytes."""
        self._flash.write(data)

    def header(self, length: int) -> bytes:
        """The first bytes, as they are stored."""
        return self._flash.header(length)

    def digest(self) -> bytes:
        """SHA-256 of what is stored after the header."""
        return self._flash.digest()


class SmallFlash(FlashFault):
    """A flash with less room than the device claims."""

    __slots__ = ("_capacity", "_struck")

    def __init__(self, flash: Flash, capacity: int, struck: Callable[[str], None]) -> None:
        super().__init__(flash)
        self._capacity = capacity
        self._struck = struck

    @property
    def capacity(self) -> int:
        """Bytes that fit."""
        return min(self._capacity, self._flash.capacity)

    def write(self, data: bytes) -> None:
        """Append bytes while there is room."""
        if self.written + len(data) > self.capacity:
            self._struck(f"full after {self.written} bytes")
            msg = f"the flash has {self.capacity} bytes, {self.written} are taken"
            raise FlashFullError(msg)
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


class ShortOfMemory(FlashFault):
    """A device without a buffer for the block that comes after ``limit`` bytes."""

    __slots__ = ("_limit", "_struck")

    def __init__(self, flash: Flash, limit: int, struck: Callable[[str], None]) -> None:
        super().__init__(flash)
        self._limit = limit
        self._struck = struck

    def write(self, data: bytes) -> None:
        """Append bytes while there is RAM."""
        if self.written + len(data) > self._limit:
            self._struck(f"no RAM after {self.written} bytes")
            msg = f"no RAM for {len(data)} bytes"
            raise OutOfMemoryError(msg)
        self._flash.write(data)


def _too_small(scene: Scene) -> Made:
    capacity = int(scene.parameters["capacity"])
    return Made(flash=lambda flash: SmallFlash(flash, capacity, scene.struck))


def _corrupt(scene: Scene) -> Made:
    payload = max(scene.package_size - HEADER_SIZE, 1)
    bits = int(scene.parameters["bits"])
    # Bits side by side, so that they never cancel each other out; all of them within the payload, where it has room.
    mask = ((1 << bits) - 1).to_bytes((bits + 7) // 8, "little")
    at = HEADER_SIZE + max(0, min(int(payload * float(scene.parameters["at"])), payload - len(mask)))
    return Made(flash=lambda flash: BadCells(flash, at, mask, scene.struck))


def _stuck(scene: Scene) -> Made:
    payload = max(scene.package_size - HEADER_SIZE, 1)
    # At the end of the payload there are enough bytes left that they are not all 0xFF by themselves.
    at = HEADER_SIZE + max(0, min(int(payload * float(scene.parameters["after"])), payload - STUCK_MIN))
    return Made(flash=lambda flash: StuckFlash(flash, at, scene.struck))


def _out_of_memory(scene: Scene) -> Made:
    # "After 100 %" is the last block: a device that has taken all is no longer short of anything.
    limit = min(int(scene.package_size * float(scene.parameters["after"])), max(scene.package_size - 1, 0))
    return Made(flash=lambda flash: ShortOfMemory(flash, limit, scene.struck))


KINDS: Final = (
    FaultKind(
        "flash-too-small",
        "flash",
        "The flash has less room than the package needs.",
        _too_small,
        expected=(0, 2),
        parameters={"capacity": Parameter("size", "Bytes that fit.", required=True)},
    ),
    FaultKind(
        "image-corrupt",
        "flash",
        "Bits of the stored payload differ from what arrived, so that the device's own SHA-256 does not match.",
        _corrupt,
        expected=(0, 5),
        parameters={
            "at": Parameter("share", "Where, as a share of the payload.", default=0.5),
            "bits": Parameter("int", "How many bits.", default=1, minimum=1, maximum=1024),
        },
    ),
    FaultKind(
        "flash-stuck",
        "flash",
        "Writes do nothing from a byte on, without an error; the device's own SHA-256 finds it.",
        _stuck,
        expected=(0, 5),
        parameters={"after": Parameter("share", "After this share of the payload.", default=0.5)},
    ),
    FaultKind(
        "out-of-memory",
        "flash",
        "The device has no RAM for the next block.",
        _out_of_memory,
        expected=(0, 3),
        parameters={"after": Parameter("share", "After this share of the package.", default=0.5)},
    ),
)
