"""A wire that forges: records and frames between a whole device and good servers, mutated on their way, by the seed.

What comes of it in a device is Update Result 1 or 4, and 5 or 6 only where nothing protects the bytes; a server lives
on, and takes the device back as soon as the wire is true again.
"""

from __future__ import annotations

import asyncio
import random
import tracemalloc
from collections import Counter
from contextlib import suppress

import pytest

from simulator.coap import codes as c
from simulator.events import TransferEnded
from simulator.faults.filters import IN, FilteredPort
from simulator.faults.streams import StreamBetween
from simulator.network.profiles import NetworkProfile
from simulator.network.wrapped import WrappedNetwork
from simulator.servers.embedded.asked import UnknownEndpointError
from simulator.transport.virtual import run_virtual
from tests.faults.faulty_device import _Run as Run
from tests.sizes import sized
from tests.transport.test_dtls_hostile import mutate

NEAR = NetworkProfile("near", delay_s=0.005, rate_bps=5e6)
COPIES = 20
"""Forged datagrams beside each true one."""


class Forger(WrappedNetwork):
    """A network that mutates what passes it, until it has done so ``left`` times.

    Of datagrams it adds forgeries to the true one, as whoever can send but not hold back does. Of a stream it changes
    all pieces from some point on. ``ways``: ``in`` towards the device, ``out`` away from it.
    """

    __slots__ = ("dice", "done", "left", "ways")

    def __init__(self, network, dice, left, ways):
        super().__init__(network)
        self.dice = dice
        self.left = left
        self.done = 0
        self.ways = ways

    def forged(self, data, way, most):
        """Up to so many mutations of a piece."""
        if way not in self.ways or self.left <= 0 or not data:
            return []
        count = min(most, self.left)
        self.left -= count
        self.done += count
        return [mutate(self.dice, data) for _ in range(count)]

    async def open_datagram(self, remote, receiver, *, local=None):
        port = FilteredPort(receiver, ForgedDatagrams(self))
        return port.attach(await self._network.open_datagram(remote, port, local=local))

    async def open_stream(self, remote, receiver, *, local=None):
        stream = ForgedStream(receiver, self)
        stream.attach(await self._network.open_stream(remote, stream, local=local))
        return stream


class ForgedDatagrams:
    """A filter of one port; the first few pass alone, or no handshake would ever end."""

    def __init__(self, forger):
        self._forger = forger
        self._true = forger.dice.randrange(20)

    def passes(self, data, way):
        self._true -= 1
        forger = self._forger
        most = COPIES if self._true < 0 else 0
        forged = [(0.0, other) for other in forger.forged(data, way, most) if other]
        return [*forged, (0.0, data)] if forger.dice.random() < 0.5 else [(0.0, data), *forged]


class ForgedStream(StreamBetween):
    __slots__ = ("_forger", "_true")

    def __init__(self, receiver, forger):
        super().__init__(receiver)
        self._forger = forger
        self._true = forger.dice.randrange(12)

    def _changed(self, data, way):
        if way not in self._forger.ways:
            return data
        self._true -= 1
        forged = self._forger.forged(data, way, 1) if self._true < 0 else []
        return forged[0] if forged else data

    def on_data(self, data):
        data = self._changed(data, IN)
        if data:
            self._receiver.on_data(data)

    def write(self, data):
        data = self._changed(data, "out")
        if data:
            super().write(data)


class Alone(Run):
    """A run whose parts the test orders one after the other."""

    def __init__(self, seed, **settings):
        super().__init__((), seed, NEAR, {"delivery": "pull", **settings}, None)
        self.dice = random.Random(f"{seed} {settings}")

    async def start(self):
        await self.serve()
        await self.device.power_on(0.0)
        assert await self.until(lambda: self.device.registrar.registered)

    async def stop(self):
        self.device.cut_off()
        self.transports.close()
        for listener in self.listeners:
            listener.close()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        # An endpoint of a server is let go of when what it last waited for would have been given up.
        await asyncio.sleep(600)
        assert self.broken == []
        assert len(self.deadlines) == 0, "what is over waits for nothing"


def counts(small, full):
    return pytest.mark.parametrize("count", [small, pytest.param(sized(full // 10, full), marks=pytest.mark.slow)])


async def _pulls(transport, count, results):
    """Pull after pull over a forging wire, until so many pieces were forged; then one over a true one."""
    run = Alone(1, transport=transport)
    await run.start()
    true = run.device.download_network
    run.device.download_network = forger = Forger(true, run.dice, count, {IN})
    ends = Counter()
    while forger.left > 0:
        await run.call(c.PUT, "5/0/1", run.uri("good").encode(), c.FORMAT_TEXT)
        assert await run.until(lambda: run.machine.result or run.machine.state == 2)
        ends[int(run.machine.result) or 1] += 1
        await run.call(c.PUT, "5/0/1", b"", c.FORMAT_TEXT)
        run.log.events.clear()
    assert set(ends) <= results
    assert ends[1 if transport == "coaps" else 4] > 0, ends
    run.device.download_network = true
    await run.call(c.PUT, "5/0/1", run.uri("good").encode(), c.FORMAT_TEXT)
    assert await run.until(lambda: run.machine.result or run.machine.state == 2)
    assert int(run.machine.state) == 2
    assert [e.outcome for e in run.log.events if isinstance(e, TransferEnded)] == ["ok"]
    await run.stop()
    return ends


@counts(3_000, 100_000)
def test_records_of_dtls_towards_a_device(count):
    run_virtual(_pulls("coaps", count, {1, 4}))


@pytest.mark.parametrize(
    ("transport", "count"),
    [
        ("coaps+tcp", 150),
        ("https", 150),
        pytest.param("coaps+tcp", sized(1_500, 15_000), marks=pytest.mark.slow),
        pytest.param("https", sized(8_500, 85_000), marks=pytest.mark.slow),
    ],
)
def test_records_of_tls_towards_a_device(transport, count):
    run_virtual(_pulls(transport, count, {1, 4}))


@pytest.mark.parametrize("transport", ["coap+tcp", "http"])
@counts(500, 20_000)
def test_bytes_without_protection_towards_a_device(transport, count):
    """What is forged may be a good package no longer, an error of the origin, or too large."""
    run_virtual(_pulls(transport, count, {1, 2, 4, 5, 6, 7}))


async def _managed(management, count, ways):
    """A device whose management is forged in a direction, and its server; both are well when that is over."""
    run = Alone(2, management=management, lifetime_s=60.0)
    forger = Forger(run.device.management_network, run.dice, 0, ways)
    run.device.management_network = forger
    await run.start()
    forger.left = count
    for _ in range(40 * count):
        if forger.left <= 0:
            break
        if run.device.registrar.registered:
            with suppress(UnknownEndpointError):  # the server may have forgotten a device whose Updates it cannot read
                run.server.call("device-1", c.GET, [(c.URI_PATH, b"3"), (c.URI_PATH, b"0")], b"", lambda _result: None)
        await asyncio.sleep(run.dice.choice((0.05, 1.0, 20.0)))
        run.log.events.clear()
    forger.left = 0
    assert forger.done > count / 2
    assert await run.until(lambda: run.device.registrar.registered)
    code = 0
    for _ in range(10):
        with suppress(UnknownEndpointError):
            code = await run.call(c.GET, "3/0")
        if code == c.CONTENT:
            break
        await asyncio.sleep(120)  # the connection that the server knew is found to be gone
    assert code == c.CONTENT
    # Where nothing protects the bytes, a forged Register may have brought an endpoint that does not exist.
    assert len(run.server.table) == 1 or (management == "coap+tcp" and "out" in ways)
    await run.stop()


@pytest.mark.parametrize("management", ["coaps", "coap+tcp", "coaps+tcp"])
@pytest.mark.parametrize("way", [IN, "out"])
@counts(150, 5_000)
def test_a_wire_that_forges_management(management, way, count):
    run_virtual(_managed(management, count * (20 if management == "coaps" else 1), {way}))


@pytest.mark.slow
@pytest.mark.parametrize("transport", ["coaps", "coap+tcp", "https"])
def test_forgeries_leave_nothing_behind(transport):
    """Twice as many forgeries leave no more in memory than half of them."""
    run_virtual(_pulls(transport, 100, {1, 2, 4, 5, 6, 7}))
    peaks = []
    for count in (500, 1500):
        tracemalloc.start()
        try:
            run_virtual(_pulls(transport, count, {1, 2, 4, 5, 6, 7}))
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0] + (1 << 20)
