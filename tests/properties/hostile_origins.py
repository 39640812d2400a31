"""Package origins that mean no good, for a whole device in virtual time: each is a script of what one connection says.

A script is a generator function of the talker; what it yields is bytes to send, seconds to wait, ``HEAR`` to wait for
the next bytes of the device, ``RESET`` or ``CLOSE``. When it ends, the connection stays open.
"""

from __future__ import annotations

import asyncio

from simulator.coap.message import MessageFormatError
from simulator.coap.tcp import FrameDecoder
from simulator.events import TransferEnded
from simulator.network.profiles import NetworkProfile
from simulator.transport.tls_listener import listen_tls
from tests.faults.faulty_device import SERVERS, update

HEAR, RESET, CLOSE = "hear", "reset", "close"
CODED = NetworkProfile("coded", delay_s=0.01)


class Talker:
    """One connection, or one peer of a datagram port, and the script that is played to it."""

    def __init__(self, port, script):
        self.port = port
        self.sent = 0
        self.heard = b""
        self.decoder = FrameDecoder(1 << 20)
        self.ends = []
        self._news = asyncio.Event()
        self.task = asyncio.get_running_loop().create_task(self._play(script(self)))

    async def _play(self, script):
        for step in script:
            if step == HEAR:
                await self._news.wait()
                self._news.clear()
            elif step == RESET:
                self.port.abort()
            elif step == CLOSE:
                self.port.close()
            elif isinstance(step, bytes):
                self.sent += len(step)
                self.port.write(step)
            else:
                await asyncio.sleep(step)

    @property
    def messages(self):
        """The CoAP messages that came since the last time."""
        self.decoder.feed(self.heard)
        self.heard = b""
        found = []
        while (message := self.decoder.next()) is not None:
            found.append(message)
        return found

    def on_data(self, data):
        self.heard += data
        self._news.set()

    def on_eof(self):
        self.ends.append("eof")
        self.port.close()

    def on_lost(self, error):
        self.ends.append(error)
        self.task.cancel()


class Origin:
    """Talks to every device that comes; ``origin`` of ``tests.faults.faulty_device.update``.

    Args:
        script: for each connection.
        tls: whether a good TLS server stands below the script. Else what a secure device gets is the script itself.
    """

    def __init__(self, script, *, tls=False):
        self.script = script
        self.tls = tls
        self.talkers = []

    async def __call__(self, run, at):
        if self.tls:
            listener = await listen_tls(run.network, at, self.accept, SERVERS, run.deadlines, run.clock.now)
        else:
            listener = await run.network.listen_stream(at, self.accept)
        self._listener = listener
        return self

    def accept(self, port, _peer):
        talker = Talker(port, self.script)
        self.talkers.append(talker)
        return talker

    def close(self):
        self._listener.close()
        for talker in self.talkers:
            talker.task.cancel()


class _To:
    """A datagram port as a talker writes to it: to one peer."""

    def __init__(self, port, peer):
        self._port = port
        self._peer = peer

    def write(self, data):
        self._port.send(data, self._peer)


class DatagramOrigin:
    """The same on a datagram port, below DTLS; what one peer sends is what its talker hears."""

    def __init__(self, script):
        self.script = script
        self.talkers = {}

    async def __call__(self, run, at):
        self._port = await run.network.bind_datagram(at, self)
        return self

    def on_datagram(self, data, peer):
        if peer not in self.talkers:
            self.talkers[peer] = Talker(_To(self._port, peer), self.script)
        self.talkers[peer].on_data(data)

    def on_datagram_error(self, error):
        pass

    def close(self):
        self._port.close()
        for talker in self.talkers.values():
            talker.task.cancel()


def requests(talker):
    """The tokens of the requests that came since the last time; nothing where what came is no CoAP."""
    try:
        return [message.token for message in talker.messages if 0 < message.code < 32]
    except MessageFormatError:
        return []


def pull(transport, origin, *, protocols=None, profile=CODED, block_size=1024):
    """A pull from this origin: its end, and seconds from the order to the end of the transfer."""
    settings = {"transport": transport, "block_size": block_size, "protocols": protocols or (transport,)}
    end = update("pull", settings=settings, origin=origin, profile=profile)
    moved = [event for event in end.log.events if isinstance(event, TransferEnded)]
    assert len(moved) <= 1
    assert end.struck == []
    return end, (moved[0].t - moved[0].started if moved else end.took)


def lost(end):
    return (end.state, end.result, end.version) == (0, 4, "1.0")


def says(*steps):
    """A script that hears a request first."""

    def script(talker):
        yield HEAR
        yield from steps

    return script


def endless(head, piece, seconds=0.01):
    def script(talker):
        yield HEAR
        yield head
        while True:
            yield piece
            yield seconds

    return script
