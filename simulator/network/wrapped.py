"""A network around another one: what does not change passes as the inner network has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.ports import (
        Accept,
        Address,
        DatagramPort,
        DatagramReceiver,
        Listener,
        Network,
        StreamPort,
        StreamReceiver,
    )


class WrappedNetwork:
    """``simulator.ports.Network`` that hands everything to ``network``; a subclass changes what it is there for."""

    __slots__ = ("_network",)

    def __init__(self, network: Network) -> None:
        self._network = network

    async def open_datagram(
        self, remote: Address, receiver: DatagramReceiver, *, local: Address | None = None
    ) -> DatagramPort:
        """As the network has it."""
        return await self._network.open_datagram(remote, receiver, local=local)

    async def bind_datagram(self, local: Address, receiver: DatagramReceiver) -> DatagramPort:
        """As the network has it."""
        return await self._network.bind_datagram(local, receiver)

    async def open_stream(
        self, remote: Address, receiver: StreamReceiver, *, local: Address | None = None
    ) -> StreamPort:
        """As the network has it."""
        return await self._network.open_stream(remote, receiver, local=local)

    async def listen_stream(self, local: Address, accept: Accept) -> Listener:
        """As the network has it."""
        return await self._network.listen_stream(local, accept)
