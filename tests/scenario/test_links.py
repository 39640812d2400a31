"""Credentials and access networks of a group, as a scenario has them."""

from __future__ import annotations

import pytest

from simulator.network.profiles import PROFILES
from simulator.scenario import ScenarioError, loads
from simulator.transport.dtls_handshake import DEFAULT_TIMERS, HandshakeTimers


def group(lines, **other):
    return loads(f"[groups.a]\ncount = 1\n{lines}\n", **other).groups["a"]


def problems(lines):
    with pytest.raises(ScenarioError) as error:
        group(lines)
    return [f"{p.key}: {p.message}; {p.mend}" for p in error.value.problems]


# -- credentials ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "management", "download"),
    [
        ("", "", ""),
        ('management = "coaps"', "psk", "psk"),
        ('transport = "https"', "x509", "x509"),
        ('management = "coaps"\ntransport = "coaps+tcp"', "psk+x509", "psk+x509"),
        ('transport = "coaps"\ncredentials = { kind = "x509" }', "x509", "x509"),
        ('transport = "coaps"\ncredentials = { wrong = "wrong-key" }', "psk (wrong-key)", "psk (wrong-key)"),
        ('transport = "coaps"\ncredentials = { wrong = "expired" }', "x509 (expired)", "x509 (expired)"),
        ('management = "coaps"\ntransport = "https"\ndownload_credentials = { wrong = "expired" }',
         "psk", "x509 (expired)"),
        ('management = "coaps"\ntransport = "coaps"\ndownload_credentials = { kind = "psk+x509" }',
         "psk", "psk+x509"),
        ('management = "coaps"\ndelivery = "push"', "psk", "psk"),
    ],
)  # fmt: skip
def test_what_the_devices_have_follows_from_their_schemes_unless_it_is_said(lines, management, download):
    found = group(lines)
    assert (found.management_spec.text, found.download_spec.text) == (management, download)


@pytest.mark.parametrize(
    ("profile", "wrong", "expected"),
    [
        ("oma", "wrong-key", (0, 4)),
        ("oma", "missing", (0, 9)),
        ("anjay", "missing", (0, 9)),
        ("zephyr", "missing", (0, 4)),
        ("zephyr", "expired", (0, 4)),
        ("oma", "", (0, 1)),
    ],
)
def test_a_pull_with_wrong_credentials_is_declared_to_fail(profile, wrong, expected):
    found = group(f'profile = "{profile}"\ntransport = "coaps"\ndownload_credentials = {{ wrong = "{wrong}" }}')
    assert found.expected == expected


def test_wrong_credentials_of_management_are_not_those_of_the_download():
    assert group('management = "coaps"\ncredentials = { wrong = "wrong-key" }\ndelivery = "push"').expected == (0, 1)
    both = group('management = "coaps"\ntransport = "https"\ncredentials = { wrong = "wrong-key" }')
    assert (both.management_spec.text, both.expected) == ("psk+x509 (wrong-key)", (0, 1))
    both = group('management = "coaps"\ntransport = "https"\ncredentials = { kind = "psk+x509", wrong = "expired" }')
    assert both.expected == (0, 4)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ('download_credentials = { wrong = "wrong-key" }',
         "wrong-key does not show over coap; choose another transport"),
        ('transport = "https"\ndelivery = "push"\ndownload_credentials = { wrong = "expired" }',
         "does not show over push"),
        ('management = "coaps"\ncredentials = { kind = "psk+x509", wrong = "expired" }',
         "does not show over coaps and coap"),
        ('transport = "https"\ncredentials = { kind = "psk" }', "devices with psk have nothing to show over https"),
        ('transport = "coaps"\nprofile = "zephyr"\ndownload_credentials = { wrong = "wrong-key" }\npull_retries = 9',
         "a device that is refused tries again for up to 1042 s, the operator looks for 180 s only; raise campaign"),
    ],
)  # fmt: skip
def test_credentials_that_would_show_nothing_or_not_in_time_are_refused(lines, told):
    assert any(told in line for line in problems(lines))


def test_a_device_that_is_refused_may_try_again_as_long_as_somebody_looks():
    found = group('transport = "coaps"\npull_retries = 3\ndownload_credentials = { wrong = "wrong-key" }')
    assert (found.pull_retries, found.expected) == (3, (0, 4))


# -- handshakes -------------------------------------------------------------------------------------------------------


def test_timers_of_handshakes_can_be_set_key_by_key():
    assert group("").dtls.timers == DEFAULT_TIMERS
    assert group("").dtls.timers.gives_up_s == 63
    slow = group('dtls = { timeout = "9 s", retransmissions = 3 }').dtls.timers
    assert (slow, slow.gives_up_s) == (HandshakeTimers(9.0, 60.0, 3), 9 + 18 + 36 + 60)
    text = '[devices.dtls]\ntimeout = "2 s"\n[groups.a]\ncount = 1\ndtls = { retransmissions = 1 }\n'
    assert loads(text).groups["a"].dtls.timers == HandshakeTimers(2.0, 60.0, 1)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ('{ timeout = "61 s" }', "after 60 s at the latest"),
        ("{ retransmissions = 21 }", "20"),
        ('{ timeout = "0 s" }', ""),
    ],
)
def test_timers_of_handshakes_that_cannot_be_are_refused(table, told):
    assert any(line.startswith("groups.a.dtls") and told in line for line in problems(f"dtls = {table}"))


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ('{ kind = "psk", wrong = "expired" }', "a credential of kind psk cannot be expired; it can be missing"),
        ('{ kind = "x509", wrong = "wrong-key" }', "cannot be wrong-key; it can be expired, missing, unknown-ca"),
        ('{ certificate = "a.pem" }', "`certificate` and `key` belong together; give both files or neither"),
        ('{ kind = "x509", psk_file = "k.csv" }', "`psk_file` has no use with kind = x509"),
        ('{ kind = "rpk" }', "kind"),
        ('{ wrong = "broken" }', "wrong"),
    ],
)
def test_credentials_that_cannot_be_are_refused(table, told):
    assert any(told in line for line in problems(f"credentials = {table}"))


# -- network ----------------------------------------------------------------------------------------------------------


def test_a_network_may_be_named_without_a_table():
    assert group("").network.resolved is PROFILES["ideal"]
    assert group('network = "nb-iot"').network.resolved is PROFILES["nb-iot"]


def test_figures_of_ones_own_take_the_place_of_those_of_the_profile():
    found = group('network = { profile = "lte-m", delay = "1 s", loss = "5 %" }').network.resolved
    assert (found.name, found.delay_s, found.loss) == ("lte-m*", 1.0, 0.05)
    assert found.rate_bps == PROFILES["lte-m"].rate_bps


@pytest.mark.parametrize(
    ("network", "told"),
    [
        ('"5g-dream"', "'5g-dream' is no network profile; there are ideal"),
        ('{ loss = "120 %" }', "loss"),
        ("{ mtu = 20 }", "mtu"),
        ("{ dealy = 1 }", "did you mean `delay`?"),
    ],
)
def test_a_network_that_cannot_be_is_refused(network, told):
    assert any(told in line for line in problems(f"network = {network}"))


def test_a_record_of_a_network_has_none_for_what_is_not_limited():
    figures = group("").network.normalised()
    assert figures["rate_bps"] is None
    assert figures["loss"] == 0
