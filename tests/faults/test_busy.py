"""A slow flash: whole updates over every transport take longer and end well; a stream is paused meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from simulator.events import FaultApplied, TransferEnded
from simulator.faults.busy import Busy, BusyStream
from simulator.faults.triggers import Place
from simulator.network.profiles import NetworkProfile
from simulator.transport.virtual import run_virtual
from tests.faults.faulty_device import ORIGINS, PACKAGE, update

CELL = NetworkProfile("cell", delay_s=0.02, rate_bps=2_000_000)
CASES = [("pull", scheme) for scheme in ORIGINS] + [
    ("push", scheme) for scheme in ("coap", "coaps", "coap+tcp", "coaps+tcp")
]


def transfer(delivery, scheme, *kinds, **parameters):
    settings = {"transport": scheme, "management": scheme if delivery == "push" else "coap"}
    end = update(delivery, *kinds, profile=CELL, settings=settings, **parameters)
    assert (end.state, end.result, end.version, end.struck) == (0, 1, "2.0", list(kinds))
    [moved] = [event for event in end.log.events if isinstance(event, TransferEnded)]
    return moved, end


@pytest.mark.parametrize(("delivery", "scheme"), CASES)
def test_a_slow_flash_makes_a_transfer_longer_and_no_more(delivery, scheme):
    sound, _ = transfer(delivery, scheme)
    slow, _ = transfer(delivery, scheme, "flash-slow", takes=0.2)
    # One write for each block of CoAP, one for what comes together of a stream; the last ones are not waited for, and
    # what comes while the device is busy is there when it is done.
    writes = len(PACKAGE) // 256 - 4 if scheme in ("coap", "coaps") else 1
    assert slow.t - slow.started >= sound.t - sound.started + 0.9 * writes * 0.2
    assert (slow.outcome, slow.received, slow.retransmissions) == ("ok", len(PACKAGE), 0)


def test_it_heals():
    sound, _ = transfer("pull", "coap")
    slow, end = transfer("pull", "coap", "flash-slow", takes=0.2, after=Place("block", 20), heals=1.0)
    assert 0.8 <= (slow.t - slow.started) - (sound.t - sound.started) <= 1.3
    begun, over = [event for event in end.log.events if isinstance(event, FaultApplied)]
    assert over.detail.startswith("over: healed")
    assert over.t - begun.t == pytest.approx(1.0)


class Port:
    """A stream port that says what is done to it."""

    def __init__(self):
        self.done = []

    def write(self, data):
        self.done.append(data)

    def __getattr__(self, name):
        return lambda: self.done.append(name)


class Above:
    """A receiver that is busy with the first bytes that it gets."""

    def __init__(self, busy):
        self.told, self.busy = [], busy

    def on_data(self, data):
        self.told.append(data)
        if len(self.told) == 1:
            self.busy.add(0.5)

    def on_eof(self):
        self.told.append("eof")

    def on_lost(self, error):
        self.told.append(error)


def test_a_stream_is_paused_while_the_device_is_busy():
    async def work():
        busy, port = Busy(), Port()
        above = Above(busy)
        stream = BusyStream(above, busy)
        stream.attach(port)
        stream.on_data(b"1")
        assert (above.told, port.done) == ([b"1"], [])
        stream.on_data(b"2")
        stream.on_eof()
        stream.write(b"out")
        assert (above.told, port.done) == ([b"1"], ["pause", "pause"])
        await asyncio.sleep(0.49)
        assert above.told == [b"1"]
        await asyncio.sleep(0.02)
        assert above.told == [b"1", b"2", "eof"]
        assert port.done == ["pause", "pause", b"out", "resume"]

    run_virtual(work())


@pytest.mark.parametrize(("end", "left"), [("close", [b"out", "close"]), ("abort", ["abort"])])
def test_what_is_sent_leaves_before_the_end_and_not_with_an_abort(end, left):
    async def work():
        busy, port = Busy(), Port()
        above = Above(busy)
        stream = BusyStream(above, busy)
        stream.attach(port)
        stream.on_data(b"1")
        stream.write(b"out")
        getattr(stream, end)()
        stream.on_lost(None)
        await asyncio.sleep(1)
        assert (port.done, above.told) == (left, [b"1", None])

    run_virtual(work())
