"""The two byte ports in memory: a network inside the process, as good or as bad as its profile.

Ports that connect belong to devices: each has an address of its own and an access network of its own, one link in
each direction. A device with several ports on one access network has ``simulator.network.shaped`` around a network
without a profile; links and streams behind them are the same code. Ports that bind belong to servers next to the
backbone, where packets take no time. Under ``VirtualLoop`` the same program and the same dice give the same history.
"""

from __future__ import annotations

import errno
import ipaddress
from collections.abc import Awaitable, Container
from typing import TYPE_CHECKING, Final

from simulator.network import shaped_stream
from simulator.network.link import Link
from simulator.network.profiles import IDEAL, NetworkProfile
from simulator.ports import Address
from simulator.transport.memory_datagrams import Counts, DatagramHub, MemoryDatagramPort
from simulator.transport.memory_listener import MemoryListener, connect
from simulator.transport.schedule import Schedule

if TYPE_CHECKING:
    import asyncio

    from simulator.ports import Accept, DatagramReceiver, Dice, StreamPort, StreamReceiver
    from simulator.transport.memory_streams import MemoryStreamPort

DYNAMIC_PORTS: Final = range(49_152, 65_536)
"""Ports for whoever wants any (RFC 6335 §6)."""
HOSTS: Final = 0xFF_FFFE
"""Addresses of 10.0.0.0/8 (RFC 1918) without the first and the last; as many of fd00::/104 (RFC 4193)."""
_BASES: Final = {4: int(ipaddress.ip_address("10.0.0.0")), 6: int(ipaddress.ip_address("fd00::"))}


class Places:
    """Gives out addresses, the same ones in every run."""

    __slots__ = ("_hosts", "_next_port")

    def __init__(self) -> None:
        self._hosts = 0
        self._next_port: dict[str, int] = {}

    def bound(self, wanted: Address, taken: Container[Address]) -> Address:
        """The address that is wanted; with port 0, a free port of its host.

        Raises:
            OSError: it is taken, no address of one host, or the host has no free port.
        """
        try:
            host = ipaddress.ip_address(wanted.host)
        except ValueError:
            host = ipaddress.ip_address(0)
        if host.is_unspecified:
            msg = f"{wanted}: a port in memory needs the address of one host, such as 10.0.0.1"
            raise OSError(errno.EADDRNOTAVAIL, msg)
        if wanted.port:
            at = Address(str(host), wanted.port)
            if at in taken:
                raise OSError(errno.EADDRINUSE, f"{at} is taken")
            return at
        first = self._next_port.get(str(host), 0)
        for k in range(len(DYNAMIC_PORTS)):
            number = (first + k) % len(DYNAMIC_PORTS)
            at = Address(str(host), DYNAMIC_PORTS[number])
            if at not in taken:
                self._next_port[at.host] = number + 1
                return at
        raise OSError(errno.EADDRINUSE, f"{host} has no free port")

    def any(self, remote: Address, taken: Container[Address]) -> Address:
        """The address of one more device, of the family of ``remote``.

        Raises:
            OSError: all are taken.
        """
        base = _BASES[6 if ":" in remote.host else 4]
        for _ in range(HOSTS):
            self._hosts = self._hosts % HOSTS + 1
            at = Address(str(ipaddress.ip_address(base + self._hosts)), DYNAMIC_PORTS[0])
            if at not in taken:
                return at
        raise OSError(errno.EADDRNOTAVAIL, f"all {HOSTS} addresses of devices are taken")


class _Shared:
    """What all views of one memory network have in common."""

    __slots__ = ("datagrams", "listeners", "places", "schedule")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.schedule = Schedule(loop)
        self.datagrams = DatagramHub(self.schedule)
        self.listeners: dict[Address, MemoryListener] = {}
        self.places = Places()


class MemoryNetwork:
    """``simulator.ports.Network`` in memory.

    Args:
        loop: carries the packets; a ``VirtualLoop`` for virtual time.
        dice: the chance of the access networks.
        profile: the access network of each port that connects.
        shared: of the network to join, instead of making a new one (``behind`` does).
    """

    __slots__ = ("_dice", "_loop", "_profile", "_shared")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        dice: Dice,
        profile: NetworkProfile = IDEAL,
        *,
        shared: _Shared | None = None,
    ) -> None:
        self._loop = loop
        self._dice = dice
        self._profile = profile
        self._shared = shared or _Shared(loop)

    def behind(self, profile: NetworkProfile, dice: Dice | None = None) -> MemoryNetwork:
        """The same network as devices see it that have another access network, and may have dice of their own."""
        return MemoryNetwork(self._loop, self._dice if dice is None else dice, profile, shared=self._shared)

    @property
    def counts(self) -> Counts:
        """What became of all datagrams so far."""
        return self._shared.datagrams.counts

    async def open_datagram(
        self, remote: Address, receiver: DatagramReceiver, *, local: Address | None = None
    ) -> MemoryDatagramPort:
        """A port connected to ``remote``; without ``local``, at an address of its own.

        Raises:
            OSError: ``local`` is taken, or no address.
        """
        hub = self._shared.datagrams
        return MemoryDatagramPort(hub, self._place(local, remote, hub.ports), receiver, _plain(remote), self._links())

    async def bind_datagram(self, local: Address, receiver: DatagramReceiver) -> MemoryDatagramPort:
        """A port open to every peer; port 0 takes a free one.

        Raises:
            OSError: ``local`` is taken, or no address of one host.
        """
        hub = self._shared.datagrams
        return MemoryDatagramPort(hub, self._shared.places.bound(local, hub.ports), receiver)

    async def open_stream(
        self, remote: Address, receiver: StreamReceiver, *, local: Address | None = None
    ) -> StreamPort:
        """A connection to ``remote``, after a round trip.

        Raises:
            OSError: nobody listens there, or no answer within 30 s.
        """
        shared = self._shared
        at, to = self._place(local, remote, ()), _plain(remote)

        def join(receiver: StreamReceiver) -> Awaitable[MemoryStreamPort]:
            return connect(shared.schedule, shared.listeners, at, to, receiver)

        up, down = self._links()
        if up is None or down is None:
            return await join(receiver)
        return await shaped_stream.connect(shared.schedule, (up, down), to, receiver, join)

    async def listen_stream(self, local: Address, accept: Accept) -> MemoryListener:
        """Accept connections at ``local``; port 0 takes a free one.

        Raises:
            OSError: ``local`` is taken, or no address of one host.
        """
        listeners = self._shared.listeners
        listener = MemoryListener(self._shared.places.bound(local, listeners), accept, listeners)
        listeners[listener.local] = listener
        return listener

    def _links(self) -> tuple[Link | None, Link | None]:
        if self._profile.transparent:
            return None, None
        return Link(self._profile, self._dice, "up"), Link(self._profile, self._dice, "down")

    def _place(self, local: Address | None, remote: Address, taken: Container[Address]) -> Address:
        places = self._shared.places
        return places.any(remote, taken) if local is None else places.bound(local, taken)


def _plain(address: Address) -> Address:
    """An address without what sockets add to one of IPv6."""
    return Address(*address[:2])
