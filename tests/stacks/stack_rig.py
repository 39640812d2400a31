"""An endpoint made of aiocoap and one of the engine, back to back in memory and in virtual time."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager

from simulator.coap import codes as c
from simulator.coap.call import Call
from simulator.coap.endpoint import Endpoint
from simulator.coap.message import Message, decode
from simulator.coap.params import DEFAULT_PARAMETERS
from simulator.coap.requests import request_options
from simulator.stacks.endpoint import AiocoapEndpoint
from simulator.transport.deadlines import Deadlines
from tests.coap.wire import Shelf


class StackRig:
    """``device`` is aiocoap, ``server`` the engine; a datagram arrives in the next turn of the loop, or is lost."""

    def __init__(self, handler, server_handler, szx, params, seed, oscore):
        loop = asyncio.get_running_loop()
        self.now = loop.time
        self.loop = loop
        self.handler = handler
        self.deadlines = Deadlines(loop, loop.time)
        self.log: list[tuple[str, Message]] = []
        self.datagrams: list[bytes] = []
        self.lost = lambda to, message: False
        self.device = AiocoapEndpoint(
            self._out("server"), random.Random(seed), handler, params, loop.time, szx=szx, oscore=oscore
        )
        self.server = Endpoint(
            self._out("device"), random.Random(seed + 1), server_handler, params, alarm=self.deadlines.arm
        )

    def _out(self, to):
        def transmit(data):
            self.datagrams.append(data)
            message = decode(data)
            self.log.append((to, message))
            if not self.lost(to, message):
                receiver = self.server if to == "server" else self.device
                self.loop.call_soon(lambda: receiver.receive(data, self.now()))

        return transmit

    def sent_by_device(self):
        return [message for to, message in self.log if to == "server"]

    async def settle(self, seconds=1e-6):
        await asyncio.sleep(seconds)

    async def ask(self, code, path, body=b"", *, wait=1.0, szx=6, **kw):
        """A request of the server, whole; what came of it."""
        results = []
        Call(code, request_options(path.split("/"), **kw), body, results.append, szx=szx).start(self.server, self.now())
        await self.settle(wait)
        return results[0] if results else None

    async def observe(self, path):
        """Observe; the list that results are appended to, and the call."""
        results = []
        call = Call(c.GET, request_options(path.split("/")), b"", results.append, observe=True)
        call.start(self.server, self.now())
        await self.settle()
        return results, call

    def call(self, code, path, body=b""):
        """A request of the device; the list that its result is appended to."""
        results = []
        return results, self.device.call(code, request_options(path.split("/")), body, results.append)


@asynccontextmanager
async def stack_rig(handler=None, server=None, *, szx=6, params=DEFAULT_PARAMETERS, seed=1, oscore=None):
    """Both endpoints; both are closed in the end, and no task of aiocoap is left."""
    before = asyncio.all_tasks()
    rig = StackRig(handler or Shelf(), server or Shelf(), szx, params, seed, oscore)
    try:
        yield rig
    finally:
        rig.device.close(rig.now())
        rig.server.close(rig.now())
        rig.deadlines.close()
        for _ in range(5):
            await asyncio.sleep(0)
        assert asyncio.all_tasks() == before
