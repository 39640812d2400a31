"""Who may register as whom."""

from __future__ import annotations

import pytest

from simulator.coap.codes import FORBIDDEN
from simulator.lwm2m.refusal import RefusedError
from simulator.security.authority import Authority
from simulator.security.credentials import Peer, Psk
from simulator.servers.ways import NOBODY, Keyring, Side, Whereabouts

KEY = Psk(b"id-a", b"k" * 16)


@pytest.fixture
def keyring():
    keyring = Keyring()
    keyring.add_psk("a", KEY)
    keyring.add_certificate("b")
    return keyring


def refused(keyring, endpoint, peer):
    with pytest.raises(RefusedError) as told:
        keyring.admit(endpoint, peer)
    assert told.value.code == FORBIDDEN
    return told.value.reason


def test_a_device_comes_with_its_own_credentials(keyring):
    keyring.admit("a", Peer(psk_identity=b"id-a"))
    keyring.admit("b", Peer(subject=Authority().device("b").subject))
    keyring.admit("c", NOBODY)


@pytest.mark.parametrize(
    ("endpoint", "peer", "reason"),
    [
        ("a", NOBODY, "its credentials are another's"),
        ("a", Peer(psk_identity=b"id-z"), "its credentials are another's"),
        ("a", Peer(subject="CN=a"), "its credentials are another's"),
        ("b", Peer(psk_identity=b"id-a"), "its credentials are another's"),
        ("b", Peer(subject="CN=a"), "its credentials are another's"),
        ("c", Peer(psk_identity=b"id-a"), "it has no credentials here"),
        ("c", Peer(subject="CN=c"), "it has no credentials here"),
    ],
)
def test_nobody_comes_as_another_or_without_what_it_should_show(keyring, endpoint, peer, reason):
    assert refused(keyring, endpoint, peer) == f"{endpoint} may not register like this: {reason}"


def test_another_key_takes_the_place_of_the_first(keyring):
    keyring.add_psk("a", Psk(b"id-2", b"m" * 16))
    assert keyring.psks.key(b"id-a") is None
    assert keyring.psks.key(b"id-2") == b"m" * 16
    refused(keyring, "a", Peer(psk_identity=b"id-a"))


def test_a_device_may_change_its_kind(keyring):
    keyring.add_certificate("a")
    assert keyring.psks.key(b"id-a") is None
    keyring.admit("a", Peer(subject="CN=a"))


def test_a_device_without_credentials_comes_plainly_again(keyring):
    keyring.remove("a")
    keyring.remove("nobody")
    keyring.admit("a", NOBODY)
    assert len(keyring.psks) == 0


def test_no_text_of_a_keyring_holds_a_key(keyring):
    assert KEY.key.hex() not in repr(vars(keyring))
    assert repr(KEY.key) not in repr(vars(keyring))


def test_a_side_says_who_a_peer_has_shown_to_be():
    shown = Peer(psk_identity=b"id-a")
    at = ("192.0.2.1", 5)
    assert Side(None, "coap", None).whereabouts(at) == Whereabouts("coap", at, NOBODY)
    assert Side(None, "coaps", lambda _peer: shown).whereabouts(at) == Whereabouts("coaps", at, shown)
    assert Side(None, "coaps", lambda _peer: None).whereabouts(at).peer is NOBODY
