"""What stands between a device and a server on loopback: a NAT for datagrams, a wire that can be cut for streams."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

from simulator.ports import Address
from simulator.transport.sockets import SocketNetwork

HOST = "127.0.0.1"
PIECE = 4096
"""Bytes of a stream that pass at once, so that a download has a middle."""


class _Back:
    """The outer side of a NAT for one client: what the server answers goes in."""

    def __init__(self, nat, client):
        self.nat, self.client, self.port = nat, client, None

    def on_datagram(self, data, peer):
        if not self.nat.muted:
            self.nat.front.send(data, self.client)

    def on_datagram_error(self, error):
        pass


class Nat:
    """Carries datagrams to the server that ``target`` names, from a port of its own for each client.

    While it is ``muted``, nothing comes back.
    """

    def __init__(self, network, target):
        self.network, self.target = network, target
        self.front = None
        self.muted = False
        self._backs = {}
        self._opening = set()

    async def open(self):
        self.front = await self.network.bind_datagram(Address(HOST, 0), self)

    @property
    def local(self):
        return self.front.local

    def on_datagram(self, data, peer):
        back = self._backs.get(peer)
        if back is not None:
            back.port.send(data)
        elif peer not in self._opening:
            self._opening.add(peer)
            task = asyncio.get_running_loop().create_task(self._open_back(data, peer))
            task.add_done_callback(lambda _: self._opening.discard(peer))

    def on_datagram_error(self, error):
        pass

    async def _open_back(self, data, peer):
        back = _Back(self, peer)
        back.port = await self.network.open_datagram(self.target, back)
        self._backs[peer] = back
        back.port.send(data)

    def cut(self):
        """Forget all bindings: from now on the server sees every client at another port."""
        backs, self._backs = self._backs, {}
        for back in backs.values():
            back.port.close()

    def close(self):
        self.cut()
        self.front.close()


class Wire:
    """Carries connections to the server that ``target`` names, a piece at a time."""

    def __init__(self, target):
        self.target = target
        self.accepted = 0
        self._server = None
        self._writers = set()
        self._tasks = set()

    async def open(self):
        self._server = await asyncio.start_server(self._accept, HOST, 0)

    @property
    def local(self):
        return Address(*self._server.sockets[0].getsockname()[:2])

    async def _accept(self, reader, writer):
        self.accepted += 1
        self._tasks.add(asyncio.current_task())
        self._writers.add(writer)
        try:
            there, back = await asyncio.open_connection(*self.target, limit=PIECE)
            self._writers.add(back)
            await asyncio.gather(self._pump(reader, back), self._pump(there, writer))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for one in (writer, *([back] if "back" in locals() else [])):
                self._writers.discard(one)
                one.transport.abort()
            self._tasks.discard(asyncio.current_task())

    async def _pump(self, reader, writer):
        while data := await reader.read(PIECE):
            writer.write(data)
            await writer.drain()
            await asyncio.sleep(0)
        with suppress(OSError):
            writer.write_eof()

    def cut(self):
        """Reset every connection."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def close(self):
        self._server.close()
        self.cut()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def address_of(uri):
    """Where the server of a URI listens."""
    parts = urlsplit(uri)
    return Address(parts.hostname, parts.port)


def through(uri, relay):
    """The same URI by way of a relay."""
    return urlsplit(uri)._replace(netloc=str(relay.local)).geturl()


@asynccontextmanager
async def relay_to(uri):
    """A relay to the server of a URI: a NAT or a wire, as its scheme needs."""
    if urlsplit(uri).scheme in ("coap", "coaps"):
        relay = Nat(SocketNetwork(asyncio.get_running_loop()), address_of(uri))
    else:
        relay = Wire(address_of(uri))
    await relay.open()
    try:
        yield relay
    finally:
        closing = relay.close()
        if closing is not None:
            await closing
