"""How a TCP connection of a memory network comes about: by a listener."""

from __future__ import annotations

import errno
import logging
from typing import TYPE_CHECKING

from simulator.ports import Address
from simulator.transport.memory_streams import MemoryStreamPort

if TYPE_CHECKING:
    from simulator.ports import Accept, StreamReceiver
    from simulator.transport.schedule import Schedule

log = logging.getLogger(__name__)


class MemoryListener:
    """A listening TCP port of a memory network."""

    __slots__ = ("_listeners", "accept", "local")

    def __init__(self, local: Address, accept: Accept, listeners: dict[Address, MemoryListener]) -> None:
        self.local = local
        self.accept = accept
        self._listeners = listeners

    def close(self) -> None:
        """Accept no more; connections that are open stay."""
        if self._listeners.get(self.local) is self:
            del self._listeners[self.local]


async def connect(
    schedule: Schedule,
    listeners: dict[Address, MemoryListener],
    local: Address,
    remote: Address,
    receiver: StreamReceiver,
) -> MemoryStreamPort:
    """Connect; the listener knows of it a turn of the loop before whoever connects.

    Raises:
        OSError: nobody listens at ``remote``.
    """
    client, server = MemoryStreamPort(schedule, local), MemoryStreamPort(schedule, remote)
    client.other, server.other = server, client
    client.receiver = receiver
    await schedule.wait(schedule.now())
    listener = listeners.get(remote)
    if listener is None or not _accepted(listener, server):
        raise ConnectionRefusedError(errno.ECONNREFUSED, f"nobody listens at TCP {remote}")
    try:
        await schedule.wait(schedule.now())
    except BaseException:
        client.abort()
        raise
    client.resume()
    return client


def _accepted(listener: MemoryListener, server: MemoryStreamPort) -> bool:
    """Let the listener take a connection; a failure of its own is its own to tell."""
    try:
        server.receiver = listener.accept(server, server.other.local)
    except Exception:
        log.exception("TCP %s could not take a connection", listener.local)
        return False
    server.resume()
    return True
