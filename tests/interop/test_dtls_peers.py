"""DTLS against libcoap on OpenSSL 3, both as its client and as its server."""

from __future__ import annotations

import asyncio
import random

import pytest

from simulator.coap.codes import URI_PATH
from simulator.coap.download import Download
from simulator.coap.endpoint import Endpoint
from simulator.ports import Address
from simulator.security.authority import Authority, chain_pem, key_pem
from simulator.security.credentials import Credentials, Psk, PskStore, ServerCredentials
from simulator.security.failures import HandshakeFailedError
from simulator.servers.package_origin import PackageOrigin
from simulator.servers.peers import PeerTable
from simulator.transport.deadlines import Deadlines
from simulator.transport.dtls import open_dtls
from simulator.transport.dtls_handshake import HandshakeTimers
from simulator.transport.dtls_listener import bind_dtls
from simulator.transport.sockets import SocketNetwork
from tests.peers import process

pytestmark = pytest.mark.peer

BODY = random.Random(5).randbytes(300_000)
KEY = "secretkey"
PSK = Psk(b"device", KEY.encode())
QUICK = HandshakeTimers(initial_s=0.2, retransmissions=3)
HOST = process.HOST


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture
def files(authority, tmp_path):
    """A function that writes an identity as the files that other programs read: certificate, key and CA."""

    def write(identity, name="server"):
        paths = [tmp_path / f"{name}-{part}.pem" for part in ("cert", "key", "ca")]
        for path, data in zip(paths, (chain_pem(identity), key_pem(identity), authority.pem), strict=True):
            path.write_bytes(data)
        return [str(path) for path in paths]

    return write


class Device:
    """An endpoint behind a DTLS port on a real socket."""

    def __init__(self):
        loop = asyncio.get_running_loop()
        self.now = loop.time
        self.deadlines = Deadlines(loop, loop.time)
        self.network = SocketNetwork(loop)
        self.errors = []
        self.port = self.endpoint = None

    async def open(self, port, credentials, **options):
        self.port = await open_dtls(
            self.network, Address(HOST, port), self, credentials, self.deadlines, self.now, **options
        )
        self.endpoint = Endpoint(self.port.send, random.Random(1), alarm=self.deadlines.arm)
        async with asyncio.timeout(20):
            await self.port.established()
        return self

    def on_datagram(self, data, peer):
        self.endpoint.receive(data, self.now())

    def on_datagram_error(self, error):
        self.errors.append(error)

    async def download(self, path, **options):
        sink = Sink()
        Download([(URI_PATH, path)], sink, 6, **options).start(self.endpoint, self.now())
        async with asyncio.timeout(60):
            return await sink.ended

    def close(self):
        if self.endpoint is not None:
            self.endpoint.close(self.now())
        if self.port is not None:
            self.port.close()
        self.deadlines.close()


class Sink:
    def __init__(self):
        self.data = bytearray()
        self.ended = asyncio.get_running_loop().create_future()

    def begin(self, size, etag, offset, now):
        del self.data[offset:]
        return True

    def write(self, data, now):
        self.data += data
        return True

    def complete(self, now):
        self.ended.set_result(bytes(self.data))

    def failed(self, failure, code, now):
        self.ended.set_exception(AssertionError(f"{failure} {code}"))


@pytest.fixture
async def device():
    device = Device()
    yield device
    device.close()


@pytest.fixture
def body_file(tmp_path):
    file = tmp_path / "firmware.bin"
    file.write_bytes(BODY)
    return str(file)


def client_credentials(kind, authority):
    if kind == "psk":
        return Credentials(psk=PSK)
    identity = authority.device("device") if kind == "mutual" else None
    return Credentials(identity=identity, trust=authority.trust, server_name=HOST)


@pytest.mark.parametrize("kind", ["psk", "certificate", "mutual"])
async def test_a_download_from_libcoap(libcoap_server, libcoap_client, device, authority, files, body_file, kind):
    cert, key, ca = files(authority.server(HOST))
    certificates = ["-c", cert, "-j", key] + (["-C", ca] if kind == "mutual" else ["-n"])
    server = libcoap_server("-k", KEY, *certificates)
    await libcoap_client("-m", "put", "-b", "1024", "-f", body_file, server.uri("fw.bin"))
    await device.open(server.port + 1, client_credentials(kind, authority))
    assert await device.download(b"fw.bin") == BODY
    assert device.errors == []
    assert device.port.discarded == 0


@pytest.mark.parametrize("lost", ["2", "3", "4", "2-3", "3-4"])
@pytest.mark.parametrize("kind", ["psk", "certificate"])
async def test_libcoap_and_this_side_make_good_what_libcoap_loses(
    libcoap_server, libcoap_client, device, authority, files, lost, kind
):
    """``lost`` are the numbers of datagrams that the server does not send; 1 answers the ping that finds it ready."""
    cert, key, _ = files(authority.server(HOST))
    server = libcoap_server("-k", KEY, "-c", cert, "-j", key, "-n", "-l", lost)
    await device.open(server.port + 1, client_credentials(kind, authority), timers=QUICK)
    assert device.port.peer is not None


@pytest.mark.parametrize("kind", ["psk", "certificate"])
async def test_a_session_is_taken_up_again_at_libcoap_or_made_anew(libcoap_server, device, authority, files, kind):
    cert, key, _ = files(authority.server(HOST))
    server = libcoap_server("-k", KEY, "-c", cert, "-j", key, "-n")
    await device.open(server.port + 1, client_credentials(kind, authority))
    session = device.port.session
    device.port.close()
    await device.open(server.port + 1, client_credentials(kind, authority), session=session)
    assert device.port.peer is not None


@pytest.mark.parametrize(
    ("identity", "cause"),
    [
        ("expired", "certificate verify failed: expired"),
        ("unknown_ca", "certificate verify failed: unknown CA"),
        ("wrong_host", "certificate verify failed: wrong host name"),
    ],
)
async def test_a_bad_certificate_of_libcoap_is_refused(libcoap_server, device, authority, files, identity, cause):
    made = getattr(authority, identity)(*([] if identity == "wrong_host" else [HOST]))
    cert, key, _ = files(made)
    server = libcoap_server("-c", cert, "-j", key, "-n")
    with pytest.raises(HandshakeFailedError, match=cause):
        await device.open(server.port + 1, client_credentials("certificate", authority))


async def test_libcoap_says_nothing_to_a_wrong_key(libcoap_server, device):
    server = libcoap_server("-k", KEY)
    with pytest.raises(HandshakeFailedError, match="wrong PSK key"):
        await device.open(server.port + 1, Credentials(psk=Psk(b"device", b"another")), timers=QUICK)


async def test_libcoap_asks_for_a_certificate_that_there_is_not(libcoap_server, device, authority, files):
    cert, key, ca = files(authority.server(HOST))
    server = libcoap_server("-c", cert, "-j", key, "-C", ca)
    with pytest.raises(HandshakeFailedError, match="the server asks for a client certificate, and there is none"):
        await device.open(server.port + 1, client_credentials("certificate", authority), timers=QUICK)


class Origin:
    """Packages over coaps, for other people's clients."""

    def __init__(self):
        loop = asyncio.get_running_loop()
        self.deadlines = Deadlines(loop, loop.time)
        self.table = PeerTable(
            loop.time, random.Random(2), PackageOrigin({"fw.bin": BODY[:60_000]}), alarm=self.deadlines.arm
        )
        self.errors = []
        self.listener = None

    async def bind(self, credentials):
        loop = asyncio.get_running_loop()
        self.listener = await bind_dtls(
            SocketNetwork(loop), Address(HOST, 0), self, credentials, self.deadlines, loop.time
        )
        self.table.attach(self.listener)
        return f"coaps://{HOST}:{self.listener.local.port}/fw.bin"

    def on_datagram(self, data, peer):
        self.table.on_datagram(data, peer)

    def on_datagram_error(self, error):
        self.errors.append(error)

    def close(self):
        self.table.close()
        self.deadlines.close()


@pytest.fixture
async def origin():
    origin = Origin()
    yield origin
    origin.close()


async def test_libcoaps_client_downloads_with_a_psk(libcoap_client, origin):
    uri = await origin.bind(ServerCredentials(psks=PskStore([PSK]), psk_hint=b"CoAP"))
    assert await libcoap_client("-m", "get", "-k", KEY, "-u", "device", uri) == BODY[:60_000]
    assert origin.errors == []
    assert origin.listener.counts.established == 1


@pytest.mark.parametrize("mutual", [False, True])
async def test_libcoaps_client_downloads_with_a_certificate(libcoap_client, origin, authority, files, mutual):
    cert, key, ca = files(authority.device("device"), "device")
    trust = authority.trust if mutual else None
    uri = await origin.bind(ServerCredentials(identity=authority.server(HOST), trust=trust))
    own = ["-c", cert, "-j", key] if mutual else []
    assert await libcoap_client("-m", "get", *own, "-R", ca, uri) == BODY[:60_000]
    assert origin.errors == []


async def test_libcoaps_client_with_an_unknown_identity_is_refused(libcoap_client, origin):
    uri = await origin.bind(ServerCredentials(psks=PskStore([PSK])))
    assert await libcoap_client("-m", "get", "-B", "5", "-k", KEY, "-u", "nobody", uri) == b""
    assert [error.cause for error in origin.errors] == ["unknown PSK identity b'nobody'"]
