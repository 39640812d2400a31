"""One epoll for the sockets of all devices, itself watched by the event loop: many sockets are served in one turn.

The loop then has one handle instead of thousands, and a socket with an error, such as an ICMP port unreachable, is
served like any other; uvloop's own readers fall silent there.
"""

from __future__ import annotations

import logging
import select
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

log = logging.getLogger(__name__)

BATCH: Final = 64
"""Sockets served in one turn at most, so that timers and other work are not held up for long."""


class Poller:
    """Calls a function per socket whenever there is something to read.

    Args:
        loop: is told of the epoll with the first socket, and forgets it with the last.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._epoll: select.epoll | None = None
        self._readers: dict[int, Callable[[], None]] = {}

    def add(self, fd: int, reader: Callable[[], None]) -> None:
        """Call ``reader`` while ``fd`` has something to read, or an error.

        Raises:
            OSError: the kernel has no room for one more.
        """
        if self._epoll is None:
            self._epoll = select.epoll()
            self._loop.add_reader(self._epoll.fileno(), self._serve)
        self._epoll.register(fd, select.EPOLLIN)
        self._readers[fd] = reader

    def remove(self, fd: int) -> None:
        """Forget a socket, before it is closed."""
        if self._readers.pop(fd, None) is None or self._epoll is None:
            return
        self._epoll.unregister(fd)
        if not self._readers:
            self._loop.remove_reader(self._epoll.fileno())
            self._epoll.close()
            self._epoll = None

    def _serve(self) -> None:
        assert self._epoll is not None
        readers = self._readers
        for fd, _ in self._epoll.poll(0, BATCH):
            reader = readers.get(fd)
            # A reader before it may have closed this one.
            if reader is None:
                continue
            try:
                reader()
            except Exception:
                log.exception("a datagram could not be taken")
