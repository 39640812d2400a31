"""Each peer works at all: a test that fails with one of them says something about this project."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path

import aiocoap
import pytest

from tests.peers import process

pytestmark = pytest.mark.peer

BODY = bytes(n * 7 & 0xFF for n in range(5000))


@pytest.fixture
def body_file(tmp_path: Path) -> Path:
    file = tmp_path / "firmware.bin"
    file.write_bytes(BODY)
    return file


@pytest.fixture
def certificate(tmp_path: Path, peer_tool: Callable[[str, str], Path]) -> tuple[Path, Path]:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = [str(peer_tool("openssl", "openssl")), "req", "-x509", "-newkey", "ec", "-pkeyopt"]
    command += ["ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


async def aiocoap_get(uri: str) -> aiocoap.Message:
    context = await aiocoap.Context.create_client_context(transports=["simple6", "tcpclient"])
    try:
        return await context.request(aiocoap.Message(code=aiocoap.GET, uri=uri)).response
    finally:
        await context.shutdown()


@pytest.mark.parametrize("scheme", ["coap", "coap+tcp"])
async def test_libcoap_returns_what_its_client_put(libcoap_server, libcoap_client, body_file, scheme):
    uri = libcoap_server().uri("fw.bin", scheme)
    await libcoap_client("-m", "put", "-b", "1024", "-f", str(body_file), uri)
    assert await libcoap_client("-m", "get", uri) == BODY


@pytest.mark.parametrize("scheme", ["coaps", "coaps+tcp"])
async def test_libcoap_serves_psk_and_certificates(libcoap_server, libcoap_client, body_file, certificate, scheme):
    cert, key = certificate
    server = libcoap_server("-k", "secretkey", "-c", str(cert), "-j", str(key), "-n")
    uri = server.uri("fw.bin", scheme)
    await libcoap_client("-m", "put", "-k", "secretkey", "-u", "device", "-f", str(body_file), uri)
    assert await libcoap_client("-m", "get", "-n", uri) == BODY


async def test_libcoap_client_tells_of_an_error_response(libcoap_server, libcoap_client):
    with pytest.raises(process.PeerError, match=r"4\.04"):
        await libcoap_client("-m", "get", libcoap_server().uri("nothing"))


async def test_aiocoap_reads_from_libcoap(libcoap_server, libcoap_client, body_file):
    uri = libcoap_server().uri("fw.bin")
    await libcoap_client("-m", "put", "-f", str(body_file), uri)
    assert (await aiocoap_get(uri)).payload == BODY


@pytest.mark.parametrize("scheme", ["coap", "coap+tcp"])
async def test_aiocoap_fileserver_serves_files_with_a_stable_etag(
    aiocoap_fileserver, libcoap_client, body_file, scheme
):
    uri = aiocoap_fileserver(body_file.parent).uri(body_file.name, scheme)
    first, second = await aiocoap_get(uri), await aiocoap_get(uri)
    assert first.payload == BODY
    assert first.opt.etag
    assert first.opt.etag == second.opt.etag
    assert await libcoap_client("-m", "get", uri) == BODY


def test_nginx_serves_ranges_over_http_and_https(nginx_server, body_file, certificate):
    cert, key = certificate
    server = nginx_server(body_file.parent, certificate=cert, key=key)
    context = ssl.create_default_context(cafile=str(cert))
    for scheme in ("http", "https"):
        request = urllib.request.Request(server.uri(body_file.name, scheme), headers={"Range": "bytes=4000-"})
        with urllib.request.urlopen(request, context=context if scheme == "https" else None) as response:
            assert response.status == 206
            assert response.headers["ETag"]
            assert response.read() == BODY[4000:]


def test_a_peer_that_ends_at_once_is_told_of_with_its_words():
    with pytest.raises(process.PeerError, match="exit code 3:\nno such option"):
        process.start(lambda port: ["sh", "-c", "echo no such option; exit 3"], process.answers_coap_ping)


def test_a_stopped_peer_gives_its_port_back(libcoap_server):
    server = libcoap_server()
    assert process.answers_coap_ping(server.port)
    server.peer.stop()
    assert not process.answers_coap_ping(server.port)
    assert asyncio.run(_can_bind(server.port))


async def _can_bind(port: int) -> bool:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        asyncio.DatagramProtocol, local_addr=(process.HOST, port)
    )
    transport.close()
    return True
