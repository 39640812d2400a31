"""Credentials of devices, right and wrong, from the seed of a run or from files."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from simulator.security.authority import WRONG_HOST, Authority, chain_pem, key_pem
from simulator.security.credentials import CredentialError, derive_psk
from simulator.security.failures import AlertError
from simulator.security.issue import Issuer
from simulator.security.oscore import derive_oscore
from simulator.security.spec import CredentialSpec
from simulator.security.verify import CLIENT, SERVER, verify_chain

SEED = 20_260_101
NOW = datetime(2026, 1, 1, tzinfo=UTC)
PSK = frozenset({"psk"})
X509 = frozenset({"x509"})
ELSEWHERE = f"""
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from simulator.security.issue import Issuer
from simulator.security.spec import CredentialSpec
issuer = Issuer({SEED})
made = issuer.credentials(CredentialSpec(frozenset({{"psk", "x509"}})), "dev")
for key in (issuer.authority.certificate.public_key(), made.identity.key.public_key()):
    print(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).hex())
print(made.psk.key.hex())
"""


@pytest.fixture
def issuer():
    return Issuer(SEED, lambda: NOW)


def public(certificate):
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).hex()


def test_another_process_has_the_same_ca_and_keys_from_the_seed():
    told = subprocess.run([sys.executable, "-c", ELSEWHERE], capture_output=True, text=True, check=True).stdout.split()
    issuer = Issuer(SEED)
    made = issuer.credentials(CredentialSpec(PSK | X509), "dev")
    assert told == [public(issuer.authority.certificate), public(made.identity.chain[0]), made.psk.key.hex()]


def test_another_seed_and_another_device_have_other_keys():
    spec = CredentialSpec(PSK | X509)
    made = [Issuer(seed).credentials(spec, endpoint) for seed, endpoint in ((1, "a"), (1, "b"), (2, "a"))]
    assert len({each.psk.key for each in made}) == 3
    assert len({public(each.identity.chain[0]) for each in made}) == 3
    assert len({public(Issuer(seed).authority.certificate) for seed in (1, 2)}) == 2


def test_a_device_shows_the_same_certificate_at_each_connection(issuer):
    first, second = (issuer.credentials(CredentialSpec(X509), "dev") for _ in range(2))
    assert first.identity.chain[0] == second.identity.chain[0]


def test_what_the_ca_of_one_process_signs_is_trusted_in_another():
    server = Issuer(SEED).authority.server("192.0.2.1")
    trust = Issuer(SEED).credentials(CredentialSpec(X509), "dev").trust
    assert verify_chain(server.chain, trust, SERVER, "192.0.2.1") == server.subject


def test_a_device_has_what_its_spec_says_and_no_more(issuer):
    by_key = issuer.credentials(CredentialSpec(PSK), "dev")
    assert by_key.psk == derive_psk(SEED, "dev")
    assert (by_key.identity, by_key.trust) == (None, None)
    by_certificate = issuer.credentials(CredentialSpec(X509, server_name="s.example"), "dev")
    assert by_certificate.psk is None
    assert by_certificate.identity.subject == "CN=dev"
    assert by_certificate.server_name == "s.example"
    assert not issuer.credentials(CredentialSpec(), "dev").usable


@pytest.mark.parametrize("kinds", [PSK, X509])
def test_a_missing_credential_is_none(issuer, kinds):
    assert not issuer.credentials(CredentialSpec(kinds, "missing"), "dev").usable


def test_a_wrong_key_has_the_right_identity_and_an_unknown_identity_is_no_device_of_the_run(issuer):
    right = issuer.psk("dev")
    wrong = issuer.credentials(CredentialSpec(PSK, "wrong-key"), "dev").psk
    assert (wrong.identity, len(wrong.key)) == (right.identity, len(right.key))
    assert wrong.key != right.key
    unknown = issuer.credentials(CredentialSpec(PSK, "unknown-identity"), "dev").psk
    assert unknown.identity == b"nobody-dev"


def test_an_oscore_context_is_right_or_wrong_in_one_way(issuer):
    oscore = frozenset({"oscore"})
    held = {
        wrong: issuer.credentials(CredentialSpec(oscore, wrong), "dev").oscore
        for wrong in ("", "missing", "wrong-key", "unknown-identity")
    }
    assert held[""] == issuer.oscore("dev") == derive_oscore(SEED, "dev")
    assert held["missing"] is None
    assert held["wrong-key"].sender_id == held[""].sender_id
    assert held["wrong-key"].secret != held[""].secret
    assert held["unknown-identity"] == issuer.oscore("nobody-dev")


@pytest.mark.parametrize(
    ("wrong", "server_is_refused", "device_is_refused"),
    [
        ("", None, None),
        ("unknown-ca", "unknown CA", None),
        ("wrong-host", "wrong host name", None),
        ("expired", None, "expired"),
        ("untrusted", None, "unknown CA"),
    ],
)
def test_a_wrong_certificate_is_wrong_in_one_way_only(issuer, wrong, server_is_refused, device_is_refused):
    made = issuer.credentials(CredentialSpec(X509, wrong), "dev")
    server = issuer.authority.server("192.0.2.1")
    name = made.server_name or "192.0.2.1"
    assert (made.server_name == WRONG_HOST) == (wrong == "wrong-host")
    for chain, trust, side, host, why in (
        (server.chain, made.trust, SERVER, name, server_is_refused),
        (made.identity.chain, issuer.authority.trust, CLIENT, "", device_is_refused),
    ):
        if why is None:
            verify_chain(chain, trust, side, host)
        else:
            with pytest.raises(AlertError, match=why):
                verify_chain(chain, trust, side, host)


def test_certificates_are_of_the_given_clock():
    later = NOW + timedelta(days=400)
    issuer = Issuer(SEED, lambda: later)
    assert issuer.authority.certificate.not_valid_before_utc < later < issuer.authority.certificate.not_valid_after_utc
    assert issuer.credentials(CredentialSpec(X509), "dev").trust.clock() == later


# -- files ------------------------------------------------------------------------------------------------------------


def write(directory, name, identity):
    (directory / f"{name}.pem").write_bytes(chain_pem(identity))
    (directory / f"{name}.key").write_bytes(key_pem(identity))


def test_files_are_used_instead_of_the_seed(issuer, tmp_path):
    other = Authority("another CA", lambda: NOW)
    write(tmp_path, "all", other.device("dev"))
    (tmp_path / "ca.pem").write_bytes(other.pem)
    (tmp_path / "keys.csv").write_text("endpoint,identity,key_hex\ndev,somebody,00112233\n")
    paths = {"certificate": "all.pem", "key": "all.key", "trust": "ca.pem", "psk_file": "keys.csv"}
    spec = CredentialSpec(PSK | X509, **{name: str(tmp_path / file) for name, file in paths.items()})
    made = issuer.credentials(spec, "dev")
    assert (made.psk.identity, made.psk.key) == (b"somebody", bytes.fromhex("00112233"))
    assert made.trust.anchors == (other.certificate,)
    assert made.trust.clock() == NOW
    assert verify_chain(made.identity.chain, made.trust, CLIENT) == "CN=dev"
    again = issuer.credentials(spec, "dev")
    assert again.identity is made.identity
    assert again.trust is made.trust


def test_the_endpoint_is_put_into_the_names_of_files(issuer, tmp_path):
    for endpoint in ("a", "b"):
        write(tmp_path, endpoint, Authority().device(endpoint))
    pattern = str(tmp_path / "{endpoint}")
    spec = CredentialSpec(X509, certificate=f"{pattern}.pem", key=f"{pattern}.key")
    assert [issuer.credentials(spec, each).identity.subject for each in ("a", "b")] == ["CN=a", "CN=b"]
    with pytest.raises(CredentialError, match=r"c\.pem: cannot be read: No such file"):
        issuer.credentials(spec, "c")


def test_a_device_that_is_not_in_the_file_of_keys_is_named(issuer, tmp_path):
    file = tmp_path / "keys.csv"
    file.write_text("endpoint,key_hex\ndev,0123456789abcdef\n")
    with pytest.raises(
        CredentialError, match=r"keys\.csv: there is no key for the endpoint 'other'; add a line"
    ) as told:
        issuer.psk("other", str(file))
    assert "0123456789abcdef" not in str(told.value)


def test_an_issuer_says_nothing_of_what_it_knows(issuer):
    issuer.credentials(CredentialSpec(PSK | X509), "dev")
    assert repr(issuer) == "Issuer()"
