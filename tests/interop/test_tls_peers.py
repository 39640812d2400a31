"""TLS against libcoap's server on OpenSSL 3 and nginx."""

from __future__ import annotations

import asyncio

import pytest

from simulator.ports import Address
from simulator.security.authority import Authority, chain_pem, key_pem
from simulator.security.credentials import Credentials, Psk
from simulator.security.failures import ConnectionClosedError, HandshakeFailedError
from simulator.transport.deadlines import Deadlines
from simulator.transport.sockets import SocketNetwork
from simulator.transport.tls import open_tls
from tests.peers import process

pytestmark = pytest.mark.peer

HOST = process.HOST
KEY = "secretkey"
PSK = Psk(b"device", KEY.encode())
CSM_EMPTY = b"\x00\xe1"
PING = b"\x00\xe2"
PONG = 0xE3


class Client:
    """A stream under TLS to a real peer."""

    def __init__(self):
        loop = asyncio.get_running_loop()
        self.now = loop.time
        self.deadlines = Deadlines(loop, loop.time)
        self.network = SocketNetwork(loop)
        self.data = bytearray()
        self.changed = asyncio.Event()
        self.lost = []
        self.port = None

    async def open(self, port, credentials, **options):
        async with asyncio.timeout(20):
            self.port = await open_tls(
                self.network, Address(HOST, port), self, credentials, self.deadlines, self.now, **options
            )
        return self.port

    def on_data(self, data):
        self.data += data
        self.changed.set()

    def on_eof(self):
        self.lost.append("eof")
        self.changed.set()

    def on_lost(self, error):
        self.lost.append(error)
        self.changed.set()

    async def until(self, ready):
        async with asyncio.timeout(20):
            while not ready():
                self.changed.clear()
                await self.changed.wait()

    async def ping(self):
        """Exchange capabilities and a ping (RFC 8323 §5.3, §5.4)."""
        self.port.write(CSM_EMPTY + PING)
        await self.until(lambda: PONG in self.data[2:] or self.lost)
        assert self.data[1] == 0xE1 or self.data[2] == 0xE1, "a CSM comes first"

    async def close(self):
        if self.port is not None:
            self.port.close()
            await self.until(lambda: self.lost)
        await asyncio.sleep(0.01)  # sockets of failed handshakes close in a later turn of the loop
        self.deadlines.close()


@pytest.fixture
async def client():
    client = Client()
    yield client
    await client.close()


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture
def files(authority, tmp_path):
    def write(identity):
        paths = [tmp_path / name for name in ("cert.pem", "key.pem", "ca.pem")]
        for path, data in zip(paths, (chain_pem(identity), key_pem(identity), authority.pem), strict=True):
            path.write_bytes(data)
        return paths

    return write


def credentials(kind, authority):
    if kind == "psk":
        return Credentials(psk=PSK)
    identity = authority.device("device") if kind == "mutual" else None
    return Credentials(identity=identity, trust=authority.trust, server_name=HOST)


@pytest.mark.parametrize("kind", ["psk", "certificate", "mutual"])
async def test_libcoap_answers_a_ping_under_tls(libcoap_server, client, authority, files, kind):
    cert, key, ca = files(authority.server(HOST))
    server = libcoap_server(
        "-k", KEY, "-c", str(cert), "-j", str(key), *(["-C", str(ca)] if kind == "mutual" else ["-n"])
    )
    await client.open(server.port + 1, credentials(kind, authority))
    await client.ping()
    assert client.lost == []
    assert client.port.version in ("TLSv1.2", "TLSv1.3")


@pytest.mark.parametrize(
    ("identity", "cause"),
    [
        ("expired", "certificate verify failed: expired"),
        ("unknown_ca", "certificate verify failed: unknown CA: CN=unknown CA"),
        ("wrong_host", "certificate verify failed: wrong host name"),
    ],
)
async def test_a_bad_certificate_of_libcoap_is_refused(libcoap_server, client, authority, files, identity, cause):
    made = getattr(authority, identity)(*([] if identity == "wrong_host" else [HOST]))
    cert, key, _ = files(made)
    server = libcoap_server("-c", str(cert), "-j", str(key), "-n")
    with pytest.raises(HandshakeFailedError, match=cause):
        await client.open(server.port + 1, credentials("certificate", authority))


async def test_libcoap_refuses_a_wrong_key(libcoap_server, client):
    server = libcoap_server("-k", KEY)
    with pytest.raises((HandshakeFailedError, ConnectionClosedError), match="wrong PSK key"):
        await client.open(server.port + 1, Credentials(psk=Psk(b"device", b"another")))


async def test_nginx_gives_a_file_and_takes_a_session_up(nginx_server, client, authority, files, tmp_path):
    body = bytes(range(256)) * 4096
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "fw.bin").write_bytes(body)
    cert, key, _ = files(authority.server(HOST))
    server = nginx_server(tmp_path / "www", certificate=cert, key=key)
    port = int(server.uri("fw.bin", "https").split(":")[2].split("/")[0])
    session = None
    for attempt in range(2):
        client.data.clear()
        client.lost.clear()
        await client.open(port, credentials("certificate", authority), session=session)
        client.port.write(b"GET /fw.bin HTTP/1.1\r\nHost: %b\r\nConnection: close\r\n\r\n" % HOST.encode())
        await client.until(lambda: client.lost)
        assert client.data.partition(b"\r\n\r\n")[2] == body
        assert client.lost[0] == "eof"
        assert client.port.resumed == bool(attempt)
        session = client.port.session
        client.port.close()
        await client.until(lambda: len(client.lost) > 1)
