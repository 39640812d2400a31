"""What credentials a device is said to have, without any key."""

from __future__ import annotations

import pytest

from simulator.security.spec import NEEDS, NO_CREDENTIALS, WRONGS, CredentialSpec, kinds_for


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (NO_CREDENTIALS, ""),
        (CredentialSpec(frozenset({"psk"})), "psk"),
        (CredentialSpec(frozenset({"x509", "psk"})), "psk+x509"),
        (CredentialSpec(frozenset({"x509"}), "expired", psk_file="/keys.csv"), "x509 (expired)"),
    ],
)
def test_what_a_record_says_names_kinds_and_what_is_wrong_alone(spec, text):
    assert spec.text == text


def test_each_scheme_with_security_needs_one_kind():
    assert kinds_for("coap", "http", "coap+tcp") == frozenset()
    assert kinds_for("coaps", "coap") == {"psk"}
    assert kinds_for("coaps+tcp", "https") == {"x509"}
    assert kinds_for(*NEEDS) == {"psk", "x509"}


@pytest.mark.parametrize(
    ("kinds", "wrong", "scheme", "shown", "seen"),
    [
        ("psk+x509", "wrong-key", "coaps", "psk", "wrong-key"),
        ("psk+x509", "wrong-key", "coaps+tcp", "x509", ""),
        ("psk+x509", "expired", "coaps", "psk", ""),
        ("psk+x509", "expired", "https", "x509", "expired"),
        ("psk", "wrong-key", "coaps+tcp", "psk", "wrong-key"),
        ("psk", "", "https", None, "missing"),
        ("psk", "missing", "coaps", "psk", "missing"),
        ("psk", "wrong-key", "coap", None, ""),
        ("oscore", "wrong-key", "coap", "oscore", "wrong-key"),
        ("x509", "expired", "http", None, ""),
    ],
)
def test_what_is_wrong_is_seen_by_those_alone_who_are_shown_it(kinds, wrong, scheme, shown, seen):
    spec = CredentialSpec(frozenset(kinds.split("+")), wrong)
    assert (spec.shown(scheme), spec.wrong_for(scheme)) == (shown, seen)


def test_nothing_and_a_missing_credential_are_possible_for_every_kind():
    assert all({"", "missing"} <= wrongs for wrongs in WRONGS.values())
