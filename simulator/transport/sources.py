"""Local addresses for many sockets: 127.0.0.1 has some 28,000 free ports, but loopback has 16 million addresses.

A server knows a device without security by nothing but its address. A port that one device has given back is therefore
not given to another one before all others had their turn: what a server still sends to a device that is dead, or
restarts, would be answered by a stranger.
"""

from __future__ import annotations

import errno
import os
import socket
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final

from simulator.ports import Address

PER_ADDRESS_MAX: Final = 28_000
"""Below the 28,232 ports of Linux' usual range, so that the kernel does not search long for the last free ones."""
ADDRESSES_MAX: Final = 250
TRIES: Final = 64
"""Ports in a row that somebody else has, before the kernel is asked for any."""
_RANGE: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
_USUAL_RANGE: Final = (32_768, 60_999)
_APART: Final = 7_919
"""Between the first ports of two processes whose numbers are neighbours."""
_FURTHER: Final = 1_009
"""The same of two of these in one process: a later one must not begin with the ports that an earlier one has left."""
_MADE: Final = count()
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
        first, last = _local_ports()
        self._ports = range(first, last + 1)
        self._turn = (os.getpid() * _APART + next(_MADE) * _FURTHER) % len(self._ports)
        self._fresh = len(self._ports)
        """Ports of the current address that had no turn yet."""

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
            self._next_address()
        msg = f"UDP to {remote}: no free port on 127.0.0.1 to 127.0.0.{self._addresses_max}; use fewer devices"
        raise OSError(errno.EADDRNOTAVAIL, msg)

    def _release(self, host: str) -> None:
        self._open[host] -= 1

    def _next_address(self) -> None:
        self._current = self._current % self._addresses_max + 1
        self._fresh = len(self._ports)

    def _try(self, remote: Address, host: str) -> socket.socket | None:
        if not self._fresh and self._addresses_max > 1:
            return None
        for _ in range(TRIES):
            self._turn = (self._turn + 1) % len(self._ports)
            self._fresh = max(self._fresh - 1, 0)
            sock = _free(remote, Address(host, self._ports[self._turn]))
            if sock is not None:
                return sock
        return _free(remote, Address(host, 0))


def _free(remote: Address, local: Address) -> socket.socket | None:
    """A socket; None where the port is taken, or the address has none."""
    try:
        return _connected(remote, local)
    except OSError as error:
        if error.errno not in _EXHAUSTED:
            raise
        return None


def _local_ports() -> tuple[int, int]:
    """The first and the last of the ports that the kernel gives out by itself."""
    with suppress(OSError, ValueError):
        first, last = (int(word) for word in _RANGE.read_text(encoding="ascii").split())
        if 0 < first <= last < 1 << 16:
            return first, last
    return _USUAL_RANGE


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
