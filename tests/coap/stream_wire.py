"""Two endpoints at the two ends of a stream in memory: what the tests of CoAP over TCP stand on."""

from __future__ import annotations

import random
from collections import deque
from math import inf

import pytest

from simulator.coap.message import Message
from simulator.coap.tcp import FrameDecoder, frame
from simulator.coap.tcp_endpoint import TcpEndpoint
from simulator.coap.tcp_signalling import csm

CSM_1152 = csm(1152)


def messages(data):
    """The messages of whole frames."""
    decoder = FrameDecoder(1 << 30)
    decoder.feed(data)
    found = list(iter(decoder.next, None))
    assert decoder.held == 0
    return found


class StreamWire:
    """Two endpoints, the bytes between them in pieces of ``piece``, and a clock that the test moves."""

    def __init__(self, handler=None, *, client=None, server=None, piece=1 << 30, opened=True):
        self.now = 100.0
        self.piece = piece
        self.sent: deque[tuple[str, bytes]] = deque()
        self.log: list[tuple[str, Message]] = []
        self.alarms: list[float] = []
        self.hung_up: list[str] = []
        self.client = self._end("client", "server", None, client or {})
        self.server = self._end("server", "client", handler, server or {})
        if opened:
            self.client.open(self.now)
            self.server.open(self.now)
            self.flow()
            self.log.clear()

    def _end(self, name, other, handler, options):
        def transmit(data):
            self.log.extend((other, message) for message in messages(data))
            self.sent.append((other, data))

        def hang_up():
            self.hung_up.append(name)
            self.sent.append((other, b""))

        return TcpEndpoint(
            transmit, hang_up, random.Random(name), handler, alarm=lambda _, when: self.alarms.append(when), **options
        )

    def flow(self):
        """Deliver until nothing is on the wire."""
        while self.sent:
            to, data = self.sent.popleft()
            end = self.server if to == "server" else self.client
            if not data:
                end.unreachable(self.now)
            for at in range(0, len(data), self.piece):
                end.receive(data[at : at + self.piece], self.now)

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

    def to(self, name):
        """The messages that went to one end."""
        return [message for end, message in self.log if end == name]


class Lone:
    """One endpoint whose peer is the test."""

    def __init__(self, handler=None, *, peer=CSM_1152, **options):
        self.now = 100.0
        self.out: list[Message] = []
        self.hung_up = 0
        self.endpoint = TcpEndpoint(self._transmit, self._hang_up, random.Random(3), handler, **options)
        self.endpoint.open(self.now)
        self.csm = self.out.pop()
        if peer:
            self.endpoint.receive(peer, self.now)

    def _transmit(self, data):
        self.out.extend(messages(data))

    def _hang_up(self):
        self.hung_up += 1

    def take(self, code, options=(), payload=b"", token=b"t"):
        """Hand one message in; what the endpoint sends for it."""
        del self.out[:]
        self.endpoint.receive(frame(code, token, list(options), payload), self.now)
        return list(self.out)
