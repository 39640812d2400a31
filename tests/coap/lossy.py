"""Two endpoints over a wire that loses, doubles, delays and reorders, in virtual time."""

from __future__ import annotations

import heapq
import random
from math import inf

from simulator.coap.endpoint import Endpoint
from simulator.coap.params import DEFAULT_PARAMETERS


class LossyWire:
    """Datagrams by arrival: each is lost or doubled with a probability, and takes up to ``delay`` seconds."""

    def __init__(
        self,
        dice,
        handler,
        *,
        loss=0.0,
        duplication=0.0,
        delay=0.0,
        client_szx=6,
        server_szx=6,
        params=DEFAULT_PARAMETERS,
    ):
        self.now = 0.0
        self.dice = dice
        self.loss, self.duplication, self.delay = loss, duplication, delay
        self.carried = 0
        self._order = 0
        self._flying: list[tuple[float, int, bool, bytes]] = []
        chance = random.Random(dice.getrandbits(32))
        self.client = Endpoint(self._out(False), chance, None, params, szx=client_szx)
        self.server = Endpoint(self._out(True), chance, handler, params, szx=server_szx)

    def _out(self, to_client):
        def transmit(data):
            copies = 1 + (self.dice.random() < self.duplication) if self.dice.random() >= self.loss else 0
            for _ in range(copies):
                self._order += 1
                at = self.now + self.dice.random() * self.delay
                heapq.heappush(self._flying, (at, self._order, to_client, data))

        return transmit

    def run(self, steps=200_000):
        """Until nothing flies and nothing waits; whether that came within so many steps."""
        for _ in range(steps):
            timer = min(self.client.deadline, self.server.deadline)
            arrival = self._flying[0][0] if self._flying else inf
            if timer == arrival == inf:
                return True
            if arrival <= timer:
                self.now, _, to_client, data = heapq.heappop(self._flying)
                self.carried += 1
                (self.client if to_client else self.server).receive(data, self.now)
            else:
                self.now = max(self.now, timer)
                self.client.expire(self.now)
                self.server.expire(self.now)
        return False
