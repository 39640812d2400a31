"""A network profile in front of any network: what a device sends and gets waits, or is lost, in this process."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Final

from simulator.network import shaped_stream
from simulator.network.link import Link
from simulator.network.shaped_port import ShapedPort
from simulator.network.turns import UNTIMED, Turns
from simulator.network.wrapped import WrappedNetwork
from simulator.transport.schedule import schedule_of

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable

    from simulator.network.profiles import NetworkProfile
    from simulator.ports import (
        Address,
        DatagramPort,
        DatagramReceiver,
        Dice,
        Network,
        StreamPort,
        StreamReceiver,
    )

LATE_SHARE: Final = 1 / 80
"""Part of the delay of a link by which its packets may be late, so that several are served at a time."""
LATE_MAX_S: Final = 0.001


class ShapedNetwork(WrappedNetwork):
    """The network as one device on a slow link sees it: all its ports that connect share the link.

    Args:
        network: opens the real ports. What is bound or listens is that of ``network``, untouched.
        loop: its time is that of the links.
        profile: the link's figures, for both directions.
        dice: chance of the link.

    Attributes:
        turns: clock of the turns of the peers at the far end.
    """

    __slots__ = ("_down", "_schedule", "_up", "turns")

    def __init__(self, network: Network, loop: asyncio.AbstractEventLoop, profile: NetworkProfile, dice: Dice) -> None:
        super().__init__(network)
        self._schedule = schedule_of(loop)
        self._up = Link(profile, dice, "up")
        self._down = Link(profile, dice, "down")
        self._schedule.bear(min(LATE_SHARE * profile.delay_s, LATE_MAX_S))
        self.turns = Turns()

    def beside(self) -> ShapedNetwork:
        """The same links with a clock of its own."""
        other = copy(self)
        other.turns = Turns()
        return other

    async def open_datagram(
        self, remote: Address, receiver: DatagramReceiver, *, local: Address | None = None
    ) -> DatagramPort:
        """A connected port behind the link."""
        port = ShapedPort(receiver, self._schedule, self._up, self._down, self.turns)
        port.attach(await self._network.open_datagram(remote, port, local=local))
        return port

    async def open_stream(
        self, remote: Address, receiver: StreamReceiver, *, local: Address | None = None
    ) -> StreamPort:
        """A connection behind the link, after a round trip.

        Raises:
            OSError: as the network has it, or no answer within 30 s.
        """

        def open_inner(receiver: StreamReceiver) -> Awaitable[StreamPort]:
            return self._network.open_stream(remote, receiver, local=local)

        links = self._up, self._down
        return await shaped_stream.connect(self._schedule, links, remote, receiver, open_inner, self.turns)


def shaped(network: Network, loop: asyncio.AbstractEventLoop, profile: NetworkProfile, dice: Dice) -> Network:
    """The network as one device has it behind a link of this profile; the very same object for an ideal one.

    Args:
        network: real sockets, or packets in memory.
        loop: its time is that of the link.
        profile: the link's figures.
        dice: chance of the link.
    """
    return network if profile.transparent else ShapedNetwork(network, loop, profile, dice)


def beside(network: Network) -> Network:
    """The same network for another purpose: where it is shaped, with a clock of its own for the turns of the peers."""
    return network.beside() if isinstance(network, ShapedNetwork) else network


def turns_of(network: Network) -> Turns:
    """The clock of the peers' turns in a network; one that knows nothing where it is not shaped."""
    return network.turns if isinstance(network, ShapedNetwork) else UNTIMED
