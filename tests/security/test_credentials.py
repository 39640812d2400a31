"""Credentials as values: their limits, and that no text of theirs holds a key."""

from __future__ import annotations

import logging
import traceback

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from simulator.security.authority import Authority, key_pem
from simulator.security.credentials import (
    CredentialError,
    Credentials,
    Identity,
    Psk,
    PskStore,
    ServerCredentials,
    TrustStore,
    derive_psk,
)
from simulator.security.failures import SecurityError
from simulator.transport.dtls_handshake import ResumableSession
from simulator.transport.virtual import run_virtual
from tests.security.rig import CA, DEVICE_IDENTITY, PSK_PAIR, World, quiet

KEY = b"0123456789secret"


def secret_forms(key):
    """The ways in which a key could be printed."""
    return {key.hex(), key.hex().upper(), repr(key), repr(key)[2:-1], str(list(key))[1:-1]}


def holds_no(key, *texts):
    return not any(form in text for form in secret_forms(key) for text in texts)


def test_a_derived_key_is_the_same_for_the_same_device_only():
    one = derive_psk(7, "device-1")
    assert one == derive_psk(7, "device-1")
    assert one.identity == b"device-1"
    assert len(one.key) == 16
    assert len({derive_psk(seed, name).key for seed in (7, 8) for name in ("device-1", "device-2")}) == 4


@pytest.mark.parametrize(
    ("identity", "key", "complaint"),
    [
        (b"", KEY, "a PSK identity has 1 to 128 bytes, not 0"),
        (b"i" * 129, KEY, "a PSK identity has 1 to 128 bytes, not 129"),
        (b"device", b"", "the PSK key of b'device' has 1 to 64 bytes, not 0"),
        (b"device", b"k" * 65, "the PSK key of b'device' has 1 to 64 bytes, not 65"),
    ],
)
def test_a_psk_has_its_limits(identity, key, complaint):
    with pytest.raises(CredentialError, match=complaint):
        Psk(identity, key)


def test_a_store_knows_what_it_was_told():
    store = PskStore([Psk(b"a", KEY)])
    store.add(Psk(b"b", b"another"))
    assert (len(store), store.key(b"a"), store.key(b"b"), store.key(b"c")) == (2, KEY, b"another", None)
    store.remove(b"a")
    store.remove(b"a")
    assert store.key(b"a") is None
    assert PskStore(fallback=lambda identity: identity * 2).key(b"c") == b"cc"


def test_an_identity_must_fit_together():
    key = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(CredentialError, match="needs a certificate"):
        Identity((), key)
    with pytest.raises(CredentialError, match="does not belong to the certificate of CN=device-1"):
        Identity(DEVICE_IDENTITY.chain, key)
    with pytest.raises(CredentialError, match="make one on P-256 or P-384"):
        Identity(DEVICE_IDENTITY.chain, ec.generate_private_key(ec.SECP521R1()))


def test_no_text_of_a_credential_holds_its_key():
    psk = Psk(b"device", KEY)
    values = [
        psk,
        PskStore([psk]),
        Credentials(psk=psk, identity=DEVICE_IDENTITY, trust=CA.trust),
        ServerCredentials(psks=PskStore([psk]), identity=DEVICE_IDENTITY),
        ResumableSession(b"id", KEY, 0xC0A8, extended=True, peer=None),
    ]
    texts = [text for value in values for text in (repr(value), str(value), f"{value}")]
    assert holds_no(KEY, *texts)
    private = DEVICE_IDENTITY.key.private_numbers().private_value
    pem = key_pem(DEVICE_IDENTITY).decode().splitlines()[1]
    assert not any(str(private) in text or f"{private:x}" in text or pem in text for text in texts)
    assert not holds_no(KEY, repr(KEY)), "this test would see one"


@pytest.mark.parametrize("key", [b"0123456789wrong!", PSK_PAIR[0].psk.key])
def test_no_error_log_or_state_of_a_connection_holds_a_key(key, caplog):
    caplog.set_level(logging.DEBUG)

    async def work():
        world = World()
        port = await world.both((Credentials(psk=Psk(PSK_PAIR[0].psk.identity, key)), PSK_PAIR[1]))
        with caplog.at_level(logging.DEBUG):
            try:
                await port.established()
            except SecurityError:
                texts = [traceback.format_exc()]
            else:
                texts = []
            await quiet(1)
        texts += [repr(error) for error in world.device.errors + world.server.errors]
        texts += [repr(port), repr(port.session), repr(world.server.port), repr(world.server.port.counts)]
        world.close()
        return texts

    texts = run_virtual(work())
    for secret in (key, PSK_PAIR[0].psk.key):
        assert holds_no(secret, *texts, caplog.text)


def test_a_trust_store_is_a_value():
    assert TrustStore(CA.trust.anchors) == TrustStore(CA.trust.anchors)
    assert TrustStore(CA.trust.anchors) != Authority().trust
