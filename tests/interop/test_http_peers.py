"""Downloads from web servers over real sockets, http and https: nginx, and our own origin beside curl."""

import asyncio
import os
import random
import ssl
import subprocess
from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from simulator.coap import codes
from simulator.coap.exchange import Failure
from simulator.ports import Address
from simulator.servers.http_origin import HttpOrigin, server_context
from simulator.servers.http_packages import etag_of
from simulator.transport.deadlines import Deadlines
from simulator.transport.http import HttpClient, plain_streams
from simulator.transport.http_limits import HttpLimits
from simulator.transport.sockets import SocketNetwork
from simulator.transport.streams import StreamProtocol
from tests.transport.http_rig import Sink

pytestmark = pytest.mark.peer

PACKAGE = random.Random(11).randbytes(1 << 20)
OTHER = random.Random(12).randbytes(1_000_000)
SCHEMES = ["http", "https"]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    root = tmp_path / "files"
    root.mkdir()
    (root / "fw.bin").write_bytes(PACKAGE)
    return root


@pytest.fixture
def certificate(tmp_path: Path, peer_tool: Callable[[str, str], Path]) -> tuple[Path, Path]:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = [str(peer_tool("openssl", "openssl")), "req", "-x509", "-newkey", "ec", "-pkeyopt"]
    command += ["ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


@pytest.fixture
def nginx(nginx_server, files, certificate):
    extra = "location = /old { return 302 /fw.bin; } location = /loop { return 307 /loop; } "
    extra += "location = /no { return 503; } location /slow/ { " + f"alias {files}/; limit_rate 200k; }}"
    return nginx_server(files, certificate=certificate[0], key=certificate[1], extra=extra)


class _TlsProtocol(asyncio.Protocol):
    """A stream over asyncio's own TLS, which loses the end where it reads into a buffer."""

    def __init__(self, receiver):
        self._stream = StreamProtocol(lambda _port, _peer: receiver)
        self.connection_made = self._stream.connection_made
        self.data_received = self._stream.take
        self.connection_lost = self._stream.connection_lost

    @property
    def port(self):
        return self._stream.port

    def eof_received(self):
        self._stream.eof_received()
        return False


def opener(certificate: Path):
    """Streams over sockets; with asyncio's TLS for https."""
    loop = asyncio.get_running_loop()

    async def resolve(host):
        return host

    plain = plain_streams(SocketNetwork(loop), resolve)
    context = ssl.create_default_context(cafile=str(certificate))

    async def open_stream(uri, receiver):
        if uri.scheme == "http":
            return await plain(uri, receiver)
        _, protocol = await loop.create_connection(lambda: _TlsProtocol(receiver), uri.host, uri.port, ssl=context)
        return protocol.port

    return open_stream


async def fetch(uri, certificate, *, held=b"", stop_after=None, **kw):
    """One download to its end, or until the sink wants no more; the sink and the download."""
    loop = asyncio.get_running_loop()
    sink = Sink(held)
    deadlines = Deadlines(loop, loop.time)
    write = sink.write

    def write_some(data, now):
        more = write(data, now)
        if stop_after is not None and len(sink.data) >= stop_after:
            sink.over.set()
            return False
        return more

    sink.write = write_some
    client = HttpClient(uri, sink, opener(certificate[0]), deadlines, loop.time, offset=len(held), **kw)
    client.start()
    async with asyncio.timeout(60):
        await sink.over.wait()
    deadlines.close()
    return sink, client.download


@asynccontextmanager
async def own_origin(packages, certificate):
    """Our origin in this process: a function from scheme and path to URI."""
    origin = HttpOrigin(packages)
    await origin.start()
    ports = {"http": await origin.listen(), "https": await origin.listen(server_context(*certificate))}
    try:
        yield lambda path, scheme="http": f"{scheme}://127.0.0.1:{ports[scheme]}/{path}"
    finally:
        await origin.close()


# -- nginx -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_a_mebibyte_from_nginx(nginx, certificate, scheme):
    sink, download = await fetch(nginx.uri("fw.bin", scheme), certificate)
    assert (sink.data, sink.ended) == (PACKAGE, "complete")
    assert sink.begun[0][0] == len(PACKAGE)
    assert download.etag.startswith(b'"')
    assert download.wire_in > len(PACKAGE)


@pytest.mark.parametrize("percent", [10, 50, 90])
@pytest.mark.parametrize("scheme", SCHEMES)
async def test_a_resumption_from_nginx(nginx, certificate, scheme, percent):
    uri = nginx.uri("fw.bin", scheme)
    size = len(PACKAGE) * percent // 100
    first, download = await fetch(uri, certificate, stop_after=size)
    assert first.ended is None
    kept = bytes(first.data[:size])  # pieces may be large; the device lost its power in the middle of one
    assert kept == PACKAGE[:size]
    rest, again = await fetch(uri, certificate, held=kept, etag=download.etag)
    assert (rest.data, rest.ended) == (PACKAGE, "complete")
    assert rest.begun == [(len(PACKAGE), download.etag, len(kept))]
    assert (again.fetched_again, again.requests) == (0, 1)


@pytest.mark.parametrize(("if_range", "requests"), [(False, 2), (True, 1)])
async def test_a_file_that_changed_comes_whole(nginx, certificate, files, if_range, requests):
    uri = nginx.uri("fw.bin")
    first, download = await fetch(uri, certificate, stop_after=500_000)
    (files / "fw.bin").write_bytes(OTHER)
    os.utime(files / "fw.bin", (1_700_000_000, 1_700_000_000))
    rest, again = await fetch(uri, certificate, held=bytes(first.data), etag=download.etag, if_range=if_range)
    assert (rest.data, rest.ended) == (OTHER, "complete")
    assert (again.requests, again.restarts, again.fetched_again) == (requests, 1, len(first.data))


async def test_nothing_is_left_to_fetch(nginx, certificate):
    uri = nginx.uri("fw.bin")
    _, download = await fetch(uri, certificate)
    sink, again = await fetch(uri, certificate, held=PACKAGE, etag=download.etag)
    assert (sink.data, sink.ended) == (PACKAGE, "complete")
    assert (again.requests, again.blocks) == (1, 0)


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_redirects_of_nginx(nginx, certificate, scheme):
    # nginx tells an absolute Location with the scheme, host and port that it was asked under.
    sink, download = await fetch(nginx.uri("old", scheme), certificate)
    assert (sink.data, sink.ended, download.redirects) == (PACKAGE, "complete", 1)
    sink, download = await fetch(nginx.uri("loop", scheme), certificate)
    assert sink.ended == (Failure.PROTOCOL, 0)
    assert "loop" in download.reason


@pytest.mark.parametrize(("path", "code"), [("none", codes.NOT_FOUND), ("no", codes.SERVICE_UNAVAILABLE)])
async def test_errors_of_nginx(nginx, certificate, path, code):
    sink, _ = await fetch(nginx.uri(path), certificate)
    assert sink.ended == (None, code)


async def test_a_slow_nginx_is_given_up(nginx, certificate):
    sink, download = await fetch(nginx.uri("slow/fw.bin"), certificate, limits=HttpLimits(overall_s=1.0))
    assert sink.ended == (Failure.TIMEOUT, 0)
    assert 0 < download.received == len(sink.data) < len(PACKAGE)


async def test_nginx_that_ends_in_the_middle(nginx, certificate):
    loop = asyncio.get_running_loop()
    loop.call_later(0.5, nginx.peer.stop)
    sink, download = await fetch(nginx.uri("slow/fw.bin"), certificate)
    assert sink.ended == (Failure.UNREACHABLE, 0)
    assert 0 < download.received == len(sink.data) < len(PACKAGE)


async def test_a_certificate_that_nobody_vouches_for(nginx, certificate, tmp_path, peer_tool):
    other = tmp_path / "other.pem"
    command = [str(peer_tool("openssl", "openssl")), "req", "-x509", "-newkey", "ec", "-pkeyopt"]
    command += ["ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=other", "-keyout", "/dev/null", "-out", str(other)]
    await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
    sink, download = await fetch(nginx.uri("fw.bin", "https"), (other,))
    assert sink.ended == (Failure.UNREACHABLE, 0)
    assert isinstance(download.error, ssl.SSLCertVerificationError)


# -- our own origin --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("percent", [0, 10, 50, 90, 100])
@pytest.mark.parametrize("scheme", SCHEMES)
async def test_our_origin(certificate, scheme, percent):
    held = PACKAGE[: len(PACKAGE) * percent // 100]
    async with own_origin({"fw.bin": PACKAGE}, certificate) as uri:
        etag = etag_of(PACKAGE).encode()
        sink, download = await fetch(uri("fw.bin", scheme), certificate, held=held, etag=etag)
    assert (sink.data, sink.ended) == (PACKAGE, "complete")
    assert (download.etag, download.fetched_again, download.requests) == (etag, 0, 1)


async def test_our_origin_with_another_package(certificate):
    async with own_origin({"fw.bin": OTHER}, certificate) as uri:
        etag = etag_of(PACKAGE).encode()
        sink, download = await fetch(uri("fw.bin"), certificate, held=PACKAGE[:1000], etag=etag)
    assert (sink.data, sink.ended, download.restarts) == (OTHER, "complete", 1)


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_curl_resumes_at_our_origin(certificate, tmp_path, peer_tool, scheme):
    target = tmp_path / "got.bin"
    target.write_bytes(PACKAGE[:333_333])
    async with own_origin({"fw.bin": PACKAGE}, certificate) as uri:
        command = [str(peer_tool("curl", "curl")), "-sS", "--fail", "-C", "-", "--cacert", str(certificate[0])]
        command += ["-w", "%{http_code} %{size_download}", "-o", str(target), uri("fw.bin", scheme)]
        done = await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True, text=True)
    assert target.read_bytes() == PACKAGE
    assert done.stdout == f"206 {len(PACKAGE) - 333_333}"


async def test_a_hundred_devices_at_once(certificate):
    async with own_origin({"fw.bin": PACKAGE}, certificate) as uri:
        outcomes = await asyncio.gather(*(fetch(uri("fw.bin"), certificate) for _ in range(100)))
    assert all(sink.data == PACKAGE and sink.ended == "complete" for sink, _ in outcomes)


async def test_nobody_listens(certificate, free_port):
    sink, download = await fetch(f"http://127.0.0.1:{free_port()}/fw.bin", certificate)
    assert sink.ended == (Failure.UNREACHABLE, 0)
    assert isinstance(download.error, ConnectionRefusedError)
    assert str(Address("127.0.0.1", download.uri.port)) in download.reason
