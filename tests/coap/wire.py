"""Two endpoints back to back in memory, and the simplest handler and sink: what the tests of the engine stand on."""

from __future__ import annotations

import random
from collections import deque
from math import inf

import pytest

from simulator.coap import codes as c
from simulator.coap.call import Call, Result
from simulator.coap.endpoint import Endpoint
from simulator.coap.exchange import Response
from simulator.coap.message import Message, decode
from simulator.coap.requests import request_options


class Wire:
    """Two endpoints, the datagrams between them, and a clock that the test moves."""

    def __init__(self, handler=None, *, client_szx=6, server_szx=6, params=None):
        self.now = 100.0
        self.sent: deque[tuple[str, bytes]] = deque()
        self.lose: set[int] = set()
        self.count = 0
        self.log: list[tuple[str, Message]] = []
        kw = {"params": params} if params else {}
        self.client = Endpoint(self._out("server"), random.Random(1), szx=client_szx, **kw)
        self.server = Endpoint(self._out("client"), random.Random(2), handler, szx=server_szx, **kw)

    def _out(self, to):
        def transmit(data):
            self.count += 1
            self.log.append((to, decode(data)))
            if self.count not in self.lose:
                self.sent.append((to, data))

        return transmit

    def flow(self):
        """Deliver until nothing is on the wire."""
        while self.sent:
            to, data = self.sent.popleft()
            (self.server if to == "server" else self.client).receive(data, self.now)

    def run(self):
        """Deliver and let time pass until both ends rest."""
        for _ in range(1000):
            self.flow()
            when = min(self.client.deadline, self.server.deadline)
            if when == inf:
                return
            self.now = max(self.now, when)
            self.client.expire(self.now)
            self.server.expire(self.now)
        pytest.fail("the endpoints never came to rest")


class Shelf:
    """A handler with one resource per path."""

    def __init__(self, **bodies):
        self.bodies = bodies
        self.requests: list[Message] = []
        self.ended: list[object] = []
        self.upload = None
        self.defer = False
        self.etag = b""

    def on_request(self, endpoint, request, now):
        self.requests.append(request)
        if self.defer:
            return None
        name = "/".join(request.path)
        if request.code == c.GET or request.code == c.FETCH:
            if name not in self.bodies:
                return Response(c.NOT_FOUND)
            return Response(c.CONTENT, self.bodies[name], etag=self.etag, observe_key=name)
        self.bodies[name] = request.payload
        return Response(c.CHANGED)

    def open_upload(self, endpoint, request, now):
        return self.upload

    def on_observation_ended(self, endpoint, key, now):
        self.ended.append(key)


class Sink:
    def __init__(self):
        self.data = bytearray()
        self.ended = None
        self.size = None
        self.begun = 0

    def begin(self, size, etag, offset, now):
        self.begun += 1
        del self.data[offset:]
        self.size = size
        return True

    def write(self, data, now):
        self.data += data
        return True

    def complete(self, now):
        self.ended = "complete"

    def failed(self, failure, code, now):
        self.ended = (failure, code)


def get(path, **kw):
    results: list[Result] = []
    return Call(c.GET, request_options(path.split("/")), b"", results.append, **kw), results


def put(path, body, **kw):
    results: list[Result] = []
    return Call(c.PUT, request_options(path.split("/")), body, results.append, **kw), results


def request(wire, code, options, payload=b"", *, type_=c.CON, mid=1, token=b"t"):
    """Hand one request to the server; its answer, or None."""
    before = len(wire.log)
    wire.server.receive(Message(type_, code, mid, token, options, payload).encode(), wire.now)
    assert len(wire.log) - before <= 1
    return wire.log[-1][1] if len(wire.log) > before else None
