"""A tap changes nothing and sees everything: datagrams and streams, their beginnings and their ends."""

from __future__ import annotations

import asyncio
import errno
import io
import random

import pytest

from simulator.network.capture import SOMEWHERE, Capture
from simulator.network.pcap import ACK, FIN, RST, SYN, PcapWriter
from simulator.network.tap import Flow, Seen, TapNetwork
from simulator.ports import Address
from simulator.transport.memory import MemoryNetwork
from simulator.transport.virtual import run_virtual
from tests.network.captured import packets, streams

SERVER = Address("127.0.0.1", 5683)


class Datagrams:
    def __init__(self):
        self.got, self.errors = [], []

    def on_datagram(self, data, peer):
        self.got.append(data)

    def on_datagram_error(self, error):
        self.errors.append(error)


class Stream:
    def __init__(self, greeting=b""):
        self.got, self.ends, self.port, self.greeting = b"", [], None, greeting

    def accept(self, port, _peer):
        self.port = port
        if self.greeting:
            port.write(self.greeting)
        return self

    def on_data(self, data):
        self.got += data

    def on_eof(self):
        self.ends.append("eof")

    def on_lost(self, error):
        self.ends.append(error)


class Bench:
    """A tapped network in memory with a capture behind it."""

    def __init__(self):
        loop = asyncio.get_running_loop()
        self.backbone = MemoryNetwork(loop, random.Random(1))
        self.seen, self.out = [], io.BytesIO()
        capture = Capture(PcapWriter(self.out), loop.time)

        def watch(flow, what, data):
            self.seen.append((what, data))
            capture.watch(flow, what, data)

        self.network = TapNetwork(self.backbone, watch)

    @property
    def packets(self):
        return packets(self.out.getvalue())


def test_datagrams():
    async def work():
        bench, here, there = Bench(), Datagrams(), Datagrams()
        server = await bench.backbone.bind_datagram(SERVER, there)
        port = await bench.network.open_datagram(SERVER, here)
        port.send(b"ask")
        await asyncio.sleep(1)
        server.send(b"answer", port.local)
        await asyncio.sleep(1)
        local = tuple(port.local)
        port.close()
        assert (here.got, there.got) == ([b"answer"], [b"ask"])
        assert bench.seen == [(Seen.OPENED, b""), (Seen.SENT, b"ask"), (Seen.GOT, b"answer"), (Seen.CLOSED, b"")]
        assert [(one.source, one.target, one.payload) for one in bench.packets] == [
            (local, tuple(SERVER), b"ask"),
            (tuple(SERVER), local, b"answer"),
        ]

    run_virtual(work())


def test_an_error_is_told():
    async def work():
        bench, here = Bench(), Datagrams()
        port = await bench.network.open_datagram(SERVER, here)
        port.send(b"anybody?")
        await asyncio.sleep(1)
        assert len(here.errors) == 1
        assert [what for what, _ in bench.seen] == [Seen.OPENED, Seen.SENT, Seen.TOLD]
        assert len(bench.packets) == 1

    run_virtual(work())


@pytest.mark.parametrize("by", ["close", "abort", "peer", "peer-abort"])
def test_a_stream_and_its_end(by):
    async def work():
        bench, here, there = Bench(), Stream(), Stream(b"hello")
        await bench.backbone.listen_stream(SERVER, there.accept)
        port = await bench.network.open_stream(SERVER, here)
        await asyncio.sleep(1)
        port.write(b"x" * 3000)
        await asyncio.sleep(1)
        assert (here.got, there.got) == (b"hello", b"x" * 3000)
        {"close": port.close, "abort": port.abort, "peer": there.port.close, "peer-abort": there.port.abort}[by]()
        await asyncio.sleep(1)
        if by == "peer":
            port.close()
            await asyncio.sleep(1)
        return bench, here

    bench, here = run_virtual(work())
    found = bench.packets
    whole = streams(found)
    assert sorted(map(len, whole.values())) == [5, 3000]
    assert [one.flags for one in found[:3]] == [SYN, SYN | ACK, ACK]
    resets = [one for one in found if one.flags & RST]
    ends = [one.source == tuple(SERVER) for one in found if one.flags & FIN]
    assert len(resets) == (by in ("abort", "peer-abort"))
    assert ends == {"close": [False], "abort": [], "peer": [True, False], "peer-abort": []}[by][: len(ends)]
    assert bool(ends) == (by in ("close", "peer"))
    assert [what for what, _ in bench.seen].count(Seen.OPENED) == 1
    assert here.ends


def test_what_cannot_be_connected_to():
    async def work():
        bench = Bench()
        with pytest.raises(ConnectionRefusedError):
            await bench.network.open_stream(SERVER, Stream())
        assert [what for what, _ in bench.seen] == [Seen.FAILED]
        assert bench.packets == []

    run_virtual(work())


class FakePort:
    local = Address("192.168.1.9", 7)


def test_what_comes_before_the_port_is_there_is_seen_after_it():
    seen = []
    flow = Flow(lambda _flow, what, data: seen.append((what, data)), "tcp", SERVER)
    flow.tell(Seen.GOT, b"first")
    assert seen == []
    flow.opened(FakePort())
    flow.tell(Seen.GOT, b"second")
    assert seen == [(Seen.OPENED, b""), (Seen.GOT, b"first"), (Seen.GOT, b"second")]


class FullDisk(io.BytesIO):
    def write(self, data):
        if self.tell() > 100:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


def test_a_disk_that_is_full_is_remembered_and_troubles_nobody():
    out = FullDisk()
    capture = Capture(PcapWriter(out), lambda: 1.0)
    flow = Flow(capture.watch, "udp", SERVER)
    flow.opened(FakePort())
    for _ in range(5):
        flow.tell(Seen.SENT, bytes(60))
    assert capture.error.errno == errno.ENOSPC
    assert len(packets(out.getvalue())) == 1


def test_a_peer_without_an_address_gets_one_that_is_nobodys():
    out = io.BytesIO()
    capture = Capture(PcapWriter(out), lambda: 1.0)
    flow = Flow(capture.watch, "udp", Address("server.example", 5683))
    flow.opened(FakePort())
    flow.tell(Seen.SENT, b"x")
    assert packets(out.getvalue())[0].target == (SOMEWHERE, 5683)
