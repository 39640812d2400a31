"""Whether an external server is there, by each transport: what answers, what does not, and what is said of it."""

from __future__ import annotations

import asyncio

import pytest

from simulator.cli import reach
from simulator.cli.reach import problem_of
from simulator.coap.params import TransmissionParameters
from simulator.ports import Address
from simulator.security.credentials import Psk, PskStore, ServerCredentials
from simulator.transport.deadlines import Deadlines
from simulator.transport.dtls_listener import bind_dtls
from simulator.transport.sockets import SocketNetwork
from tests.security.rig import CA, Ears

HOST = "127.0.0.1"


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(reach, "WAITS_S", (0.05, 0.1))
    monkeypatch.setattr(reach, "PATIENCE", TransmissionParameters(ACK_TIMEOUT=0.05, MAX_RETRANSMIT=1))


@pytest.fixture
async def dtls():
    """A function that starts a DTLS server; its address and its listener."""
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(loop, loop.time)
    opened = []

    async def dtls(credentials):
        listener = await bind_dtls(SocketNetwork(loop), Address(HOST, 0), Ears(), credentials, deadlines, loop.time)
        opened.append(listener)
        return listener.local, listener

    yield dtls
    for listener in opened:
        listener.close()
    deadlines.close()


@pytest.mark.parametrize(
    "credentials",
    [ServerCredentials(psks=PskStore([Psk(b"a", b"k")])), ServerCredentials(identity=CA.server(HOST), trust=CA.trust)],
    ids=["psk", "x509"],
)
async def test_a_dtls_server_answers_whatever_its_credentials_are_and_keeps_nothing(dtls, credentials):
    address, listener = await dtls(credentials)
    assert await problem_of(address, "coaps") == ""
    assert len(listener) == 0


@pytest.mark.parametrize("scheme", ["coap+tcp", "coaps+tcp"])
async def test_a_tcp_server_that_listens_is_there(scheme):
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), HOST, 0)
    async with server:
        assert await problem_of(Address(*server.sockets[0].getsockname()[:2]), scheme) == ""


@pytest.mark.parametrize(
    ("scheme", "said"),
    [
        ("coap", "nobody listens at UDP"),
        ("coaps", "nobody listens at UDP"),
        ("coap+tcp", "nobody listens at TCP"),
        ("coaps+tcp", "nobody listens at TCP"),
    ],
)
async def test_a_port_where_nobody_listens(free_port, scheme, said):
    assert (await problem_of(Address(HOST, free_port()), scheme)).startswith(f"{said} {HOST}")


@pytest.mark.parametrize(
    ("scheme", "said"),
    [("coap", "no answer to a CoAP ping from"), ("coaps", "no answer to a ClientHello of DTLS from")],
)
async def test_a_server_that_says_nothing(scheme, said):
    silent = await SocketNetwork(asyncio.get_running_loop()).bind_datagram(Address(HOST, 0), Ears())
    assert await problem_of(silent.local, scheme) == f"{said} {silent.local}"
    silent.close()


@pytest.mark.parametrize("scheme", ["coap", "coaps", "coap+tcp", "coaps+tcp"])
async def test_a_name_that_does_not_exist(scheme):
    assert "nowhere.invalid cannot be resolved" in await problem_of(Address("nowhere.invalid", 5684), scheme)
