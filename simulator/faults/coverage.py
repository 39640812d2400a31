"""Radio coverage that somebody takes away and gives back by hand, as often as he likes.

Whatever is open falls silent at once: datagrams are lost, streams hold back what is on its way, as in an ``Outage``
that is silent. A device learns of it by its own time-outs alone.
"""

from __future__ import annotations

import asyncio
import weakref
from typing import TYPE_CHECKING

from simulator.faults.filters import LinkFilter
from simulator.faults.outage import SILENT, LostStream, Outage
from simulator.faults.plan import FaultyNetwork
from simulator.faults.triggers import AfterBytes

if TYPE_CHECKING:
    from simulator.faults.streams import Connect
    from simulator.ports import Network, StreamPort, StreamReceiver


class CoveredStream(LostStream):
    """A connection that can be told to fall silent."""

    __slots__ = ("__weakref__",)


class Coverage(Outage):
    """What all ports of one device share: whether anything passes. It does, until ``begin``, and again from ``end`` on.

    ``down`` says whether nothing passes now.
    """

    __slots__ = ("_streams",)

    def __init__(self) -> None:
        super().__init__(AfterBytes(0), SILENT, 0.0, lambda _detail: None)
        self._streams: list[weakref.ref[CoveredStream]] = []
        """Those that are open, and perhaps some that were; in the order of opening."""

    def network(self, network: Network) -> Network:
        """The network as it is with this coverage."""
        return FaultyNetwork(network, [LinkFilter(lambda: self)], [self])

    def take(self, size: int) -> int:
        """Everything passes, or nothing."""
        return 0 if self.down else size

    def begin(self) -> None:
        """The coverage is lost; nothing where it was lost before."""
        if self.down:
            return
        self._over = asyncio.Event()
        for reference in self._streams:
            stream = reference()
            if stream is not None:
                stream.fall_silent()

    def end(self) -> None:
        """The coverage is back; nothing where it was there."""
        if self.down:
            self._end()

    async def open(self, connect: Connect, receiver: StreamReceiver) -> StreamPort:
        """A connection, or none while there is no coverage.

        Raises:
            OSError: the link stays down too long, or what ``connect`` raises.
        """
        if self.down:
            await self._back()
        stream = CoveredStream(receiver, self)
        stream.attach(await connect(stream))
        self._streams = [reference for reference in self._streams if reference() is not None]
        self._streams.append(weakref.ref(stream))
        if self.down:
            stream.fall_silent()
        return stream
