"""A flash around another one: what does not change passes as the inner flash has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.ports import Flash


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

    def reserve(self, size: int) -> None:
        """See whether a package of ``size`` bytes can be taken at all."""
        self._flash.reserve(size)

    def write(self, data: bytes) -> None:
        """Append bytes."""
        self._flash.write(data)

    def header(self, length: int) -> bytes:
        """The first bytes, as they are stored."""
        return self._flash.header(length)

    def digest(self) -> bytes:
        """SHA-256 of what is stored after the header."""
        return self._flash.digest()


class CountingFlash(FlashFault):
    """A flash as it is, that tells of each write: how many bytes, and how many in all."""

    __slots__ = ("_told",)

    def __init__(self, flash: Flash, told: Callable[[int, int], None]) -> None:
        super().__init__(flash)
        self._told = told

    def write(self, data: bytes) -> None:
        """Append bytes."""
        self._flash.write(data)
        self._told(len(data), self._flash.written)
