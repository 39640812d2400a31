"""A slow device: it takes a while over each datagram."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.ports import Address, DatagramReceiver


class Thinking:
    """Hands datagrams on after ``seconds``, in order."""

    __slots__ = ("_free_at", "_receiver", "_seconds")

    def __init__(self, receiver: DatagramReceiver, seconds: float) -> None:
        self._receiver = receiver
        self._seconds = seconds
        self._free_at = 0.0

    def on_datagram(self, data: bytes, peer: Address) -> None:
        """Take a datagram when those before it are done with."""
        loop = asyncio.get_running_loop()
        self._free_at = max(self._free_at, loop.time()) + self._seconds
        loop.call_at(self._free_at, self._receiver.on_datagram, data, peer)

    def on_datagram_error(self, error: OSError) -> None:
        """Errors come from the network stack and need no thought."""
        self._receiver.on_datagram_error(error)


def thinking(receiver: DatagramReceiver, seconds: float) -> DatagramReceiver:
    """The receiver itself for a device that needs no time."""
    return Thinking(receiver, seconds) if seconds > 0 else receiver
