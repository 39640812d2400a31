"""Two ends of a connection, the device's behind a link, over the network in memory or over real sockets."""

from __future__ import annotations

import asyncio
import errno
import random

from simulator.network.shaped import shaped
from simulator.ports import Address
from simulator.transport.memory import MemoryNetwork
from simulator.transport.virtual import run_virtual

SERVER = Address("10.9.0.1", 443)


class End:
    """Keeps what happens to one end of a connection."""

    def __init__(self, port=None):
        self.port = port
        self.chunks = []
        self.happened = []
        self._wanted = 0
        self._enough = asyncio.Event()
        self._ended = asyncio.Event()
        self._gone = asyncio.Event()

    def _note(self, what):
        self.happened.append((asyncio.get_running_loop().time(), what))

    def on_data(self, data):
        self.chunks.append(data)
        self._note(len(data))
        self._wanted -= len(data)
        if self._wanted <= 0:
            self._enough.set()

    def on_eof(self):
        self._note("eof")
        self._ended.set()

    def on_lost(self, error):
        self._note("closed" if error is None else errno.errorcode[error.errno])
        self._ended.set()
        self._gone.set()

    @property
    def data(self):
        return b"".join(self.chunks)

    @property
    def ends(self):
        return [what for _, what in self.happened if isinstance(what, str)]

    @property
    def last(self):
        """When the last bytes came."""
        return [when for when, what in self.happened if isinstance(what, int)][-1]

    async def take(self, size):
        """Wait until so many bytes have come."""
        self._wanted = size - sum(map(len, self.chunks))
        if self._wanted <= 0:
            return
        self._enough.clear()
        await asyncio.wait_for(self._enough.wait(), 60)

    async def ended(self):
        """Wait until the peer has sent its last, or the connection is gone."""
        await asyncio.wait_for(self._ended.wait(), 60)

    async def gone(self):
        """Wait until the connection is gone."""
        await asyncio.wait_for(self._gone.wait(), 60)


class World:
    """A server, and a device behind a link.

    Args:
        plain: the network of the server.
        profile: of the device's link.
        seed: of the link's dice.
    """

    def __init__(self, plain, profile, seed=1):
        self.plain = plain
        self.accepted = []
        self.device = shaped(plain, asyncio.get_running_loop(), profile, random.Random(seed))

    async def listen(self, at=SERVER):
        def accept(port, _peer):
            self.accepted.append(End(port))
            return self.accepted[-1]

        self.listener = await self.plain.listen_stream(at, accept)
        return self

    async def connect(self):
        """Both ends of a new connection, the device's first."""
        client = End()
        client.port = await self.device.open_stream(self.listener.local, client)
        return client, self.accepted[-1]


def in_memory(work, profile, seed=1):
    """Run ``work`` with a world in virtual time."""

    async def main():
        plain = MemoryNetwork(asyncio.get_running_loop(), random.Random(0))
        return await work(await World(plain, profile, seed).listen())

    return run_virtual(main())


def now():
    return asyncio.get_running_loop().time()
