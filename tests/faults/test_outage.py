"""An outage at the port itself: what a stream hands on before, holds back meanwhile, and does afterwards."""

from __future__ import annotations

import asyncio
import errno

import pytest

from simulator.faults.outage import CLOSED, RESET, SILENT, Outage
from simulator.faults.triggers import AfterBytes
from simulator.transport.virtual import run_virtual


class Port:
    """A stream port that keeps what it is asked for."""

    local = ("10.0.0.1", 5)

    def __init__(self):
        self.calls = []

    def write(self, data):
        self.calls.append(data)

    def __getattr__(self, name):
        return lambda: self.calls.append(name)


class Above:
    def __init__(self):
        self.told = []

    def on_data(self, data):
        self.told.append(data)

    def on_eof(self):
        self.told.append("eof")

    def on_lost(self, error):
        self.told.append(error and errno.errorcode[error.errno])


def outage(how, lasts=None, after=10):
    told = []
    return Outage(AfterBytes(after), how, lasts, told.append), told


async def opened(fault, early=b""):
    """A stream through the outage, its port and what is above."""
    port, above = Port(), Above()

    async def connect(receiver):
        if early:
            receiver.on_data(early)
        return port

    return await fault.open(connect, above), port, above


def test_silence_holds_back_both_ways_and_gives_everything_at_its_end():
    async def work():
        fault, told = outage(SILENT, 60.0)
        stream, port, above = await opened(fault)
        stream.on_data(b"12345")
        stream.on_data(b"67890abcde")
        assert above.told == [b"12345", b"67890"]
        assert port.calls == ["pause"]
        stream.on_data(b"f")
        stream.on_eof()
        stream.write(b"hello?")
        await asyncio.sleep(59)
        assert above.told == [b"12345", b"67890"]
        assert port.calls == ["pause"]
        await asyncio.sleep(2)
        assert above.told == [b"12345", b"67890", b"abcde", b"f", "eof"]
        assert port.calls == ["pause", b"hello?"]
        assert told == ["silent from here on, for 60 s"]
        stream.on_data(b"more")
        assert above.told[-1] == b"more"

    run_virtual(work())


def test_who_has_paused_gets_what_was_held_back_later():
    async def work():
        stream, port, above = await opened(outage(SILENT, 5.0, 0)[0])
        stream.on_data(b"x")
        stream.pause()
        await asyncio.sleep(10)
        assert above.told == []
        stream.resume()
        await asyncio.sleep(1)
        assert above.told == [b"x"]
        assert port.calls == ["pause", "pause", "resume"]

    run_virtual(work())


def test_silence_for_good_keeps_nothing_and_tells_nothing():
    async def work():
        stream, port, above = await opened(outage(SILENT)[0])
        stream.on_data(bytes(11))
        stream.write(b"lost")
        stream.on_lost(ConnectionResetError(errno.ECONNRESET, "the server gave up"))
        await asyncio.sleep(10_000)
        assert above.told == [bytes(10)]
        stream.close()
        assert port.calls == ["pause", "abort"]
        stream.on_lost(None)
        assert above.told == [bytes(10), None], "that it has closed itself, it is told as ever"

    run_virtual(work())


@pytest.mark.parametrize(("how", "word"), [(RESET, "ECONNRESET"), (CLOSED, "eof")])
@pytest.mark.parametrize("early", [b"", bytes(15)])
def test_an_end_in_the_middle(how, word, early):
    async def work():
        stream, port, above = await opened(outage(how)[0], early)
        if not early:
            stream.on_data(bytes(15))
        stream.on_data(b"no more")
        stream.write(b"nobody hears")
        assert above.told == [bytes(10), word]
        stream.close()
        stream.on_lost(None)
        assert above.told == [bytes(10), word] + ([None] if how == CLOSED else [])
        assert "abort" in port.calls
        assert b"nobody hears" not in port.calls

    run_virtual(work())


@pytest.mark.parametrize(("how", "lasts", "at", "error"), [
    (SILENT, None, 30.0, TimeoutError),
    (SILENT, 100.0, 30.0, TimeoutError),
    (SILENT, 20.0, 20.0, None),
    (RESET, None, 0.0, ConnectionRefusedError),
    (CLOSED, 20.0, 0.0, ConnectionRefusedError),
])  # fmt: skip
def test_a_new_connection_while_the_link_is_down(how, lasts, at, error):
    async def work():
        fault, _ = outage(how, lasts)
        fault.begin()
        loop = asyncio.get_running_loop()
        if error is None:
            await opened(fault)
        else:
            with pytest.raises(error):
                await opened(fault)
        assert loop.time() == pytest.approx(at)

    run_virtual(work())
