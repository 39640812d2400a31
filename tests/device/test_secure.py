"""Downloads with credentials, right and wrong: how they end, why, and how often a device tries, in virtual time."""

from __future__ import annotations

import pytest

from simulator.coap.params import TransmissionParameters
from simulator.device.secure import reason_of, shown_for, wire_of
from simulator.lwm2m.profiles import PROFILES
from simulator.ports import Address
from simulator.security.credentials import Credentials
from simulator.security.failures import HandshakeFailedError
from simulator.transport.dtls import DtlsPort
from simulator.transport.dtls_handshake import DEFAULT_TIMERS, HandshakeTimers
from tests.device.device_rig import PACKAGE, in_virtual_time
from tests.device.secure_rig import ORIGIN_HOST, secure_rig, spec
from tests.security.rig import CA, DEVICE_IDENTITY, PSK

KEY, TRUST, IDENTITY = PSK, CA.trust, DEVICE_IDENTITY
BOTH = Credentials(KEY, IDENTITY, TRUST)
UNKNOWN_CA = "certificate verify failed: unknown CA"
WRONGS = [
    ("coaps", "psk", "wrong-key", "decrypt error: the keys of the two sides differ; wrong PSK key"),
    ("coaps", "psk", "unknown-identity", "unknown PSK identity"),
    ("coaps", "x509", "unknown-ca", UNKNOWN_CA),
    ("coaps", "x509", "wrong-host", "certificate verify failed: wrong host name"),
    ("coaps", "x509", "expired", "certificate refused by the peer: expired"),
    ("coaps", "x509", "untrusted", "certificate refused by the peer: unknown CA"),
    ("coaps+tcp", "psk", "wrong-key", "wrong PSK key"),
    ("coaps+tcp", "psk", "unknown-identity", "unknown PSK identity"),
    ("coaps+tcp", "x509", "unknown-ca", UNKNOWN_CA),
    ("coaps+tcp", "x509", "wrong-host", "certificate verify failed: wrong host name"),
    ("coaps+tcp", "x509", "expired", "certificate refused by the peer: expired"),
    ("coaps+tcp", "x509", "untrusted", "certificate refused by the peer: unknown CA"),
    ("https", "x509", "unknown-ca", UNKNOWN_CA),
    ("https", "x509", "wrong-host", "certificate verify failed: wrong host name"),
    ("https", "x509", "expired", "certificate refused by the peer: expired"),
    ("https", "x509", "untrusted", "certificate refused by the peer: unknown CA"),
]
MISSING = [("coaps", "psk"), ("coaps", "x509"), ("coaps+tcp", "psk"), ("coaps+tcp", "x509"), ("https", "x509")]
EVERY_PROFILE = pytest.mark.parametrize("profile", PROFILES)


async def pull(rig, seconds):
    """Have the package pulled; the code of the answer to the Write of its URI."""
    code = await rig.write("/5/0/1", rig.uri())
    await rig.settle(seconds)
    return code


@EVERY_PROFILE
@pytest.mark.parametrize(("scheme", "kind", "wrong", "cause"), WRONGS)
@pytest.mark.parametrize("retries", [0, 2])
@in_virtual_time
async def test_a_download_with_wrong_credentials_ends_in_result_4(scheme, kind, wrong, cause, profile, retries):
    wrongs = spec(kind, wrong)
    async with secure_rig(transport=scheme, profile=profile, download_credentials=wrongs, pull_retries=retries) as rig:
        assert await pull(rig, 60) == "2.04"
        assert rig.pair == (0, 4)
        (transfer,) = rig.transfers
        assert (transfer.outcome, transfer.result, transfer.received) == ("fail", 4, 0)
        assert cause in transfer.cause
        # As often as asked for, after waits that double from ACK_TIMEOUT on, and no more, whatever the profile repeats.
        begun = rig.counting.to(ORIGIN_HOST) if scheme != "coaps" else handshakes(rig)
        assert len(begun) == 1 + retries
        assert transfer.t - transfer.started < 2 * (1 + retries) + sum(2.0 * 2**k for k in range(retries))
        assert transfer.t - transfer.started >= sum(2.0 * 2**k for k in range(retries))
        await rig.settle(600)
        assert len(rig.transfers) == 1
        assert await rig.read("/5/0/5") == "4"


def handshakes(rig):
    """Those of the port to the origin: it outlasts them."""
    (port,) = [port for port in rig.counting.ports if isinstance(port, DtlsPort)]
    return range(port.handshakes)


@EVERY_PROFILE
@pytest.mark.parametrize(("scheme", "kind"), MISSING)
@in_virtual_time
async def test_a_download_without_credentials_begins_no_handshake(scheme, kind, profile):
    async with secure_rig(transport=scheme, profile=profile, download_credentials=spec(kind, "missing")) as rig:
        assert await pull(rig, 1) == "2.04"
        assert rig.pair == (0, 4 if profile == "zephyr" else 9)
        (transfer,) = rig.transfers
        assert transfer.cause == f"no credential for {scheme}"
        assert rig.counting.to(ORIGIN_HOST) == []


@pytest.mark.parametrize(("scheme", "kind"), MISSING)
@in_virtual_time
async def test_a_download_with_the_right_credentials(scheme, kind):
    async with secure_rig(transport=scheme, download_credentials=spec(kind)) as rig:
        assert await pull(rig, 5) == "2.04"
        assert rig.pair == (2, 0)
        (transfer,) = rig.transfers
        assert (transfer.outcome, transfer.cause, transfer.received) == ("ok", "", len(PACKAGE))
        assert transfer.wire_in > len(PACKAGE)


@in_virtual_time
async def test_https_knows_no_keys():
    async with secure_rig(transport="https", download_credentials=spec("psk")) as rig:
        await pull(rig, 1)
        assert rig.pair == (0, 9)


@in_virtual_time
async def test_a_download_may_have_another_trust_store_than_management(tmp_path):
    """As with Zephyr's security tags: works over coaps to the server, fails over coaps from the origin."""
    file = tmp_path / "other-ca.pem"
    file.write_bytes(CA.pem)
    shared = {"management": "coaps+tcp", "transport": "https", "credentials": spec("x509")}
    async with secure_rig(**shared, download_credentials=spec("x509", trust=str(file))) as rig:
        assert [each.outcome for each in rig.registrations] == ["ok"]
        await pull(rig, 5)
        assert rig.pair == (0, 4)
        assert rig.transfers[0].cause.startswith(UNKNOWN_CA)
        file.write_bytes(rig.issuer.authority.pem)
    async with secure_rig(**shared, download_credentials=spec("x509", trust=str(file))) as rig:
        await pull(rig, 5)
        assert rig.pair == (2, 0)


@in_virtual_time
async def test_a_download_may_have_another_kind_of_credential_than_management():
    async with secure_rig(
        management="coaps", transport="coaps", credentials=spec("psk"), download_credentials=spec("x509")
    ) as rig:
        await pull(rig, 5)
        assert rig.pair == (2, 0)
        assert {event.outcome for event in rig.registrations} == {"ok"}


@in_virtual_time
async def test_pull_retries_of_the_scenario_count_in_place_of_the_profiles():
    async with secure_rig(transport="coaps+tcp", pull_retries=1, download_credentials=spec("x509", "untrusted")) as rig:
        await pull(rig, 30)
        first, second = rig.counting.to(ORIGIN_HOST)
        assert second - first == pytest.approx(2.0, abs=0.5)
        assert rig.pair == (0, 4)


@in_virtual_time
async def test_a_key_that_the_origin_learns_between_two_attempts_makes_a_pull_good():
    async with secure_rig(transport="coaps", pull_retries=3, download_credentials=spec("psk")) as rig:
        rig.psks.remove(b"dev")
        await pull(rig, 3)
        assert rig.pair == (1, 0)
        rig.psks.add(rig.issuer.psk("dev"))
        await rig.settle(30)
        assert rig.pair == (2, 0)


class Deaf:
    def on_datagram(self, data, peer):
        pass

    def on_datagram_error(self, error):
        pass


@pytest.mark.parametrize(
    ("ack_timeout", "timers", "gives_up_s"),
    [(2.0, DEFAULT_TIMERS, 63.0), (0.5, DEFAULT_TIMERS, 23.25), (2.0, HandshakeTimers(0.5, 60.0, 2), 3.5)],
)
@in_virtual_time
async def test_an_origin_that_says_nothing_is_given_up_in_bounded_time(ack_timeout, timers, gives_up_s):
    """By the handshake (63 s), or by the request that waits for its end, if that gives up earlier (RFC 7252 §4.8.2)."""
    parameters = TransmissionParameters(ACK_TIMEOUT=ack_timeout)
    settings = {"parameters": parameters, "handshake": timers, "download_credentials": spec("psk")}
    async with secure_rig(transport="coaps", **settings) as rig:
        rig.dtls.close()
        silent = await rig.memory.bind_datagram(Address(ORIGIN_HOST, 5684), Deaf())
        await pull(rig, 200)
        assert rig.pair == (0, 4)
        (transfer,) = rig.transfers
        assert transfer.t - transfer.started <= gives_up_s + 1e-6
        assert transfer.cause == "no answer to ClientHello"
        silent.close()


# -- parts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scheme", "held", "shown"),
    [
        ("coaps", BOTH, Credentials(KEY)),
        ("coaps", Credentials(identity=IDENTITY, trust=TRUST), Credentials(identity=IDENTITY, trust=TRUST)),
        ("coaps+tcp", BOTH, Credentials(identity=IDENTITY, trust=TRUST)),
        ("coaps+tcp", Credentials(KEY), Credentials(KEY)),
        ("https", BOTH, Credentials(identity=IDENTITY, trust=TRUST)),
        ("https", Credentials(KEY), Credentials()),
        ("coaps", Credentials(), Credentials()),
    ],
)
def test_one_kind_is_shown_in_each_handshake(scheme, held, shown):
    assert shown_for(scheme, held) == shown


def test_a_failure_is_told_in_words_without_its_address():
    assert reason_of(None) == ""
    assert reason_of(HandshakeFailedError("unknown PSK identity", "192.0.2.1:5684")) == "unknown PSK identity"
    assert reason_of(ConnectionRefusedError(111, "Connection refused")) == "Connection refused"
    assert reason_of(OSError("no number")) == "no number"
    assert wire_of(None, (1, 2)) == (1, 2)
