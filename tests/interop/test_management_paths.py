"""What becomes of a registration when the way to the server changes: by a NAT, a lost connection, or a restart.

On real sockets, with the embedded server, whose operator observes State of every device that registers.
"""

from __future__ import annotations

import time
from contextlib import asynccontextmanager

import pytest

from simulator.coap.params import TransmissionParameters
from simulator.device import registrar
from simulator.events import RegistrationEnded
from simulator.firmware import generate
from simulator.lwm2m.registration_states import RetryPolicy
from tests.device.device_rig import MODEL
from tests.interop.file_servers import credentials_for, own_origins
from tests.interop.managed import ManagedServer
from tests.interop.relay import relay_to
from tests.interop.rig import socket_device
from tests.interop.server_rig import Certificates

WAIT_S = 0.4
"""The first wait before another Register; the next one is twice as long."""
QUICK = TransmissionParameters(ACK_TIMEOUT=0.15, MAX_RETRANSMIT=2)
LARGE = generate(200_000, MODEL, "2.0.0", 5)
WAY = {"coap": "coap", "coaps": "coaps psk", "coap+tcp": "coap+tcp", "coaps+tcp": "coaps+tcp x509"}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("identity"))


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    monkeypatch.setattr(registrar, "RETRY", RetryPolicy(8, WAIT_S, 600.0, 0))


@asynccontextmanager
async def managed(scheme, certificates, free_port, **settings):
    """A server and a device that is registered there by way of a relay."""
    server = ManagedServer(certificates, free_port(2))
    await server.start(scheme=scheme)
    try:
        async with (
            relay_to(f"{scheme}://{server.addresses[scheme]}") as relay,
            socket_device(
                {scheme: relay.local},
                credentials=credentials_for(WAY[scheme], certificates),
                management=scheme,
                parameters=QUICK,
                **settings,
            ) as rig,
        ):
            await rig.until(lambda: server.states == ["0"])
            yield server, relay, rig
    finally:
        await server.stop()


def update(rig):
    """The device sends an Update, as it does when it has got another address."""
    rig.device.registrar.machine.trigger(rig.world.now())
    rig.device.registrar.arm()


def registrations(rig):
    return [(e.operation, e.outcome) for e in rig.log.events if isinstance(e, RegistrationEnded)]


async def shows_state(rig, server, state, package):
    """A pull over a transport of its own is seen by the server."""
    rig.write_uri(package)
    await rig.ends_in(2, 0)
    await rig.until(lambda: server.states[-1] == state)


async def test_behind_a_nat_an_update_over_coap_tells_the_server_the_new_port(certificates, free_port):
    async with managed("coap", certificates, free_port) as (server, relay, rig):
        before = server.device_port
        relay.cut()
        # Until the device speaks, the server asks at a port that leads nowhere.
        assert await server.read(within_s=0.5) is None
        update(rig)
        await rig.until(lambda: "updated" in server.happened)
        assert server.device_port != before
        assert await server.read() == "1.0.0"
        assert registrations(rig) == [("register", "ok"), ("update", "ok")]
        # The observation stands: the server has taken it along.
        async with own_origins(certificates, {"fw.bin": LARGE}) as uris:
            await shows_state(rig, server, "2", f"{uris['coap']}/fw.bin")


async def test_behind_a_nat_an_update_over_coaps_leads_to_a_new_handshake_and_a_register(certificates, free_port):
    """Without a Connection ID (RFC 9146) the server cannot tell whose records come from another port."""
    async with managed("coaps", certificates, free_port) as (server, relay, rig):
        before = server.device_port
        relay.cut()
        assert await server.read(within_s=0.5) is None
        began = time.monotonic()
        update(rig)
        await rig.until(lambda: len(server.happened) > 1)
        # One Update that goes unanswered (1 to 1.6 s with these parameters), and the Register at once after it.
        assert time.monotonic() - began < 5
        assert server.happened == ["registered", "registered"]
        assert server.device_port != before
        await rig.until(lambda: rig.registered)
        assert registrations(rig) == [("register", "ok"), ("update", "unknown"), ("register", "ok")]
        assert await server.read() == "1.0.0"
        async with own_origins(certificates, {"fw.bin": LARGE}) as uris:
            await shows_state(rig, server, "2", f"{uris['coap']}/fw.bin")


@pytest.mark.parametrize("goodbye", [True, False])
async def test_a_server_over_coaps_that_was_started_anew_gets_a_new_handshake_too(certificates, free_port, goodbye):
    """One that ends in order tells the device by a close notify; one that dies does not."""
    async with managed("coaps", certificates, free_port) as (server, relay, rig):
        relay.muted = not goodbye
        await server.stop()
        relay.muted = False
        await server.start(scheme="coaps")
        update(rig)
        await rig.until(lambda: server.happened == ["registered", "registered"])
        await rig.until(lambda: rig.registered)
        # After a close notify the Update itself begins the handshake, and is of a registration that nobody knows.
        assert registrations(rig)[1:] == [("update", "fail" if goodbye else "unknown"), ("register", "ok")]
        assert await server.read() == "1.0.0"


def end_of(server, how):
    """The server ends the device's connection."""
    for streams in server.transports._streams.values():
        for connection in list(streams.connections.values()):
            if how == "close":
                connection.close()
            elif how == "release":
                connection.endpoint.release(time.monotonic())
            elif how == "abort":
                connection.endpoint.abort("no more of this", time.monotonic())
            else:
                connection.port.abort()


streams = pytest.mark.parametrize("scheme", ["coap+tcp", "coaps+tcp"])


@pytest.mark.parametrize("how", ["close", "release", "abort", "reset", "cut"])
@streams
async def test_a_connection_that_ends_is_followed_by_a_register(certificates, free_port, scheme, how):
    async with (
        own_origins(certificates, {"fw.bin": LARGE}) as uris,
        managed(scheme, certificates, free_port, transport="coap", block_size=16) as (server, relay, rig),
    ):
        rig.write_uri(f"{uris['coap']}/fw.bin")
        await rig.until(lambda: rig.device.flash.written > 1_000)
        before = rig.device.endpoint
        began = time.monotonic()
        if how == "cut":
            relay.cut()
        else:
            end_of(server, how)
        await rig.until(lambda: not rig.registered)
        assert rig.pair == (1, 0), "the download goes on"
        await rig.until(lambda: rig.registered)
        assert rig.device.endpoint is not before
        assert WAIT_S - 0.1 < time.monotonic() - began < 20, "after the first wait of the registration"
        assert server.happened == ["registered", "registered"]
        assert registrations(rig) == [("register", "ok")] * 2
        # The server observes again, and sees how the download ends, which was not disturbed.
        await rig.ends_in(2, 0)
        await rig.until(lambda: server.states[-1] == "2")
        (transfer,) = rig.transfers
        assert (transfer.outcome, transfer.received, transfer.refetched) == ("ok", len(LARGE), 0)


@streams
async def test_a_server_that_is_started_anew_is_found_again_with_growing_waits(certificates, free_port, scheme):
    async with managed(scheme, certificates, free_port) as (server, _relay, rig):
        await server.stop()
        await rig.until(lambda: len(registrations(rig)) == 2)
        assert registrations(rig)[1] == ("register", "unknown")
        assert not rig.registered
        failed = time.monotonic()
        await server.start(scheme=scheme)
        await rig.until(lambda: rig.registered)
        assert 2 * WAIT_S - 0.1 < time.monotonic() - failed < 20, "after the second wait"
        assert await server.read() == "1.0.0"
        await rig.until(lambda: server.states == ["0", "0"])
