"""The counterparts of the benchmarks answer as CoAP wants it; their speed is no test."""

from __future__ import annotations

import shutil
import socket

import aiocoap
import pytest

from tests.bench import aiocoap_client, c_peers

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler: install Debian package gcc")

SIZE = 5000


@pytest.fixture
def port():
    with c_peers.server(SIZE, core=None) as port:
        yield port


@pytest.mark.parametrize("szx", range(7))
async def test_aiocoap_reads_the_resource_whole_in_every_block_size(port, szx):
    context = await aiocoap.Context.create_client_context(transports=["simple6"])
    try:
        request = aiocoap.Message(code=aiocoap.GET, uri=f"coap://127.0.0.1:{port}/fw", block2=(0, False, szx))
        response = await context.request(request).response
    finally:
        await context.shutdown()
    assert response.payload == c_peers.body(SIZE)
    assert response.opt.size2 == SIZE


@pytest.mark.parametrize(
    ("datagram", "answer"),
    [
        ("40011234", "60451234ff6f6b"),  # GET / is the small resource
        ("44021234aabbccdd", "64851234aabbccdd"),  # POST is not allowed
        ("50011234", "50451234ff6f6b"),  # NON is answered with NON
        ("40001234", "70001234"),  # a ping gets a Reset
        ("40011234ff", "60451234ff6f6b"),  # a payload marker with nothing after it does no harm
        ("42011234", "70001234"),  # the token runs past the end
        ("49011234" + 9 * "00", "70001234"),  # a token of nine bytes
        ("40011234b5666f", "70001234"),  # an option runs past the end
        ("40011234f0", "70001234"),  # the reserved nibble 15
        ("40011234b26677c30fffff", "60801234"),  # a block far past the end
    ],
)
def test_the_server_answers_single_datagrams(port, datagram, answer):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        sock.settimeout(10)
        sock.send(bytes.fromhex(datagram))
        assert sock.recv(2000).hex() == answer


def test_the_server_stays_silent_where_no_answer_is_due(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        sock.settimeout(10)
        for datagram in ("", "40", "80011234", "60451234", "70001234", "50001234", "40011111"):
            sock.send(bytes.fromhex(datagram))
        assert sock.recv(2000).hex() == "60451111ff6f6b"


@pytest.mark.parametrize(("mode", "exchanges"), [("block", 500), ("small", 500)])
def test_the_c_client_checks_what_it_gets(port, mode, exchanges):
    measured = c_peers.run_client(port, devices=10, exchanges=exchanges, mode=mode, core=None)
    assert exchanges <= measured.exchanges < exchanges + 10
    assert measured.cpu_s > 0


def test_the_c_client_complains_of_a_server_that_answers_otherwise(libcoap_server):
    with pytest.raises(RuntimeError, match="coap_client: not a piggy-backed 2"):
        c_peers.run_client(libcoap_server().port, devices=1, exchanges=10, mode="small", core=None)


@pytest.mark.parametrize(("mode", "exchanges"), [("block", 35), ("small", 7)])
def test_the_aiocoap_client_counts_blocks(port, mode, exchanges):
    measured = aiocoap_client.run_aiocoap_client(port, transfers=7, clients=3, mode=mode, core=None)
    assert measured.exchanges == exchanges


def test_the_server_gives_a_file(tmp_path):
    file = tmp_path / "package.bin"
    file.write_bytes(bytes(range(256)))
    with c_peers.server(200, file, core=None) as port, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        sock.settimeout(10)
        sock.send(bytes.fromhex("40011234b26677"))
        assert sock.recv(2000).endswith(b"\xff" + bytes(range(200)))
    with pytest.raises(RuntimeError, match="exit code 2"), c_peers.server(300, file, core=None):
        pass
