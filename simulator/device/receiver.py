"""From the bytes of a package to the event that ends its transfer: the same for push, pull and a small Write.

The bytes go into the flash; the header is judged as soon as it is in, the whole when the last byte is. Update Results
2, 3, 5 and 6 come from here and from nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.firmware import HEADER_SIZE
from simulator.firmware.check import Verdict, check, early_check
from simulator.lwm2m.firmware_object import CHECK_EVENTS
from simulator.lwm2m.firmware_table import Event
from simulator.ports import FlashFullError, FlashWriteError, OutOfMemoryError

if TYPE_CHECKING:
    from simulator.ports import Flash


class PackageReceiver:
    """Takes one package into a flash and judges it for a device model."""

    __slots__ = ("_header_judged", "flash", "model", "verdict")

    def __init__(self, flash: Flash, model: str) -> None:
        self.flash = flash
        self.model = model
        self._header_judged = False
        self.verdict: Verdict | None = None
        """The last judgement, with PkgName and PkgVersion where the header could be read."""

    def begin(self, offset: int = 0, size: int = -1) -> Event | None:
        """A package is about to come; ``offset`` above 0 goes on with one whose beginning the flash still has.

        The event that ends the transfer at once, where the size is told (Size1, Size2, Content-Length; -1 where it is
        not) and the device cannot take so much; or None.
        """
        if offset == 0:
            self.flash.erase()
        self._header_judged = offset >= HEADER_SIZE
        try:
            if size >= 0:
                self.flash.reserve(size)
        except FlashFullError:
            return Event.FLASH_FULL
        except OutOfMemoryError:
            return Event.OUT_OF_MEMORY
        return None

    def write(self, data: bytes) -> Event | None:
        """Store the next bytes; the event that ends the transfer, or None to go on."""
        try:
            self.flash.write(data)
        except (FlashFullError, FlashWriteError):
            return Event.FLASH_FULL
        except OutOfMemoryError:
            return Event.OUT_OF_MEMORY
        if not self._header_judged and self.flash.written >= HEADER_SIZE:
            self._header_judged = True
            self.verdict = early_check(self.flash.header(HEADER_SIZE), self.model)
            if not self.verdict.ok:
                return CHECK_EVENTS[self.verdict.finding]
        return None

    def finish(self) -> Event:
        """The last byte is stored: judge the whole."""
        flash = self.flash
        self.verdict = check(flash.header(HEADER_SIZE), flash.digest(), flash.written, self.model)
        return CHECK_EVENTS[self.verdict.finding]
