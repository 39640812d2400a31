"""Two sides of a secure connection over a memory network in virtual time, and what they hear of it."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime

from simulator.ports import Address
from simulator.security.authority import Authority
from simulator.security.credentials import Credentials, Psk, PskStore, ServerCredentials
from simulator.transport.deadlines import Deadlines
from simulator.transport.dtls import open_dtls
from simulator.transport.dtls_listener import bind_dtls
from simulator.transport.memory import MemoryNetwork

SERVER = Address("10.9.0.1", 5684)
HOST = "server.example"
PSK = Psk(b"device-1", b"a key that none should see"[:16])
NOW = datetime(2026, 1, 1, tzinfo=UTC)
CA = Authority(clock=lambda: NOW)
SERVER_IDENTITY = CA.server(HOST)
DEVICE_IDENTITY = CA.device("device-1")

PSK_PAIR = (Credentials(psk=PSK), ServerCredentials(psks=PskStore([PSK])))
ECDSA_PAIR = (Credentials(trust=CA.trust, server_name=HOST), ServerCredentials(identity=SERVER_IDENTITY))
MUTUAL_PAIR = (
    Credentials(identity=DEVICE_IDENTITY, trust=CA.trust, server_name=HOST),
    ServerCredentials(identity=SERVER_IDENTITY, trust=CA.trust),
)
PAIRS = {"psk": PSK_PAIR, "ecdsa": ECDSA_PAIR, "mutual": MUTUAL_PAIR}


class Ears:
    """A ``DatagramReceiver`` that keeps what it hears, and may answer through ``port``."""

    def __init__(self, answer=None):
        self.heard = []
        self.errors = []
        self.answer = answer
        self.port = None

    def on_datagram(self, data, peer):
        self.heard.append(data)
        if self.answer is not None:
            self.port.send(self.answer(data), peer)

    def on_datagram_error(self, error):
        self.errors.append(error)


class Filter:
    """A network whose datagrams a function sees: it gives those that are to go on, as (direction, number, data)."""

    def __init__(self, inner, decide):
        self._inner = inner
        self._decide = decide
        self.seen = []

    async def open_datagram(self, remote, receiver, *, local=None):
        return _FilteredPort(await self._inner.open_datagram(remote, receiver, local=local), self, "up")

    async def bind_datagram(self, local, receiver):
        return _FilteredPort(await self._inner.bind_datagram(local, receiver), self, "down")

    def sift(self, direction, data):
        number = len(self.seen)
        self.seen.append((direction, data))
        return self._decide(direction, number, data)


class _FilteredPort:
    def __init__(self, inner, owner, direction):
        self._inner = inner
        self._owner = owner
        self._direction = direction
        self.local = inner.local

    def send(self, data, peer=None, /):
        for out in self._owner.sift(self._direction, data):
            self._inner.send(out, peer)

    def close(self):
        self._inner.close()


class World:
    """A network, a DTLS server that answers in capitals, and a client."""

    def __init__(self, decide=None, seed=1, profile=None):
        loop = asyncio.get_running_loop()
        self.now = loop.time
        self.deadlines = Deadlines(loop, loop.time)
        inner = MemoryNetwork(loop, random.Random(seed), *([profile] if profile else []))
        self.network = inner if decide is None else Filter(inner, decide)
        self.entropy = random.Random(seed + 1).randbytes
        self.device = Ears()
        self.server = Ears(lambda data: data.upper())
        self.port = None

    async def listen(self, credentials, **options):
        self.server.port = await bind_dtls(
            self.network, SERVER, self.server, credentials, self.deadlines, self.now, entropy=self.entropy, **options
        )
        return self.server.port

    async def open(self, credentials, **options):
        self.port = await open_dtls(
            self.network, SERVER, self.device, credentials, self.deadlines, self.now, entropy=self.entropy, **options
        )
        return self.port

    async def both(self, pair, *, server=None, client=None):
        await self.listen(pair[1], **(server or {}))
        return await self.open(pair[0], **(client or {}))

    def close(self):
        for port in (self.port, self.server.port):
            if port is not None:
                port.close()
        self.deadlines.close()


async def quiet(seconds=600):
    """Let everything happen that is under way."""
    await asyncio.sleep(seconds)
