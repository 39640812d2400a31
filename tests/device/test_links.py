"""Management with credentials, right and wrong: whether a device registers, why not, and how often it tries."""

from __future__ import annotations

from itertools import pairwise

import pytest

from simulator.device.registrar import RETRY
from simulator.faults.streams import StreamBetween
from simulator.lwm2m.profiles import PROFILES
from simulator.network.wrapped import WrappedNetwork
from simulator.ports import Address
from simulator.transport.dtls import DtlsPort
from tests.device.device_rig import in_virtual_time
from tests.device.secure_rig import SERVER_HOST, secure_rig, spec

WRONGS = [
    ("coaps", "psk", "wrong-key", "decrypt error: the keys of the two sides differ; wrong PSK key"),
    ("coaps", "psk", "unknown-identity", "unknown PSK identity"),
    ("coaps", "x509", "unknown-ca", "certificate verify failed: unknown CA"),
    ("coaps", "x509", "wrong-host", "certificate verify failed: wrong host name"),
    ("coaps", "x509", "expired", "certificate refused by the peer: expired"),
    ("coaps", "x509", "untrusted", "certificate refused by the peer: unknown CA"),
    ("coaps+tcp", "psk", "wrong-key", "wrong PSK key"),
    ("coaps+tcp", "psk", "unknown-identity", "unknown PSK identity"),
    ("coaps+tcp", "x509", "unknown-ca", "certificate verify failed: unknown CA"),
    ("coaps+tcp", "x509", "wrong-host", "certificate verify failed: wrong host name"),
    ("coaps+tcp", "x509", "expired", "certificate refused by the peer: expired"),
    ("coaps+tcp", "x509", "untrusted", "certificate refused by the peer: unknown CA"),
    ("coaps", "psk", "missing", "no credential for coaps"),
    ("coaps", "x509", "missing", "no credential for coaps"),
    ("coaps+tcp", "x509", "missing", "no credential for coaps+tcp"),
]
RIGHT = [("coap", ""), ("coaps", "psk"), ("coaps", "x509"), ("coaps+tcp", "psk"), ("coaps+tcp", "x509")]


def handshakes(rig):
    """How many a device has begun with the server, over both kinds of port."""
    datagrams = sum(port.handshakes for port in rig.counting.ports if isinstance(port, DtlsPort))
    return datagrams or len(rig.counting.to(SERVER_HOST))


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(("scheme", "kind", "wrong", "cause"), WRONGS)
@in_virtual_time
async def test_a_device_with_wrong_credentials_tries_to_register_with_the_waits_of_its_registration(
    scheme, kind, wrong, cause, profile
):
    async with secure_rig(management=scheme, profile=profile, credentials=spec(kind, wrong)) as rig:
        await rig.settle(600)
        failures = rig.registrations
        assert {(each.operation, each.outcome, each.code) for each in failures} == {("register", "unknown", "")}
        assert all(cause in each.cause for each in failures)
        assert rig.server.table.by_endpoint("dev") is None
        assert not rig.device.registrar.registered
        # One attempt after each wait: 2, 4, 8 ... s, and a handshake takes no more than the two seconds of a wrong key.
        waits = [later.started - earlier.t for earlier, later in pairwise(failures)]
        assert waits == pytest.approx([RETRY.delay_s(n) for n in range(1, len(failures))], abs=0.01)
        assert len(failures) == RETRY.retry_count
        begun = handshakes(rig)
        assert begun == (0 if wrong == "missing" else len(failures))
        if scheme == "coaps" and wrong != "missing":
            counts = rig.transports.dtls.counts
            assert (counts.failed, counts.established) == (begun, 0)
            assert len(rig.transports.dtls) == 0


@pytest.mark.parametrize(("scheme", "kind"), RIGHT)
@in_virtual_time
async def test_a_device_with_the_right_credentials_registers_at_once(scheme, kind):
    async with secure_rig(management=scheme, credentials=spec(kind)) as rig:
        (registered,) = rig.registrations
        assert (registered.outcome, registered.cause) == ("ok", "")
        assert await rig.read("/5/0/3") == "0"
        assert handshakes(rig) == 1


@pytest.mark.parametrize("kind", ["psk", "x509"])
@pytest.mark.parametrize("scheme", ["coaps", "coaps+tcp"])
@in_virtual_time
async def test_a_device_registers_by_itself_once_the_server_knows_it(scheme, kind):
    """The handshake with a certificate succeeds before that: then it is the Register that is refused (4.03)."""
    async with secure_rig(management=scheme, credentials=spec(kind), started=False) as rig:
        await rig.start_servers()
        rig.server.keyring.remove("dev")
        await rig.device.power_on(0.0)
        await rig.settle(5)
        assert {each.outcome for each in rig.registrations} == {"unknown" if kind == "psk" else "fail"}
        if kind == "x509":
            assert rig.registrations[0].code == "4.03"
        rig.know()
        await rig.settle(30)
        assert rig.registrations[-1].outcome == "ok"
        assert rig.device.registrar.registered


class Deaf:
    def on_datagram(self, data, peer):
        pass

    def on_datagram_error(self, error):
        pass


@in_virtual_time
async def test_a_server_that_says_nothing_costs_a_handshake_a_minute():
    async with secure_rig(management="coaps", credentials=spec("psk"), started=False) as rig:
        await rig.start_servers()
        rig.transports.dtls.close()
        silent = await rig.memory.bind_datagram(Address(SERVER_HOST, 5684), Deaf())
        await rig.device.power_on(0.0)
        await rig.settle(300)
        assert 3 <= handshakes(rig) <= 5
        assert {each.cause for each in rig.registrations} == {"no answer to ClientHello"}
        silent.close()


@pytest.mark.parametrize(("scheme", "kind"), RIGHT)
@in_virtual_time
async def test_a_device_comes_back_after_its_server_was_started_anew(scheme, kind):
    async with secure_rig(management=scheme, credentials=spec(kind), lifetime_s=60.0) as rig:
        rig.transports.close()
        rig.transports = rig.new_transports()
        await rig.open_transports()
        before = len(rig.registrations)
        await rig.settle(300)
        assert len(rig.registrations) > before
        assert rig.registrations[-1].outcome == "ok"
        assert await rig.read("/5/0/3") == "0"


class Swallowing(StreamBetween):
    """A connection whose incoming bytes vanish from the first record or frame with a wrong length on."""

    deaf = False

    def on_data(self, data):
        if not self.deaf:
            super().on_data(data)


class SwallowingNetwork(WrappedNetwork):
    def __init__(self, network):
        super().__init__(network)
        self.streams = []

    async def open_stream(self, remote, receiver, *, local=None):
        stream = Swallowing(receiver)
        stream.attach(await self._network.open_stream(remote, stream, local=local))
        self.streams.append(stream)
        return stream


@pytest.mark.parametrize("kind", ["psk", "x509"])
@in_virtual_time
async def test_a_device_leaves_a_connection_over_which_nothing_comes_back(kind):
    async with secure_rig(management="coaps+tcp", credentials=spec(kind), lifetime_s=60.0, started=False) as rig:
        rig.device.management_network = network = SwallowingNetwork(rig.device.management_network)
        await rig.start_servers()
        await rig.device.power_on(0.0)
        await rig.settle(5)
        assert rig.device.registrar.registered
        network.streams[0].deaf = True
        await rig.settle(300)
        assert [(each.operation, each.outcome) for each in rig.registrations] == [
            ("register", "ok"),
            ("update", "unknown"),
            ("register", "ok"),
            *[("update", "ok")] * (len(rig.registrations) - 3),
        ]
        assert len(network.streams) == 2
        assert await rig.read("/5/0/3") == "0"
