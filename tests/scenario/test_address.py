"""Public or not: the address ranges, names, and names that do not resolve."""

import socket

import pytest

from simulator.scenario import is_public


def never(host):
    raise AssertionError(host)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.9.9.9", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.1.1", "::1", "[::1]",
     "fd00::1", "fe80::1", "::ffff:10.0.0.1", "localhost", "LOCALHOST.", "a.localhost"],
)  # fmt: skip
def test_private_addresses_are_not_public(host):
    assert not is_public(host, never)


@pytest.mark.parametrize(
    "host", ["8.8.8.8", "172.32.0.1", "192.169.0.1", "100.64.0.1", "2001:4860::8888", "::ffff:8.8.8.8", "224.0.1.187"]
)
def test_other_addresses_are_public(host):
    assert is_public(host, never)


@pytest.mark.parametrize(
    ("addresses", "public"), [(["10.0.0.1"], False), (["10.0.0.1", "1.2.3.4"], True), ([], True), (["nonsense"], True)]
)
def test_a_name_is_public_where_any_of_its_addresses_is(addresses, public):
    assert is_public("leshan", lambda host: addresses) is public


def test_a_name_that_does_not_resolve_is_public():
    def fails(host):
        raise socket.gaierror(-2, "Name or service not known")

    assert is_public("leshan", fails)
