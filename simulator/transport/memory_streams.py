"""TCP in memory: bytes in order, a window, FIN and RST; the way takes no time and loses nothing."""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from simulator.ports import UNSENT_MAX, unread

if TYPE_CHECKING:
    from simulator.ports import Address, StreamReceiver
    from simulator.transport.schedule import Schedule

WINDOW: Final = 65_536
"""Bytes that may be under way to a receiver or wait for it; the window opens as soon as it takes them."""


class MemoryStreamPort:
    """One end of a TCP connection of a memory network."""

    __slots__ = (
        "_arrived",
        "_closing",
        "_eof",
        "_fin_sent",
        "_flying",
        "_lost",
        "_paused",
        "_schedule",
        "_unread",
        "_unsent",
        "_waiting",
        "local",
        "other",
        "receiver",
    )

    def __init__(self, schedule: Schedule, local: Address) -> None:
        self._schedule = schedule
        self.local = local
        self.other: MemoryStreamPort
        self.receiver: StreamReceiver
        self._unsent: deque[memoryview] = deque()
        self._arrived: deque[bytes] = deque()
        self._waiting = 0
        """Bytes in ``_unsent``."""
        self._flying = 0
        """Bytes sent that the receiver of the other end has not taken."""
        # An end takes nothing before the one that it belongs to knows of it.
        self._paused = True
        self._closing = self._fin_sent = self._eof = self._lost = self._unread = False

    # -- what the owner calls --------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send bytes; nothing on a closed connection."""
        if not data or self._closing or self._lost:
            return
        if self._waiting > UNSENT_MAX:
            self._reset(unread(self.local))
            return
        self._waiting += len(data)
        self._unsent.append(memoryview(data))
        self._pump()

    def pause(self) -> None:
        """Take no more bytes from the peer; what is on its way waits, and the peer stops when the window is full."""
        self._paused = True

    def resume(self) -> None:
        """Take bytes again, from the next turn of the loop on."""
        if self._paused:
            self._paused = False
            self._soon(self._drain)

    def close(self) -> None:
        """Close after what was written is sent; what was not read, and what still comes, is answered with a reset."""
        if not (self._closing or self._lost):
            self._closing = True
            self._unread = bool(self._arrived)
            self._arrived.clear()
            self._pump()

    def abort(self) -> None:
        """Close at once, with a reset."""
        if not self._lost:
            self._reset(None)

    def _reset(self, error: OSError | None) -> None:
        self._closing = True
        self._unsent.clear()
        if not self._fin_sent:
            self._fin_sent = True
            self._send_reset()
        self._soon(self._lose, error)

    # -- sending ---------------------------------------------------------------------------------------------------

    def _soon(self, call: Callable[..., None], *args: object) -> None:
        self._schedule.at(self._schedule.now(), call, *args)

    def _pump(self) -> None:
        """Send what the window has room for, then FIN where the owner closed."""
        while self._unsent and self._flying < WINDOW and not self._lost:
            rest = self._unsent.popleft()
            chunk = bytes(rest[: WINDOW - self._flying])
            if len(chunk) < len(rest):
                self._unsent.appendleft(rest[len(chunk) :])
            self._flying += len(chunk)
            self._waiting -= len(chunk)
            self._soon(self.other.arrive, chunk)
        if self._closing and not self._unsent and not self._fin_sent:
            self._fin_sent = True
            self._soon(self.other.arrive_eof)
            if self._unread:
                self._send_reset()
            self._soon(self._lose, None)

    def _send_reset(self) -> None:
        self._soon(self.other.arrive_reset)

    # -- what arrives ----------------------------------------------------------------------------------------------

    def arrive(self, chunk: bytes) -> None:
        """Bytes of the other end are here."""
        if self._closing or self._lost:
            self._send_reset()
            return
        self._arrived.append(chunk)
        self._drain()

    def arrive_eof(self) -> None:
        """The other end will send no more."""
        self._eof = True
        self._drain()

    def arrive_reset(self) -> None:
        """The other end knows no such connection."""
        self._lose(ConnectionResetError(errno.ECONNRESET, f"TCP {self.local}: reset by {self.other.local}"))

    def _drain(self) -> None:
        """Hand over what has arrived, as long as the owner takes it."""
        while self._arrived and not self._paused:
            chunk = self._arrived.popleft()
            self.other.acknowledged(len(chunk))
            self.receiver.on_data(chunk)
        if self._eof and not (self._arrived or self._paused or self._closing or self._lost):
            self._eof = False
            self.receiver.on_eof()

    def acknowledged(self, size: int) -> None:
        """The other end's owner took bytes: there is room in the window."""
        self._flying -= size
        if self._unsent:
            self._soon(self._pump)

    def _lose(self, error: OSError | None) -> None:
        if self._lost:
            return
        self._lost = self._closing = True
        self._unsent.clear()
        self._arrived.clear()
        self.receiver.on_lost(error)
