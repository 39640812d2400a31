"""A file of secrets with which Wireshark decrypts a capture (the NSS key log format).

It is the one place where this project writes down keys of connections, and only where the user asks for it: the keys
of single connections, never those that devices are known by.
"""

from __future__ import annotations

import os
from pathlib import Path


class KeyLog:
    """Writes the secrets of connections as they are made.

    Args:
        path: a new file, which only its owner may read (mode 0600).

    Raises:
        OSError: it cannot be made, or is there already.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=0)
        self.written = False
        """Whether there is any secret in the file."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def master(self, client_random: bytes, master: bytes) -> None:
        """Write the master secret of a connection of TLS 1.2 or DTLS 1.2."""
        self.line(b"CLIENT_RANDOM %b %b" % (client_random.hex().encode(), master.hex().encode()))

    def line(self, line: bytes) -> None:
        """Write one line as OpenSSL gives it; nothing when the file is closed."""
        if not self._file.closed:
            self.written = True
            self._file.write(line + b"\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()
