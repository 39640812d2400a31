"""Local addresses for many sockets: 127.0.0.1 has some 28,000 free ports, but loopback has 16 million addresses."""

from __future__ import annotations

import errno
import socket
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Final

from simulator.ports import Address

PER_ADDRESS_MAX: Final = 28_000
"""Below the 28,232 ports of Linux' usual range, so that the kernel does not search long for the last free ones."""
ADDRESSES_MAX: Final = 250
_EXHAUSTED: Final = frozenset({errno.EADDRNOTAVAIL, errno.EADDRINUSE, errno.EAGAIN})
"""What the kernel says when an address has no free port: on bind, on connect, and on connect without bind."""


class SourceAddresses:
    """Connects UDP sockets; towards loopback from 127.0.0.1, then from 127.0.0.2 ... as ports run out.

    Args:
        per_address_max: sockets open at once on each of these addresses.
        addresses_max: the last address is 127.0.0.``addresses_max``.
    """

    def __init__(self, per_address_max: int = PER_ADDRESS_MAX, addresses_max: int = ADDRESSES_MAX) -> None:
        self._per_address_max = per_address_max
        self._addresses_max = addresses_max
        self._current = 1
        self._open: Counter[str] = Counter()

    def connect(self, remote: Address, local: Address | None = None) -> tuple[socket.socket, Callable[[], None]]:
        """A connected, non-blocking UDP socket, and what to call once when it is closed.

        Raises:
            OSError: no local port is free, or the address cannot be used; the text names it.
        """
        if local is not None or not remote.host.startswith("127."):
            return _connected(remote, local), _nothing
        for _ in range(self._addresses_max):
            host = f"127.0.0.{self._current}"
            sock = self._try(remote, host) if self._open[host] < self._per_address_max else None
            if sock is not None:
                self._open[host] += 1
                return sock, partial(self._release, host)
            self._current = self._current % self._addresses_max + 1
        msg = f"UDP to {remote}: no free port on 127.0.0.1 to 127.0.0.{self._addresses_max}; use fewer devices"
        raise OSError(errno.EADDRNOTAVAIL, msg)

    def _release(self, host: str) -> None:
        self._open[host] -= 1

    def _try(self, remote: Address, host: str) -> socket.socket | None:
        try:
            # 127.0.0.1 is what the kernel takes by itself; binding the others costs one call more.
            return _connected(remote, None if self._current == 1 else Address(host, 0))
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                raise
            return None


def _nothing() -> None:
    """A socket with a local address of its own is not counted."""


def _connected(remote: Address, local: Address | None) -> socket.socket:
    sock = socket.socket(family(remote), socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if local is not None:
            sock.bind((local.host, local.port))
        sock.connect((remote.host, remote.port))
    except OSError as error:
        sock.close()
        raise named(error, f"UDP to {remote}" if local is None else f"UDP from {local} to {remote}") from error
    except BaseException:
        sock.close()
        raise
    return sock


def family(address: Address) -> socket.AddressFamily:
    """IPv6 or IPv4."""
    return socket.AF_INET6 if ":" in address.host else socket.AF_INET


def named(error: OSError, what: str) -> OSError:
    """The same error with a text that says what it is about."""
    return OSError(error.errno, f"{what}: {error.strerror or error}")
