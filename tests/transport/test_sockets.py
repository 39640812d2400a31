"""Both ports over loopback, on uvloop and on the standard loop."""

import asyncio
import errno
import socket

import pytest
import uvloop

from simulator.ports import Address
from simulator.transport.connected import DATAGRAM_MAX, ConnectedPort
from simulator.transport.loop import new_event_loop
from simulator.transport.loop import run as run_on_best_loop
from simulator.transport.sockets import SocketNetwork, _DatagramProtocol
from simulator.transport.sources import SourceAddresses

LOCALHOST = Address("127.0.0.1", 0)
PATIENCE_S = 20


class Datagrams:
    """Keeps what comes."""

    def __init__(self):
        self.got = asyncio.Queue()
        self.errors = asyncio.Queue()

    def on_datagram(self, data, peer):
        self.got.put_nowait((data, peer))

    def on_datagram_error(self, error):
        self.errors.put_nowait(error)


class Bytes:
    """Keeps what comes on a stream; ``lost`` has the end."""

    def __init__(self):
        self.data = bytearray()
        self.eof = asyncio.Event()
        self.lost = asyncio.get_running_loop().create_future()
        self.more = asyncio.Event()

    def on_data(self, data):
        self.data += data
        self.more.set()

    def on_eof(self):
        self.eof.set()

    def on_lost(self, error):
        self.lost.set_result(error)

    async def until(self, size):
        while len(self.data) < size:
            self.more.clear()
            await soon(self.more.wait())


async def soon(awaitable):
    return await asyncio.wait_for(awaitable, PATIENCE_S)


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request):
    """A function that runs a coroutine function with a network, on one of the loops."""

    def run(work, **settings):
        async def main():
            return await work(SocketNetwork(asyncio.get_running_loop(), **settings))

        with asyncio.Runner(loop_factory=request.param) as runner:
            return runner.run(main())

    return run


def test_datagrams_go_there_and_back(run):
    async def work(network):
        server, client = Datagrams(), Datagrams()
        bound = await network.bind_datagram(LOCALHOST, server)
        port = await network.open_datagram(bound.local, client)
        port.send(b"ask")
        data, peer = await soon(server.got.get())
        assert (data, peer, type(peer)) == (b"ask", port.local, Address)
        bound.send(b"answer", peer)
        data, peer = await soon(client.got.get())
        assert (data, peer) == (b"answer", bound.local)
        port.close()
        bound.close()

    run(work)


def test_datagrams_over_ipv6(run):
    async def work(network):
        server, client = Datagrams(), Datagrams()
        bound = await network.bind_datagram(Address("::1", 0), server)
        port = await network.open_datagram(bound.local, client)
        port.send(b"ask")
        data, peer = await soon(server.got.get())
        assert (data, peer) == (b"ask", port.local)
        assert {peer: 1}[Address("::1", port.local.port)]
        bound.send(b"answer", peer)
        assert (await soon(client.got.get()))[0] == b"answer"
        port.close()
        bound.close()

    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    run(work)


def test_the_longest_datagram_of_a_device_is_whole(run):
    async def work(network):
        server, client = Datagrams(), Datagrams()
        bound = await network.bind_datagram(LOCALHOST, server)
        port = await network.open_datagram(bound.local, client)
        port.send(bytes(5000))
        data, peer = await soon(server.got.get())
        assert len(data) == 5000
        bound.send(bytes(DATAGRAM_MAX), peer)
        assert len((await soon(client.got.get()))[0]) == DATAGRAM_MAX
        port.close()
        bound.close()

    run(work)


def test_a_dead_port_is_told_as_an_error(run):
    async def work(network):
        bound = await network.bind_datagram(LOCALHOST, Datagrams())
        nobody = bound.local
        bound.close()
        await asyncio.sleep(0)
        client = Datagrams()
        port = await network.open_datagram(nobody, client)
        for _ in range(2):
            port.send(b"anybody?")
            assert isinstance(await soon(client.errors.get()), ConnectionRefusedError)
        port.close()

    run(work)


def test_a_datagram_that_is_too_long_is_told_and_the_port_lives_on(run):
    async def work(network):
        server, client = Datagrams(), Datagrams()
        bound = await network.bind_datagram(LOCALHOST, server)
        port = await network.open_datagram(bound.local, client)
        port.send(bytes(70_000))
        assert (await soon(client.errors.get())).errno == errno.EMSGSIZE
        port.send(b"short")
        peer = (await soon(server.got.get()))[1]
        bound.send(bytes(70_000), peer)
        assert (await soon(server.errors.get())).errno == errno.EMSGSIZE
        port.close()
        bound.close()

    run(work)


def test_want_of_buffers_is_loss_and_no_news_of_the_peer(run):
    async def work(network):
        client = Datagrams()
        port = await network.open_datagram(Address("127.0.0.1", 9), client)
        protocol = _DatagramProtocol(client)
        protocol.error_received(OSError(errno.ENOBUFS, "no buffer space"))
        protocol.error_received(OSError(errno.EHOSTUNREACH, "no route"))
        assert client.errors.get_nowait().errno == errno.EHOSTUNREACH
        assert client.errors.empty()
        port.close()

    run(work)


def test_after_close_nothing_is_sent(run):
    async def work(network):
        server, client = Datagrams(), Datagrams()
        bound = await network.bind_datagram(LOCALHOST, server)
        port = await network.open_datagram(bound.local, client)
        kept = port.send
        port.close()
        port.close()
        port.send(b"late")
        await asyncio.sleep(0.01)
        port.send(b"later")
        kept(b"kept")
        other = await network.open_datagram(bound.local, client)
        other.send(b"first")
        assert (await soon(server.got.get()))[0] == b"first"
        assert server.got.empty()
        other.close()
        bound.close()

    run(work)


def test_an_occupied_port_is_named(run):
    async def work(network):
        bound = await network.bind_datagram(LOCALHOST, Datagrams())
        with pytest.raises(OSError, match=rf"UDP 127\.0\.0\.1:{bound.local.port}: ") as told:
            await network.bind_datagram(bound.local, Datagrams())
        assert told.value.errno == errno.EADDRINUSE
        bound.close()
        listener = await network.listen_stream(LOCALHOST, lambda port, peer: Bytes())
        with pytest.raises(OSError, match=rf"TCP 127\.0\.0\.1:{listener.local.port}: ") as told:
            await network.listen_stream(listener.local, lambda port, peer: Bytes())
        assert told.value.errno == errno.EADDRINUSE
        listener.close()

    run(work)


def test_a_server_has_room_for_bursts(run):
    async def work(network):
        bound = await network.bind_datagram(LOCALHOST, Datagrams())
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
            usual = plain.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        sock = bound._transport.get_extra_info("socket")
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) >= usual
        bound.close()

    run(work)


def test_sources_roll_over_and_answers_find_their_way(run):
    async def work(network):
        server = Datagrams()
        bound = await network.bind_datagram(LOCALHOST, server)
        clients = [Datagrams() for _ in range(7)]
        ports = [await network.open_datagram(bound.local, client) for client in clients]
        assert [port.local.host for port in ports] == ["127.0.0.1"] * 3 + ["127.0.0.2"] * 3 + ["127.0.0.3"]
        for port in ports:
            port.send(b"hello")
        for _ in ports:
            _, peer = await soon(server.got.get())
            bound.send(str(peer).encode(), peer)
        for port, client in zip(ports, clients, strict=True):
            assert (await soon(client.got.get()))[0] == str(port.local).encode()
        for port in ports[:3]:
            port.close()
        await asyncio.sleep(0.01)
        more = [await network.open_datagram(bound.local, clients[0]) for _ in range(2)]
        assert [port.local.host for port in more] == ["127.0.0.3"] * 2
        for port in (*ports, *more, bound):
            port.close()

    run(work, sources=SourceAddresses(per_address_max=3))


class Echo(Bytes):
    """Sends back what comes, and closes at the end."""

    def __init__(self, port):
        super().__init__()
        self.port = port

    def on_data(self, data):
        super().on_data(data)
        self.port.write(data)

    def on_eof(self):
        super().on_eof()
        self.port.close()


def test_streams_go_there_and_back(run):
    async def work(network):
        accepted = []

        def accept(port, peer):
            accepted.append((Echo(port), peer))
            return accepted[-1][0]

        listener = await network.listen_stream(LOCALHOST, accept)
        client = Bytes()
        port = await network.open_stream(listener.local, client)
        blob = bytes(range(256)) * 4000
        port.write(blob)
        await client.until(len(blob))
        assert client.data == blob
        port.close()
        port.write(b"late")
        assert await soon(client.lost) is None
        echo, peer = accepted[0]
        assert peer == port.local
        assert await soon(echo.lost) is None
        assert echo.eof.is_set()
        assert echo.data == blob
        listener.close()

    run(work)


def test_a_reset_reaches_the_peer(run):
    async def work(network):
        accepted = asyncio.Queue()

        def accept(port, peer):
            receiver = Bytes()
            accepted.put_nowait(receiver)
            return receiver

        listener = await network.listen_stream(LOCALHOST, accept)
        client = Bytes()
        port = await network.open_stream(listener.local, client)
        server = await soon(accepted.get())
        port.abort()
        assert await soon(client.lost) is None
        assert isinstance(await soon(server.lost), ConnectionResetError)
        listener.close()

    run(work)


def test_a_paused_stream_holds_back(run):
    async def work(network):
        accepted = asyncio.Queue()

        def accept(port, peer):
            receiver = Bytes()
            port.pause()
            accepted.put_nowait((receiver, port))
            return receiver

        listener = await network.listen_stream(LOCALHOST, accept)
        client = Bytes()
        port = await network.open_stream(listener.local, client)
        server, server_port = await soon(accepted.get())
        port.write(bytes(100_000))
        await asyncio.sleep(0.05)
        assert not server.data
        server_port.resume()
        await server.until(100_000)
        for each in (port, server_port):
            each.close()
            each.pause()
            each.resume()
        await soon(client.lost)
        await soon(server.lost)
        listener.close()

    run(work)


def test_a_peer_that_takes_nothing_makes_nothing_grow(run):
    async def work(network):
        accepted = asyncio.Queue()

        def accept(port, peer):
            receiver = Bytes()
            port.pause()
            accepted.put_nowait((receiver, port))
            return receiver

        listener = await network.listen_stream(LOCALHOST, accept)
        client = Bytes()
        port = await network.open_stream(listener.local, client)
        server, server_port = await soon(accepted.get())
        # The kernel takes some MiB on the way before anything waits here.
        for _ in range(400):
            port.write(bytes(100_000))
            await asyncio.sleep(0)
            if client.lost.done():
                break
        error = await soon(client.lost)
        assert error.errno == errno.ENOBUFS
        assert "unread" in str(error)
        server_port.resume()
        assert isinstance(await soon(server.lost), ConnectionResetError | None)
        listener.close()

    run(work)


def test_a_refused_connection_names_the_peer(run):
    async def work(network):
        listener = await network.listen_stream(LOCALHOST, lambda port, peer: Bytes())
        nobody = listener.local
        listener.close()
        await asyncio.sleep(0.01)
        with pytest.raises(ConnectionRefusedError, match=rf"TCP to 127\.0\.0\.1:{nobody.port}: "):
            await network.open_stream(nobody, Bytes())

    run(work)


def test_a_peer_that_does_not_answer_is_given_up(run, monkeypatch):
    async def work(network):
        loop = asyncio.get_running_loop()

        class Silent:
            async def create_connection(self, *args, **kwargs):
                await loop.create_future()

        network._loop = Silent()
        with pytest.raises(TimeoutError, match=r"TCP to 127\.0\.0\.1:9: no answer within 0\.01 s") as told:
            await network.open_stream(Address("127.0.0.1", 9), Bytes())
        assert told.value.errno == errno.ETIMEDOUT

    monkeypatch.setattr("simulator.transport.sockets.CONNECT_TIMEOUT_S", 0.01)
    run(work)


def test_the_best_loop_is_uvloop():
    loop = new_event_loop()
    assert isinstance(loop, uvloop.Loop)
    loop.close()

    async def work():
        return asyncio.get_running_loop()

    assert isinstance(run_on_best_loop(work()), uvloop.Loop)


def test_without_uvloop_the_standard_loop_serves(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "uvloop", None)
    loop = new_event_loop()
    assert isinstance(loop, asyncio.SelectorEventLoop)
    loop.close()


class Refusing:
    """A socket that has no room, or worse."""

    def __init__(self, error):
        self.error = error
        self.closed = False

    def send(self, data):
        raise self.error

    def recv(self, size):
        raise self.error

    def getsockname(self):
        return ("127.0.0.1", 1)

    def fileno(self):
        return -1

    def close(self):
        self.closed = True


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (BlockingIOError(errno.EAGAIN, "full"), False),
        (OSError(errno.ENOBUFS, "no buffer space"), False),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), True),
        (OSError(errno.EMSGSIZE, "too long"), True),
    ],
)
def test_a_send_that_fails_is_loss_or_is_told_in_a_turn_of_its_own(error, told):
    turns = []

    class Loop:
        def call_soon(self, callback, *args):
            turns.append((callback, args))

    class Poller:
        def add(self, fd, reader):
            pass

        def remove(self, fd):
            pass

    client, released = Datagrams.__new__(Datagrams), []
    client.told = []
    client.on_datagram_error = client.told.append
    port = ConnectedPort(Loop(), Poller(), Refusing(error), client, LOCALHOST, lambda: released.append(True))
    port.send(b"x")
    assert client.told == []
    for callback, args in turns:
        callback(*args)
    assert client.told == ([error] if told else [])
    port.close()
    port.close()
    port.send(b"x")
    assert released == [True]
