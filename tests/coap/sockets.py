"""An endpoint on a UDP socket of loopback: as little as asyncio needs, for tests against other implementations."""

from __future__ import annotations

import asyncio
import random
from math import inf

from simulator.coap.endpoint import Endpoint


class SocketEndpoint(asyncio.DatagramProtocol):
    """One endpoint for the first peer that speaks, or for the one that it is connected to."""

    def __init__(self, handler=None, *, szx=6):
        self.loop = asyncio.get_running_loop()
        self.peer = None
        self.transport = None
        self._timer = None
        self.endpoint = Endpoint(self._transmit, random.Random(7), handler, szx=szx, alarm=self._alarm)

    @classmethod
    async def open(cls, handler=None, *, remote=None, szx=6):
        """Bound to a free port, or connected to ``remote``, a pair of host and port."""
        where = {"remote_addr": remote} if remote else {"local_addr": ("127.0.0.1", 0)}
        loop = asyncio.get_running_loop()
        _, self = await loop.create_datagram_endpoint(lambda: cls(handler, szx=szx), **where)
        return self

    @property
    def port(self):
        return self.transport.get_extra_info("sockname")[1]

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.peer = addr
        self.endpoint.receive(data, self.loop.time())

    def _transmit(self, data):
        self.transport.sendto(data, self.peer if self.transport.get_extra_info("peername") is None else None)

    def _alarm(self, _endpoint, when):
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_at(when, self._expire)

    def _expire(self):
        self._timer = None
        self.endpoint.expire(self.loop.time())
        if self.endpoint.deadline < inf:
            self._alarm(self.endpoint, self.endpoint.deadline)

    def close(self):
        self.endpoint.close(self.loop.time())
        if self._timer is not None:
            self._timer.cancel()
        self.transport.close()

    async def call(self, make):
        """Start the exchange that ``make`` builds around a callback; what the callback is first given."""
        done = self.loop.create_future()
        make(lambda result: done.done() or done.set_result(result)).start(self.endpoint, self.loop.time())
        async with asyncio.timeout(30):
            return await done
