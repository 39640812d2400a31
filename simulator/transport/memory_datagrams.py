"""UDP in memory: ports, the way of a datagram from one to another, and what became of it."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from simulator.network.link import ICMP_SIZE
from simulator.ports import Address

if TYPE_CHECKING:
    from simulator.network.link import Link
    from simulator.ports import DatagramReceiver
    from simulator.transport.schedule import Schedule

DATAGRAM_MAX: Final = 65_507
"""Most payload that an IPv4 datagram can have."""


@dataclass(slots=True)
class Counts:
    """What became of datagrams: when none is under way, sent + duplicated = lost + delivered + refused."""

    sent: int = 0
    lost: int = 0
    """By an access network."""
    duplicated: int = 0
    delivered: int = 0
    refused: int = 0
    """Nobody was there to take them."""


class DatagramHub:
    """Joins the ports of one memory network."""

    __slots__ = ("counts", "ports", "schedule")

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.counts = Counts()
        self.ports: dict[Address, MemoryDatagramPort] = {}

    def carry(self, link: Link, size: int, call: Callable[..., None], *args: Any) -> None:
        """Call when a datagram has passed a link; not at all where it is lost, twice where it is doubled."""
        times = link.plan(size, self.schedule.now())
        if not times:
            self.counts.lost += 1
        elif len(times) > 1:
            self.counts.duplicated += 1
        for at in times:
            self.schedule.at(at, call, *args)

    def forward(self, data: bytes, sender: MemoryDatagramPort, to: Address) -> None:
        """A datagram is past the access network of its sender."""
        port = self.ports.get(to)
        if port is None or not port.hears(sender.local):
            self.counts.refused += 1
            sender.unreachable()
        elif port.down is None:
            self.schedule.soon(self.deliver, data, sender, port)
        else:
            self.carry(port.down, len(data), self.deliver, data, sender, port)

    def deliver(self, data: bytes, sender: MemoryDatagramPort, port: MemoryDatagramPort) -> None:
        """A datagram is there."""
        if port.closed:
            self.counts.refused += 1
            sender.unreachable()
            return
        self.counts.delivered += 1
        port.receiver.on_datagram(data, sender.local)


class MemoryDatagramPort:
    """One UDP port; a connected one has ``remote``, and may have an access network: a link up and a link down."""

    __slots__ = ("_hub", "_up", "closed", "down", "local", "receiver", "remote")

    def __init__(
        self,
        hub: DatagramHub,
        local: Address,
        receiver: DatagramReceiver,
        remote: Address | None = None,
        links: tuple[Link | None, Link | None] = (None, None),
    ) -> None:
        self._hub = hub
        self.local = local
        self.receiver = receiver
        self.remote = remote
        self._up, self.down = links
        self.closed = False
        hub.ports[local] = self

    def send(self, data: bytes, peer: Address | None = None, /) -> None:
        """Send one datagram.

        Raises:
            ValueError: no peer is given, and the port is connected to none.
        """
        if self.closed:
            return
        hub = self._hub
        to = self.remote if peer is None else peer
        if to is None:
            msg = f"UDP {self.local} is connected to nobody, so a datagram needs a peer"
            raise ValueError(msg)
        if len(data) > DATAGRAM_MAX:
            error = OSError(errno.EMSGSIZE, f"a datagram has at most {DATAGRAM_MAX} bytes, not {len(data)}")
            hub.schedule.at(hub.schedule.now(), self._tell, error)
            return
        hub.counts.sent += 1
        if self._up is None:
            hub.forward(data, self, to)
        else:
            hub.carry(self._up, len(data), hub.forward, data, self, to)

    def hears(self, sender: Address) -> bool:
        """Whether a datagram of this sender is for this port: a connected one hears its peer alone."""
        return self.remote is None or self.remote == sender

    def unreachable(self) -> None:
        """Nobody took what was sent: as with ICMP, a connected port is told after the way back, another never."""
        if self.remote is None or self.closed:
            return
        error = ConnectionRefusedError(errno.ECONNREFUSED, f"nobody listens at UDP {self.remote}")
        now = self._hub.schedule.now()
        for at in [now] if self.down is None else self.down.plan(ICMP_SIZE, now)[:1]:
            self._hub.schedule.at(at, self._tell, error)

    def _tell(self, error: OSError) -> None:
        if not self.closed:
            self.receiver.on_datagram_error(error)

    def close(self) -> None:
        """Give the port back; what is under way to it finds nobody."""
        if not self.closed:
            self.closed = True
            del self._hub.ports[self.local]
