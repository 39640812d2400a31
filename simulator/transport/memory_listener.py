"""How a TCP connection of a memory network comes about: a listener, and a round trip."""

from __future__ import annotations

import asyncio
import errno
import logging
from typing import TYPE_CHECKING, Final

from simulator.ports import Address
from simulator.transport.memory_streams import MemoryStreamPort

if TYPE_CHECKING:
    from simulator.network.link import Link
    from simulator.ports import Accept, StreamReceiver
    from simulator.transport.schedule import Schedule

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S: Final = 30.0


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
    links: tuple[Link | None, Link | None],
) -> MemoryStreamPort:
    """Connect, which takes a round trip.

    Raises:
        OSError: nobody listens at ``remote``, or no answer within 30 s.
    """
    client, server = MemoryStreamPort(schedule, local, links[0]), MemoryStreamPort(schedule, remote, links[1])
    client.other, server.other = server, client
    client.receiver = receiver
    deadline = schedule.now() + CONNECT_TIMEOUT_S
    await _until(schedule, client.arrival(), deadline, remote)
    listener = listeners.get(remote)
    back = server.arrival()
    if listener is None or not _accepted(listener, server):
        await _until(schedule, back, deadline, remote)
        raise ConnectionRefusedError(errno.ECONNREFUSED, f"nobody listens at TCP {remote}")
    try:
        await _until(schedule, back, deadline, remote)
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


async def _until(schedule: Schedule, when: float, deadline: float, remote: Address) -> None:
    """Wait until ``when``, but no longer than until ``deadline``.

    Raises:
        TimeoutError: the deadline came first.
    """
    reached = asyncio.get_running_loop().create_future()
    schedule.at(min(when, deadline), _set, reached)
    await reached
    if when > deadline:
        raise TimeoutError(errno.ETIMEDOUT, f"TCP {remote}: no answer within {CONNECT_TIMEOUT_S:g} s")


def _set(reached: asyncio.Future[None]) -> None:
    if not reached.done():
        reached.set_result(None)
