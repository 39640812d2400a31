"""What the tests of HTTP stand on: a download without any network, and a scripted origin on a network in memory."""

from __future__ import annotations

import asyncio
import random

from simulator.network.profiles import IDEAL
from simulator.ports import Address
from simulator.servers.http_packages import HttpPackages
from simulator.transport.deadlines import Deadlines
from simulator.transport.http import HttpClient, plain_streams
from simulator.transport.http_download import HttpDownload
from simulator.transport.memory import MemoryNetwork
from simulator.transport.virtual import run_virtual

ORIGIN = Address("10.9.0.1", 80)
URI = "http://10.9.0.1/fw.bin"
PACKAGE = random.Random(1).randbytes(100_000)


class Sink:
    """Keeps the bytes, and everything that it was told."""

    def __init__(self, held=b""):
        self.data = bytearray(held)
        self.begun = []
        self.ended = None
        self.over = asyncio.Event()
        self.refuse = None
        self.at = None

    def begin(self, size, etag, offset, now):
        assert self.ended is None
        assert offset <= len(self.data)
        del self.data[offset:]
        self.begun.append((size, etag, offset))
        return self.refuse != "begin"

    def write(self, data, now):
        assert self.ended is None
        assert self.begun
        assert type(data) is bytes
        assert data
        self.data += data
        return self.refuse != "write"

    def complete(self, now):
        self._end("complete", now)

    def failed(self, failure, code, now):
        self._end((failure, code), now)

    def _end(self, what, now):
        assert self.ended is None, "ended twice"
        self.ended, self.at = what, now
        self.over.set()


class Pure:
    """A download whose network is the test itself."""

    def __init__(self, uri=URI, *, held=b"", **kw):
        self.now = 0.0
        self.sink = Sink(held)
        self.connects = []
        self.requests = []
        self.disconnects = []
        self.wakes = []
        self.download = HttpDownload(uri, self.sink, self, offset=len(held), **kw)
        self.download.start(0.0)

    def connect(self, uri, now):
        self.connects.append(str(uri))

    def send(self, data):
        self.requests.append(data)

    def disconnect(self, *, orderly):
        self.disconnects.append(orderly)

    def wake_by(self, when):
        assert not self.wakes or when < self.wakes[-1]
        self.wakes.append(when)

    def answer(self, response, *, eof=True, piece=None):
        """Let the connection stand, hand over the response in pieces, and close; nothing once it was let go of."""
        self.download.connected(self.now)
        step = piece or max(len(response), 1)
        before = len(self.disconnects)
        for start in range(0, len(response), step):
            if len(self.disconnects) == before:
                self.download.receive(response[start : start + step], self.now)
        if eof and len(self.disconnects) == before:
            self.download.eof(self.now)
        return self


def response(status=200, body=b"", *fields, reason="Words", length=None):
    """The bytes of a response; ``length`` is what Content-Length claims, or None for the truth, -1 for no field."""
    lines = [f"HTTP/1.1 {status} {reason}", *fields]
    if length != -1:
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def partial(body, first, last, size, etag, *fields):
    """The bytes of a 206 with one range."""
    return response(206, body, f"Content-Range: bytes {first}-{last}/{size}", f"ETag: {etag}", *fields)


def chunked(body, *fields, status=200, size=1000):
    """The bytes of a chunked response."""
    pieces = [body[i : i + size] for i in range(0, len(body), size)]
    coded = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    return response(status, coded, "Transfer-Encoding: chunked", *fields, length=-1)


def parse(head):
    """Method, target and fields of a request; the fields by their names in title case."""
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, version = first.split(" ")
    assert version == "HTTP/1.1"
    return method, target, dict(line.split(": ", 1) for line in lines)


def shop(packages):
    """An origin's script that serves packages as they have to be served."""
    shelf = HttpPackages(packages)

    def script(method, target, fields):
        found = shelf.answer(method, target.partition("?")[0], fields)
        whole = response(found.status, bytes(found.body), *(f"{k}: {v}" for k, v in found.headers.items()))
        if found.stops < 0:
            yield whole
        else:
            yield whole[: len(whole) - len(found.body) + found.stops]
            yield "hold" if found.holds else 0.0

    return script


class Origin:
    """Takes connections and plays a script for each: bytes to send and seconds to wait, then it closes.

    A script is a generator function of method, target and fields; what it yields is bytes, a number of seconds,
    ``reset``, or ``hold`` to leave the connection open.
    """

    def __init__(self, script):
        self.script = script
        self.asked = []
        self.lost = 0

    def accept(self, port, peer):
        return _Connection(self, port)


class _Connection:
    def __init__(self, origin, port):
        self.origin = origin
        self.port = port
        self.head = b""
        self.task = None

    def on_data(self, data):
        self.head += data
        if self.head.endswith(b"\r\n\r\n"):
            request = parse(self.head[:-4])
            self.origin.asked.append(request)
            self.task = asyncio.get_running_loop().create_task(self.play(self.origin.script(*request)))

    async def play(self, script):
        for step in script:
            if isinstance(step, bytes):
                self.port.write(step)
            elif step == "reset":
                self.port.abort()
                return
            elif step == "hold":
                return
            else:
                await asyncio.sleep(step)
        self.port.close()

    def on_eof(self):
        self.port.close()

    def on_lost(self, error):
        self.origin.lost += 1
        if self.task is not None:
            self.task.cancel()


async def resolve(host):
    return host


class Outcome:
    """How a download in memory ended."""

    def __init__(self, sink, client, origin, deadlines, loop):
        self.sink, self.download, self.origin = sink, client.download, origin
        self.armed = len(deadlines)
        self.at = loop.time()


def over_memory(script, *, uri=URI, held=b"", profile=IDEAL, seed=1, at=None, **kw):
    """Run one download to its end in virtual time, or until ``at``, where it is stopped."""

    async def work():
        loop = asyncio.get_running_loop()
        network = MemoryNetwork(loop, random.Random(seed), profile)
        deadlines = Deadlines(loop, loop.time)
        origin, sink = Origin(script), Sink(held)
        listener = await network.listen_stream(ORIGIN, origin.accept)
        opener = plain_streams(network, resolve)
        client = HttpClient(uri, sink, opener, deadlines, loop.time, offset=len(held), **kw)
        client.start()
        if at is None:
            await sink.over.wait()
        else:
            await asyncio.sleep(at)
            client.stop()
        listener.close()
        outcome = Outcome(sink, client, origin, deadlines, loop)
        await asyncio.sleep(10_000)  # nothing may come after the end
        return outcome

    return run_virtual(work())
