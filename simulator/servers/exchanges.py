"""Which packages were exchanged, known to all processes of one origin.

A device that begins anew comes from another port, and so perhaps to another process, which must not give it the old
package once more.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Final

from simulator.servers.troubles import NAMES_MAX

if TYPE_CHECKING:
    from pathlib import Path

    from simulator.servers.troubles import Trouble

DIGEST_BYTES: Final = 16


class SharedExchanges:
    """As ``simulator.servers.troubles.Exchanges``, by way of a file to which each process appends.

    The file holds digests of the names. Before a process denies an exchange it reads what others have added since; that
    is one system call where nobody has.

    Args:
        file: made where it is not there; ``close`` removes it.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._known: set[bytes] = set()
        self._read = 0
        """Bytes of the file that are known."""

    def took_place(self, trouble: Trouble) -> bool:
        """Whether the new package is there.

        Raises:
            OSError: the file cannot be read.
        """
        digest = _digest(trouble)
        if digest not in self._known:
            self._catch_up()
        return digest in self._known

    def exchange(self, trouble: Trouble) -> None:
        """The new package takes the place of the old one, at all processes.

        Raises:
            OSError: the file cannot be written.
        """
        digest = _digest(trouble)
        if digest not in self._known and len(self._known) < NAMES_MAX:
            self._known.add(digest)
            os.write(self._descriptor, digest)

    def _catch_up(self) -> None:
        size = os.fstat(self._descriptor).st_size
        # What is not whole yet is read the next time.
        wanted = (size - self._read) // DIGEST_BYTES * DIGEST_BYTES
        if wanted:
            new = os.pread(self._descriptor, wanted, self._read)
            self._read += len(new)
            self._known.update(new[k : k + DIGEST_BYTES] for k in range(0, len(new), DIGEST_BYTES))

    def close(self) -> None:
        """Know nothing any more; processes that have the file open go on with it."""
        os.close(self._descriptor)
        self._file.unlink(missing_ok=True)


def _digest(trouble: Trouble) -> bytes:
    return hashlib.blake2b(trouble.detail.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).digest()
