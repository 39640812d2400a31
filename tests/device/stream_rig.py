"""A device in virtual time whose package origin is behind streams in memory: CoAP over TCP or HTTP."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager

from simulator.network.profiles import IDEAL, NetworkProfile
from simulator.servers.package_origin import PackageOrigin
from simulator.transport.coap_tcp import CoapTcpServer
from simulator.transport.memory import MemoryNetwork
from tests.device.device_rig import ORIGIN, PACKAGE, device_rig
from tests.transport.http_rig import Origin, shop

SLOW = NetworkProfile("slow", delay_s=0.05, rate_bps=800_000)
"""A package of 200,000 bytes takes two seconds; after one, there is more to send than fits into the window of TCP."""


class Mute:
    """Above a connection of an origin that accepts it and says nothing."""

    def on_data(self, data):
        pass

    def on_eof(self):
        pass

    def on_lost(self, error):
        pass


class StreamOrigin:
    """A package origin for one of the two schemes; ``mute`` connections get no answer, in the order of their coming."""

    def __init__(self, rig, scheme):
        self.scheme = scheme
        self.ports = []
        self.mute = 0
        self._rig = rig
        self.coap = CoapTcpServer(rig.clock.now, random.Random(2), rig.origin, rig.deadlines.arm)
        self.http = Origin(None)

    def serve(self, packages):
        """From now on, give out these."""
        self._rig.origin.__init__(packages)
        self.http.script = shop(packages)

    def accept(self, port, peer):
        self.ports.append(port)
        if self.mute:
            self.mute -= 1
            return Mute()
        return (self.coap if self.scheme == "coap+tcp" else self.http).accept(port, peer)

    def die(self):
        """Reset every connection."""
        for port in self.ports:
            port.abort()

    def uri(self, path):
        return f"{self.scheme}://{ORIGIN}/{path}"


@asynccontextmanager
async def stream_rig(scheme, packages=None, *, access=IDEAL, **settings):
    """A registered device that pulls by ``scheme``, and its ``origin`` behind an access network."""
    async with device_rig(transport=scheme, started=False, **settings) as rig:
        memory = MemoryNetwork(asyncio.get_running_loop(), random.Random(1), access)
        rig.network.open_stream = memory.open_stream
        assert isinstance(rig.origin, PackageOrigin)
        origin = StreamOrigin(rig, scheme)
        origin.serve({"good.bin": PACKAGE, **(packages or {})})
        listener = await memory.listen_stream(ORIGIN, origin.accept)
        await rig.start()
        try:
            yield rig, origin
        finally:
            listener.close()
            origin.die()
            origin.coap.close()
            await rig.settle(1)
