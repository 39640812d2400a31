"""TLS between two of our own sides, over a memory network in virtual time."""

from __future__ import annotations

import asyncio
import errno
import gc
import random

import pytest

from simulator.network.profiles import NetworkProfile
from simulator.security.credentials import Credentials, Psk, PskStore, ServerCredentials
from simulator.security.failures import ConnectionClosedError, HandshakeFailedError
from simulator.transport.deadlines import Deadlines
from simulator.transport.memory import MemoryNetwork
from simulator.transport.tls import open_tls
from simulator.transport.tls_listener import listen_tls
from simulator.transport.virtual import run_virtual
from tests.security.rig import (
    CA,
    DEVICE_IDENTITY,
    ECDSA_PAIR,
    HOST,
    MUTUAL_PAIR,
    PAIRS,
    PSK,
    PSK_PAIR,
    SERVER,
    SERVER_IDENTITY,
)

EVERY_PAIR = pytest.mark.parametrize("name", PAIRS)


class Reader:
    """A ``StreamReceiver`` that keeps what it reads, and may answer."""

    def __init__(self, answer=None):
        self.data = bytearray()
        self.told = []
        self.answer = answer
        self.port = None

    def on_data(self, data):
        self.data += data
        if self.answer is not None:
            self.port.write(self.answer(data))

    def on_eof(self):
        self.told.append("eof")
        if self.answer is not None:
            self.port.close()

    def on_lost(self, error):
        self.told.append(error)


class World:
    def __init__(self, profile=None, wrap=None):
        loop = asyncio.get_running_loop()
        self.now = loop.time
        self.deadlines = Deadlines(loop, loop.time)
        self.network = MemoryNetwork(loop, random.Random(3), *([profile] if profile else []))
        self.accepted = []
        self.failures = []
        self.device = Reader()
        self.listener = None

    def accept(self, port, peer):
        reader = Reader(lambda data: data.upper())
        reader.port = port
        self.accepted.append(reader)
        return reader

    async def listen(self, credentials, **options):
        self.listener = await listen_tls(
            self.network,
            SERVER,
            self.accept,
            credentials,
            self.deadlines,
            self.now,
            failed=self.failures.append,
            **options,
        )
        return self.listener

    async def open(self, credentials, **options):
        return await open_tls(self.network, SERVER, self.device, credentials, self.deadlines, self.now, **options)

    async def both(self, pair, **options):
        await self.listen(pair[1])
        port = await self.open(pair[0], **options)
        await quiet(1)  # in TLS 1.3 the server is done later than the client
        return port


async def quiet(seconds=60):
    await asyncio.sleep(seconds)


def run(work):
    return run_virtual(work())


@EVERY_PAIR
def test_data_passes_both_ways_and_the_end_is_told(name):
    async def work():
        world = World()
        port = await world.both(PAIRS[name])
        port.write(b"hello")
        await quiet()
        assert world.device.data == b"HELLO"
        (server,) = world.accepted
        assert server.port.version == port.version == "TLSv1.3"
        assert server.port.peer.psk_identity == (PSK.identity if name == "psk" else b"")
        assert server.port.peer.subject == ("CN=device-1" if name == "mutual" else "")
        assert port.peer.subject == ("" if name == "psk" else f"CN={HOST}")
        port.close()
        await quiet()
        assert server.told == ["eof", None]
        assert world.device.told == [None]
        assert world.failures == []
        assert len(world.deadlines) == 0

    run(work)


@pytest.mark.parametrize(("offered", "agreed"), [((b"coap",), b"coap"), ((b"h2", b"coap"), b"coap"), ((b"h2",), b"")])
def test_what_is_spoken_over_tls_is_agreed_on(offered, agreed):
    async def work():
        world = World()
        port = await world.both(PAIRS["mutual"], protocols=offered)
        (server,) = world.accepted
        assert port.protocol == server.port.protocol == agreed
        port.close()
        await quiet()

    run(work)


@EVERY_PAIR
def test_a_mebibyte_passes_a_bad_network_unharmed(name):
    async def work():
        world = World(NetworkProfile("bad", delay_s=0.05, jitter_s=0.05, loss=0.05, rate_bps=2e6))
        port = await world.both(PAIRS[name])
        body = random.Random(1).randbytes(1 << 20)
        world.accepted[0].answer = None
        port.write(body)
        world.accepted[0].port.write(body[::-1])
        await quiet()
        assert world.accepted[0].data == body
        assert world.device.data == body[::-1]

    run(work)


@pytest.mark.parametrize(
    ("client", "server", "told", "seen"),
    [
        (
            ECDSA_PAIR[0],
            ServerCredentials(identity=CA.expired(HOST)),
            "certificate verify failed: expired",
            "certificate refused by the peer: expired",
        ),
        (
            ECDSA_PAIR[0],
            ServerCredentials(identity=CA.unknown_ca(HOST)),
            "certificate verify failed: unknown CA: CN=unknown CA",
            "certificate refused by the peer: unknown CA",
        ),
        (
            ECDSA_PAIR[0],
            ServerCredentials(identity=CA.wrong_host()),
            "certificate verify failed: wrong host name: it is for wrong-host.invalid, not for server.example",
            "certificate refused by the peer: bad certificate",
        ),
        (
            ECDSA_PAIR[0],
            ServerCredentials(identity=DEVICE_IDENTITY),
            "certificate verify failed: not made for this side of a connection (extended key usage)",
            "certificate refused by the peer: unsupported certificate",
        ),
        (
            Credentials(psk=Psk(PSK.identity, b"k" * 16)),
            PSK_PAIR[1],
            "decrypt error: the keys of the two sides differ; wrong PSK key",
            None,
        ),
        (
            Credentials(psk=Psk(b"nobody", b"k" * 16)),
            PSK_PAIR[1],
            "handshake failure: no cipher suite or credential that both sides take; unknown PSK identity, perhaps",
            "unknown PSK identity b'nobody'",
        ),
        (PSK_PAIR[0], ECDSA_PAIR[1], "the server shows a certificate instead, and there is no trust store", None),
    ],
)
def test_what_cannot_work_fails_with_its_cause(client, server, told, seen):
    async def work():
        world = World()
        await world.listen(server)
        with pytest.raises(HandshakeFailedError) as failed:
            await world.open(client)
        assert told in failed.value.cause
        await quiet()
        assert world.accepted == []
        assert len(world.failures) == 1
        if seen is not None:
            assert world.failures[0].cause == seen
        assert world.listener.handshakes == 0
        assert len(world.deadlines) == 0

    run(work)


@pytest.mark.parametrize(
    ("identity", "told"),
    [
        (None, "closed by the peer: the peer asks for a certificate, and there is none"),
        (CA.expired_device("device-1"), "closed by the peer: certificate refused by the peer: expired"),
        (CA.unknown_ca("x"), "closed by the peer: certificate refused by the peer: unknown CA"),
    ],
)
def test_a_refused_device_hears_of_it_after_its_handshake(identity, told):
    """In TLS 1.3 the client is done before the server has judged it (RFC 8446 §4.4.2.4)."""

    async def work():
        world = World()
        await world.listen(MUTUAL_PAIR[1])
        await world.open(Credentials(identity=identity, trust=CA.trust, server_name=HOST))
        await quiet()
        (error,) = world.device.told
        assert isinstance(error, ConnectionClosedError)
        assert error.cause == told
        assert world.accepted == []
        assert len(world.failures) == 1

    run(work)


def test_an_address_can_be_what_a_certificate_is_for():
    async def work():
        world = World()
        await world.listen(ServerCredentials(identity=CA.server("10.9.0.1", "fd00::1")))
        for name in ("10.9.0.1", "fd00::1"):
            await world.open(Credentials(trust=CA.trust, server_name=name))
        with pytest.raises(HandshakeFailedError, match=r"wrong host name: it is for 10\.9\.0\.1, fd00::1, not for"):
            await world.open(Credentials(trust=CA.trust, server_name="10.9.0.2"))

    run(work)


@EVERY_PAIR
def test_a_session_is_taken_up_again(name):
    async def work():
        world = World()
        port = await world.both(PAIRS[name])
        assert not port.resumed
        port.write(b"x")
        await quiet()
        session = port.session
        port.close()
        again = await world.open(PAIRS[name][0], session=session)
        again.write(b"y")
        await quiet()
        assert again.resumed
        assert world.device.data == b"XY"

    run(work)


def test_a_silent_server_is_given_up_in_time():
    async def work():
        world = World()
        await world.network.listen_stream(SERVER, lambda port, peer: Reader())
        with pytest.raises(HandshakeFailedError, match="no answer to the TLS handshake") as failed:
            await world.open(ECDSA_PAIR[0], timeout_s=7)
        assert world.now() == 7
        assert failed.value.errno == errno.ETIMEDOUT

    run(work)


def test_a_silent_client_is_given_up_in_time():
    async def work():
        world = World()
        await world.listen(ECDSA_PAIR[1], timeout_s=5)
        await world.network.open_stream(SERVER, world.device)
        await quiet()
        assert [error.cause for error in world.failures] == ["no answer to the TLS handshake"]
        assert world.device.told[0] == "eof"

    run(work)


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", bytes(100), b"\x16\x03\x03\x00\x02\xff\xff"])
def test_a_server_that_speaks_no_tls_is_told_apart(answer):
    async def work():
        world = World()

        def accept(port, peer):
            reader = Reader(lambda data: answer)
            reader.port = port
            return reader

        await world.network.listen_stream(SERVER, accept)
        with pytest.raises(HandshakeFailedError):
            await world.open(ECDSA_PAIR[0])

    run(work)


def test_a_connection_that_is_cut_off_is_no_end():
    async def work():
        world = World()
        await world.both(ECDSA_PAIR)
        world.accepted[0].port._port.close()  # TCP alone
        await quiet()
        (error,) = world.device.told
        assert error.cause == "the connection was cut off: no close notify came"

    run(work)


def test_a_reset_is_told():
    async def work():
        world = World()
        await world.both(ECDSA_PAIR)
        world.accepted[0].port.abort()
        await quiet()
        (error,) = world.device.told
        assert error.errno == errno.ECONNRESET

    run(work)


def test_a_peer_that_hangs_up_in_the_handshake_is_told():
    async def work():
        world = World()

        def accept(port, peer):
            reader = Reader(lambda data: b"")
            reader.port = port
            asyncio.get_running_loop().call_later(1, port.abort)
            return reader

        await world.network.listen_stream(SERVER, accept)
        with pytest.raises(HandshakeFailedError, match="closed by the peer"):
            await world.open(ECDSA_PAIR[0])

    run(work)


def test_a_paused_port_holds_back_and_goes_on():
    async def work():
        world = World()
        port = await world.both(ECDSA_PAIR)
        body = random.Random(2).randbytes(300_000)
        port.pause()
        world.accepted[0].port.write(body)
        await quiet()
        assert world.device.data == b""
        port.resume()
        port.resume()
        await quiet()
        assert world.device.data == body
        got = []

        def stop_and_go(data):
            got.append(data)
            port.pause()
            asyncio.get_running_loop().call_later(1, port.resume)

        world.device.on_data = stop_and_go
        world.accepted[0].port.write(body)
        await quiet()
        assert b"".join(got) == body
        assert len(got) > 10

    run(work)


def test_without_a_credential_there_is_no_connection():
    async def work():
        world = World()
        with pytest.raises(HandshakeFailedError, match="a PSK or a trust store is needed"):
            await world.open(Credentials(identity=DEVICE_IDENTITY))
        with pytest.raises(ValueError, match="needs keys of its clients"):
            await world.listen(ServerCredentials())

    run(work)


def test_keys_and_a_certificate_live_on_one_listener():
    async def work():
        world = World()
        await world.listen(ServerCredentials(psks=PskStore([PSK]), identity=SERVER_IDENTITY))
        for credentials in (PSK_PAIR[0], ECDSA_PAIR[0]):
            (await world.open(credentials)).write(b"x")
        await quiet()
        assert world.device.data == b"XX"
        assert world.listener.local == SERVER
        world.listener.close()
        with pytest.raises(ConnectionRefusedError):
            await world.open(PSK_PAIR[0])

    run(work)


def test_whoever_leaves_before_the_connection_stands_leaves_no_error_behind():
    class LosesAtOnce:
        async def open_stream(self, remote, receiver, *, local=None):
            receiver.on_lost(ConnectionResetError(errno.ECONNRESET, "reset"))
            await asyncio.Event().wait()

    async def work():
        loop, told, reader = asyncio.get_running_loop(), [], Reader()
        loop.set_exception_handler(lambda _loop, context: told.append(context["message"]))
        opening = loop.create_task(
            open_tls(LosesAtOnce(), SERVER, reader, PAIRS["psk"][0], Deadlines(loop, loop.time), loop.time)
        )
        await quiet(1)
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
        del opening
        gc.collect()
        return told

    assert run(work) == []


def test_a_listener_that_is_closed_takes_no_connection_at_the_end_of_its_handshake():
    async def work():
        world = World(NetworkProfile("far", delay_s=1.0))
        listener = await world.listen(PSK_PAIR[1])
        opening = asyncio.ensure_future(world.open(PSK_PAIR[0]))
        await quiet(2.5)
        assert listener.handshakes == 1
        listener.close()
        assert listener.handshakes == 0
        with pytest.raises(OSError, match=r"reset|closed"):
            await opening
        await quiet()
        return world.accepted, len(world.deadlines)

    assert run(work) == ([], 0)
