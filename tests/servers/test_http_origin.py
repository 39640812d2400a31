"""The web server of a run: preconditions, ranges, and the process around it."""

import asyncio
import hashlib
import json
import os
import random
import ssl
import subprocess
import sys
import time

import aiohttp
import pytest
from yarl import URL

from simulator.ports import Address
from simulator.security.authority import Authority, write_identity
from simulator.security.credentials import Credentials
from simulator.servers.http_origin import HOST, HttpOrigin, server_context
from simulator.servers.http_packages import HttpPackages, etag_of
from simulator.transport.deadlines import Deadlines
from simulator.transport.sockets import SocketNetwork
from simulator.transport.tls import open_tls

BODY = random.Random(3).randbytes(300_000)
ETAG = f'"{hashlib.sha256(BODY).digest()[:8].hex()}"'
PACKAGES = {"good.bin": BODY, "/deep/down.bin": b"other", "empty.bin": b"", "m\u00fcll.bin": b"umlaut"}


@pytest.fixture
def packages():
    return HttpPackages(PACKAGES)


@pytest.mark.parametrize(
    ("headers", "status", "first", "end"),
    [
        ({}, 200, 0, 300_000),
        ({"Range": "bytes=0-"}, 206, 0, 300_000),
        ({"Range": "bytes=1000-"}, 206, 1000, 300_000),
        ({"Range": "bytes=10-19"}, 206, 10, 20),
        ({"Range": "bytes=-5"}, 206, 299_995, 300_000),
        ({"Range": "bytes=299999-400000"}, 206, 299_999, 300_000),
        ({"Range": "bytes=0-1,5-6"}, 200, 0, 300_000),
        ({"Range": "pages=1-"}, 200, 0, 300_000),
        ({"Range": "bytes=1000-", "If-Match": ETAG}, 206, 1000, 300_000),
        ({"Range": "bytes=1000-", "If-Match": f'"a", {ETAG}'}, 206, 1000, 300_000),
        ({"Range": "bytes=1000-", "If-Match": "*"}, 206, 1000, 300_000),
        ({"Range": "bytes=1000-", "If-Range": ETAG}, 206, 1000, 300_000),
        ({"Range": "bytes=1000-", "If-Range": '"old"'}, 200, 0, 300_000),
        ({"Range": "bytes=1000-", "If-Range": f"W/{ETAG}"}, 200, 0, 300_000),
        ({"Range": "bytes=1000-", "If-Range": "Wed, 01 Jan 2025 00:00:00 GMT"}, 200, 0, 300_000),
        ({"If-None-Match": '"old"'}, 200, 0, 300_000),
    ],
)
def test_what_is_given(packages, headers, status, first, end):
    answer = packages.answer("GET", "/good.bin", headers)
    assert (answer.status, answer.body) == (status, BODY[first:end])
    assert answer.headers["ETag"] == ETAG == etag_of(BODY)
    assert answer.headers.get("Content-Range") == (f"bytes {first}-{end - 1}/300000" if status == 206 else None)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-Match": '"old"'}, 412),
        ({"If-Match": f"W/{ETAG}"}, 412),
        ({"If-Match": ETAG.strip('"')}, 412),
        ({"If-Match": '"old"', "Range": "bytes=999999-"}, 412),
        ({"If-None-Match": ETAG}, 304),
        ({"If-None-Match": f"W/{ETAG}"}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"Range": "bytes=300000-"}, 416),
        ({"Range": "bytes=-0"}, 416),
    ],
)
def test_what_is_refused(packages, headers, status):
    answer = packages.answer("GET", "/good.bin", headers)
    assert (answer.status, len(answer.body), answer.headers["ETag"]) == (status, 0, ETAG)
    assert answer.headers.get("Content-Range") == ("bytes */300000" if status == 416 else None)


@pytest.mark.parametrize("path", ["/", "/good", "good.bin", "/deep", "/../good.bin", "//good.bin", ""])
def test_what_is_not_there(packages, path):
    assert packages.answer("GET", path, {}).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_other_methods(packages, method):
    answer = packages.answer(method, "/good.bin", {})
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


@pytest.fixture
async def base():
    origin = HttpOrigin(PACKAGES)
    await origin.start()
    yield f"http://127.0.0.1:{await origin.listen()}"
    await origin.close()


@pytest.mark.parametrize(
    ("path", "headers", "status", "body"),
    [
        ("/good.bin", {}, 200, BODY),
        ("/good.bin?version=2", {}, 200, BODY),
        ("/deep/down.bin", {}, 200, b"other"),
        ("/m%C3%BCll.bin", {}, 200, b"umlaut"),
        ("/empty.bin", {}, 200, b""),
        ("/empty.bin", {"range": "bytes=0-"}, 416, b""),
        ("/good.bin", {"range": "bytes=299000-", "if-match": ETAG}, 206, BODY[299_000:]),
        ("/good.bin", {"If-Match": '"old"'}, 412, b""),
        ("/good.bin", {"If-None-Match": ETAG}, 304, b""),
        ("/none", {}, 404, b""),
    ],
)
async def test_over_the_wire(base, path, headers, status, body):
    async with (
        aiohttp.ClientSession() as session,
        session.get(URL(base + path, encoded=True), headers=headers) as response,
    ):
        assert (response.status, await response.read()) == (status, body)
        if status != 304:
            assert int(response.headers["Content-Length"]) == len(body)
        assert "Transfer-Encoding" not in response.headers


async def test_head_tells_what_get_would_give(base):
    async with (
        aiohttp.ClientSession() as session,
        session.head(base + "/good.bin", headers={"Range": "bytes=5-"}) as response,
    ):
        assert (response.status, response.headers["Content-Length"]) == (200, "300000")
        assert (response.headers["ETag"], response.headers["Accept-Ranges"]) == (ETAG, "bytes")
        assert await response.read() == b""


async def test_a_device_that_goes_away_in_the_middle_disturbs_nobody():
    origin = HttpOrigin({"big.bin": bytes(64 << 20)})
    await origin.start()
    port = await origin.listen()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n")
    await reader.readexactly(1 << 20)
    writer.transport.abort()
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/none") as response:
        assert response.status == 404
    assert origin.requests == 2
    await origin.close()


async def test_a_taken_port_is_an_oserror(base):
    origin = HttpOrigin({})
    await origin.start()
    with pytest.raises(OSError, match="in use"):
        await origin.listen(port=int(base.rpartition(":")[2]))
    await origin.close()


def test_a_key_that_cannot_be_read_is_an_oserror(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        server_context(tmp_path / "cert.pem", tmp_path / "key.pem")


class Child:
    """The process as a run starts it."""

    def __init__(self, tmp_path, *files):
        packages, run = tmp_path / "packages", tmp_path / "run"
        (packages / "fw").mkdir(parents=True)
        run.mkdir()
        (packages / "fw" / "good.bin").write_bytes(BODY)
        command = [sys.executable, "-m", "simulator.servers.http_origin", run, str(time.monotonic()), packages, *files]
        self.process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ}
        )
        self.ready = json.loads(self.process.stdout.readline())

    def stop(self):
        self.process.stdin.close()
        lines = [json.loads(line) for line in self.process.stdout]
        self.process.stdout.close()
        return self.process.wait(30), lines


@pytest.fixture
def certificate(tmp_path, peer_tool):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = [str(peer_tool("openssl", "openssl")), "req", "-x509", "-newkey", "ec", "-pkeyopt"]
    command += ["ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


async def test_the_process_serves_http_and_https(tmp_path, certificate):
    cert, key = certificate
    child = Child(tmp_path, cert, key)
    try:
        trust = ssl.create_default_context(cafile=str(cert))
        async with aiohttp.ClientSession() as session:
            for scheme in ("http", "https"):
                async with session.get(child.ready[scheme] + "/fw/good.bin", ssl=trust) as response:
                    assert (response.status, await response.read()) == (200, BODY)
                    assert response.headers["ETag"] == ETAG
    finally:
        code, lines = child.stop()
    assert code == 0
    assert lines[-1]["ended"] is True


def test_the_process_says_why_it_cannot_serve(tmp_path):
    child = Child(tmp_path, tmp_path / "none.pem", tmp_path / "none.key")
    code, _ = child.stop()
    assert code == 3
    assert child.ready["failed"].startswith("the package origin cannot serve HTTP: ")


async def test_a_client_hears_why_its_certificate_is_refused(tmp_path):
    """The event loops would keep the alert for themselves."""
    authority = Authority()
    write_identity(tmp_path, authority.server(HOST), authority)
    origin = HttpOrigin({"good.bin": b"package"})
    await origin.start()
    files = tmp_path / "server.pem", tmp_path / "server.key", tmp_path / "ca.pem"
    port = await origin.listen(server_context(*files))
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(loop, loop.time)
    heard = asyncio.get_running_loop().create_future()

    class Ears:
        def on_data(self, data):
            heard.set_result(data)

        def on_eof(self):
            pass

        def on_lost(self, error):
            heard.set_result(error.cause)

    shown = Credentials(identity=authority.expired_device("dev"), trust=authority.trust, server_name=HOST)
    opened = await open_tls(SocketNetwork(loop), Address(HOST, port), Ears(), shown, deadlines, loop.time)
    async with asyncio.timeout(10):
        assert await heard == "closed by the peer: certificate refused by the peer: expired"
    opened.close()
    deadlines.close()
    await origin.close()
