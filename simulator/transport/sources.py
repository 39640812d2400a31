"""Local addresses for many sockets: 127.0.0.1 has some 28,000 ports, but loopback has 16 million addresses."""

from __future__ import annotations

import errno
import socket
from typing import Final

from simulator.ports import Address

ADDRESSES_MAX: Final = 250


class SourceAddresses:
    """Connects UDP sockets; towards loopback from 127.0.0.1, then 127.0.0.2 ... as ports run out.

    Args:
        per_address_max: sockets per address before the next one is taken; None to find out from the kernel.
    """

    def __init__(self, per_address_max: int | None = None) -> None:
        self._per_address_max = per_address_max
        self._current = 1
        self._used = 0

    def connect(self, remote: Address, local: Address | None = None) -> socket.socket:
        """A connected, non-blocking UDP socket.

        Raises:
            OSError: no local port is free, or the address cannot be used.
        """
        if local is not None or not remote.host.startswith("127."):
            return _connected(remote, local)
        while True:
            if self._per_address_max is not None and self._used >= self._per_address_max:
                self._next()
            try:
                # 127.0.0.1 is what the kernel takes by itself; binding the others costs one call more.
                bound = None if self._current == 1 else Address(f"127.0.0.{self._current}", 0)
                sock = _connected(remote, bound)
            except OSError as error:
                if error.errno not in (errno.EADDRNOTAVAIL, errno.EADDRINUSE, errno.EAGAIN):
                    raise
                self._next()
                continue
            self._used += 1
            return sock

    def _next(self) -> None:
        if self._current >= ADDRESSES_MAX:
            msg = f"no free UDP port on 127.0.0.1 to 127.0.0.{ADDRESSES_MAX}; use fewer devices"
            raise OSError(errno.EADDRNOTAVAIL, msg)
        self._current += 1
        self._used = 0


def _connected(remote: Address, local: Address | None) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in remote.host else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if local is not None:
            sock.bind((local.host, local.port))
        sock.connect((remote.host, remote.port))
    except OSError:
        sock.close()
        raise
    return sock
