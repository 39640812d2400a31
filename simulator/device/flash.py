"""Storage for one package: one that keeps only what a check needs, and one that keeps the file.

Ten thousand devices that download a megabyte each would need ten gigabytes. A check needs the header and the SHA-256 of
what follows it, so that is all that ``HashingFlash`` keeps; a flipped bit still shows.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from simulator.firmware import HEADER_SIZE
from simulator.ports import FlashFullError

if TYPE_CHECKING:
    from io import FileIO
    from pathlib import Path

HEADER_MAX: Final = 256
"""Longest header that can be asked for, in bytes (``simulator.ports.Flash.header``)."""
_EMPTY_DIGEST: Final = hashlib.sha256().digest()
_CHUNK: Final = 65_536


def _demand_room(capacity: int, written: int, length: int) -> None:
    if written + length > capacity:
        msg = f"the flash has {capacity} bytes, {written} are taken, {length} more do not fit"
        raise FlashFullError(msg)


def _demand_capacity(capacity: int) -> None:
    if capacity < 0:
        msg = f"the capacity of a flash is 0 bytes or more, not {capacity}"
        raise ValueError(msg)


class HashingFlash:
    """A flash of ``capacity`` bytes that keeps the first ``HEADER_MAX`` bytes and a running SHA-256."""

    __slots__ = ("_hash", "_head", "capacity", "written")

    def __init__(self, capacity: int) -> None:
        _demand_capacity(capacity)
        self.capacity = capacity
        self.written = 0
        self._head = b""
        self._hash: hashlib._Hash | None = None
        """There from the first byte after the header until ``erase``: an idle device has none."""

    def erase(self) -> None:
        """Forget what was written."""
        self.written = 0
        self._head = b""
        self._hash = None

    def reserve(self, size: int) -> None:
        """See whether a package of ``size`` bytes can be taken at all.

        Raises:
            FlashFullError: it does not fit.
        """
        _demand_room(self.capacity, 0, size)

    def write(self, data: bytes) -> None:
        """Append bytes.

        Raises:
            FlashFullError: they do not fit; nothing of them is kept.
        """
        at = self.written
        end = at + len(data)
        if end > self.capacity:
            _demand_room(self.capacity, at, len(data))
        self.written = end
        if self._hash is not None and at >= HEADER_MAX:
            self._hash.update(data)  # nearly every block
            return
        self._head += data[: max(HEADER_MAX - at, 0)]
        payload = data[HEADER_SIZE - at :] if at < HEADER_SIZE else data
        if payload:
            if self._hash is None:
                self._hash = hashlib.sha256()
            self._hash.update(payload)

    def header(self, length: int) -> bytes:
        """The first ``length`` bytes (at most 256), as they are stored."""
        return self._head[:length]

    def digest(self) -> bytes:
        """SHA-256 of what is stored after the package's header."""
        return _EMPTY_DIGEST if self._hash is None else self._hash.digest()


class FileFlash:
    """A flash of ``capacity`` bytes in a file, for the few devices whose package is to be looked at afterwards.

    What the file holds at the start counts as written, so the package survives the end of the process. ``write`` keeps
    the file open until the next ``digest``, ``erase`` or ``close``. Errors of the file system are passed on as OSError.
    """

    __slots__ = ("_file", "_path", "capacity", "written")

    def __init__(self, path: Path, capacity: int) -> None:
        _demand_capacity(capacity)
        self.capacity = capacity
        self._path = path
        self._file: FileIO | None = None
        self.written = path.stat().st_size if path.exists() else 0
        _demand_room(capacity, 0, self.written)

    def erase(self) -> None:
        """Forget what was written; the file is gone."""
        self.close()
        self._path.unlink(missing_ok=True)
        self.written = 0

    def reserve(self, size: int) -> None:
        """See whether a package of ``size`` bytes can be taken at all.

        Raises:
            FlashFullError: it does not fit.
        """
        _demand_room(self.capacity, 0, size)

    def write(self, data: bytes) -> None:
        """Append bytes.

        Raises:
            FlashFullError: they do not fit; nothing of them is kept.
        """
        _demand_room(self.capacity, self.written, len(data))
        if self._file is None:
            self._file = self._path.open("ab", buffering=0)
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]
        self.written += len(data)

    def header(self, length: int) -> bytes:
        """The first ``length`` bytes (at most 256), as they are stored."""
        if not self.written:
            return b""
        with self._path.open("rb") as file:
            return file.read(min(length, HEADER_MAX))

    def digest(self) -> bytes:
        """SHA-256 of what is stored after the package's header, read back from the file."""
        self.close()
        if not self.written:
            return _EMPTY_DIGEST
        found = hashlib.sha256()
        with self._path.open("rb") as file:
            file.seek(HEADER_SIZE)
            while chunk := file.read(_CHUNK):
                found.update(chunk)
        return found.digest()

    def close(self) -> None:
        """Close the file; a later ``write`` opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None
