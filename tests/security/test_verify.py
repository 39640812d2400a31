"""Which chains are trusted, and why others are not."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from simulator.security.authority import Authority
from simulator.security.credentials import TrustStore
from simulator.security.failures import AlertError
from simulator.security.verify import CHAIN_MAX, CLIENT, SERVER, check_name, parse_chain, verify_chain
from tests.security.rig import CA, DEVICE_IDENTITY, HOST, NOW, SERVER_IDENTITY


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Maker:
    """Makes certificates that a decent CA would not make."""

    def __init__(self, text, issuer=None, *, ca=True, path_length=None, usage=None, extra=(), days=10):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = name(text)
        signer = issuer or self
        builder = x509.CertificateBuilder(
            signer.name,
            self.name,
            self.key.public_key(),
            x509.random_serial_number(),
            NOW - timedelta(days=1),
            NOW + timedelta(days=days),
        )
        if ca is not None:
            builder = builder.add_extension(x509.BasicConstraints(ca, path_length), critical=True)
        if usage is not None:
            builder = builder.add_extension(usage, critical=True)
        for extension, critical in extra:
            builder = builder.add_extension(extension, critical)
        self.certificate = builder.sign(signer.key, hashes.SHA256())


def refused(chain, trust, purpose=SERVER, host=""):
    with pytest.raises(AlertError) as error:
        verify_chain(chain, trust, purpose, host)
    assert error.value.cause.startswith("certificate verify failed: ")
    return error.value.cause.removeprefix("certificate verify failed: ")


def trust(*makers):
    return TrustStore(tuple(maker.certificate for maker in makers), lambda: NOW)


def usage(*, signs):
    values = dict.fromkeys(
        ["content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign"], False
    )
    return x509.KeyUsage(
        digital_signature=True, key_cert_sign=signs, encipher_only=False, decipher_only=False, **values
    )


def test_what_the_ca_of_a_run_signs_is_trusted():
    assert verify_chain(SERVER_IDENTITY.chain, CA.trust, SERVER, HOST) == f"CN={HOST}"
    assert verify_chain(DEVICE_IDENTITY.chain, CA.trust, CLIENT) == "CN=device-1"
    assert refused(DEVICE_IDENTITY.chain, CA.trust).startswith("not made for this side")
    assert refused(CA.expired(HOST).chain, CA.trust) == "expired"
    assert refused(CA.unknown_ca(HOST).chain, CA.trust) == "unknown CA: CN=unknown CA"
    assert "wrong-host.invalid" in refused(CA.wrong_host().chain, CA.trust, SERVER, HOST)
    assert (
        refused(CA.server(HOST).chain, TrustStore(CA.trust.anchors, lambda: NOW - timedelta(days=2))) == "not yet valid"
    )
    with pytest.raises(ValueError, match="needs a host name"):
        CA.server()


def test_a_ca_of_the_same_name_is_another_ca():
    assert refused(SERVER_IDENTITY.chain, Authority(clock=lambda: NOW).trust).startswith("unknown CA")


def test_a_certificate_can_be_trusted_as_it_is():
    own = Maker("alone", ca=None)
    assert verify_chain([own.certificate], trust(own), SERVER) == "CN=alone"
    assert refused([own.certificate], CA.trust) == "self-signed certificate that is not trusted"


def test_a_chain_is_climbed_in_any_order_and_past_what_does_not_belong():
    root = Maker("root")
    middle = [Maker("middle", root)]
    middle.append(Maker("middle 2", middle[0]))
    leaf = Maker("leaf", middle[1], ca=False)
    stray = Maker("stray")
    chain = [leaf.certificate, stray.certificate, middle[0].certificate, middle[1].certificate]
    assert verify_chain(chain, trust(root), SERVER) == "CN=leaf"
    assert refused([leaf.certificate, middle[1].certificate], trust(root)) == "unknown CA: CN=middle"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"ca": False}, "the issuer is no CA"),
        ({"ca": None}, "the issuer is no CA"),
        ({"usage": usage(signs=False)}, "the issuer's key is not for certificates"),
        ({"days": -0.5}, "expired"),
        (
            {"extra": [(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"x"), True)]},
            "critical extension 1.2.3.4",
        ),
    ],
)
def test_an_issuer_must_be_one(options, told):
    root = Maker("root")
    middle = Maker("middle", root, **options)
    leaf = Maker("leaf", middle, ca=False)
    assert refused([leaf.certificate, middle.certificate], trust(root)) == told


def test_a_ca_says_how_long_its_chains_may_be():
    root = Maker("root", path_length=0)
    middle = Maker("middle", root)
    leaf = Maker("leaf", middle, ca=False)
    assert refused([leaf.certificate, middle.certificate], trust(root)) == "the chain is longer than its CA allows"
    assert verify_chain([middle.certificate], trust(root), SERVER)


def test_a_ring_of_issuers_has_an_end():
    one = Maker("one")
    other = Maker("other", one)
    one.name, back = name("one"), Maker("one", other)
    assert refused([other.certificate, back.certificate], CA.trust).startswith("unknown CA")


@pytest.mark.parametrize(
    ("names", "host", "fits"),
    [
        (["a.example"], "a.example", True),
        (["a.example"], "A.EXAMPLE.", True),
        (["a.example"], "b.example", False),
        (["*.example.org"], "a.example.org", True),
        (["*.example.org"], "a.b.example.org", False),
        (["*.example.org"], "example.org", False),
        (["*.0.0.1"], "127.0.0.1", False),
        (["b.example", "127.0.0.1"], "127.0.0.1", True),
        (["fd00::1"], "[fd00:0::1]", True),
        (["127.0.0.1"], "127.0.0.2", False),
    ],
)
def test_names(names, host, fits):
    certificate = Authority().server(*names).chain[0]
    if fits:
        check_name(certificate, host)
    else:
        with pytest.raises(AlertError, match="wrong host name: it is for"):
            check_name(certificate, host)


def test_the_common_name_counts_where_there_is_no_other():
    check_name(Maker("old.example").certificate, "old.example")
    with pytest.raises(AlertError, match=r"not for new\.example"):
        check_name(Maker("old.example").certificate, "new.example")


def test_a_chain_has_one_certificate_at_least_and_not_too_many():
    der = SERVER_IDENTITY.der[0]
    for count in (0, CHAIN_MAX + 1):
        with pytest.raises(AlertError, match=f"a chain of {count} certificates"):
            parse_chain([der] * count)


def test_mutated_certificates_raise_nothing_but_alerts():
    dice = random.Random(1)
    accepted = 0
    whole = [SERVER_IDENTITY.der[0], CA.certificate.public_bytes(Encoding.DER)]
    for _ in range(10_000):
        at = dice.randrange(2)
        changed = bytearray(whole[at])
        for _ in range(dice.choice((1, 1, 2, 8))):
            changed[dice.randrange(len(changed))] = dice.getrandbits(8)
        if dice.random() < 0.1:
            del changed[dice.randrange(len(changed)) :]
        try:
            chain = parse_chain([bytes(changed), *whole[1:]])
            verify_chain(chain, CA.trust, SERVER, HOST)
            accepted += bytes(changed) not in whole
        except AlertError:
            pass
    assert accepted == 0
