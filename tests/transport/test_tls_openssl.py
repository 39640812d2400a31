"""What is used of pyOpenSSL without being public: an upgrade that takes it away fails here, and says so."""

from __future__ import annotations

import pytest
from OpenSSL import SSL

from simulator.transport import openssl

AGAIN = "pyOpenSSL has changed inside: look at simulator/transport/openssl.py"
VERSIONS = pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION], ids=["1.2", "1.3"])


def pair(client_psk, server_psk, version):
    sides = []
    for method, use, psk in (
        (SSL.TLS_CLIENT_METHOD, openssl.use_client_psk, client_psk),
        (SSL.TLS_SERVER_METHOD, openssl.use_server_psk, server_psk),
    ):
        context = SSL.Context(method)
        context.set_min_proto_version(version)
        context.set_max_proto_version(version)
        context.set_cipher_list(b"PSK-AES128-GCM-SHA256")
        context.set_tls13_ciphersuites(b"TLS_AES_128_GCM_SHA256")
        kept = use(context, psk)
        sides.append((SSL.Connection(context, None), kept))
    client, server = sides[0][0], sides[1][0]
    client.set_connect_state()
    server.set_accept_state()
    return client, server, sides


def shake(client, server):
    """Whether the two come to an end of their handshake."""
    done = set()
    for _ in range(10):
        for one, other in ((client, server), (server, client)):
            try:
                one.do_handshake()
                done.add(id(one))
            except SSL.WantReadError:
                pass
            while True:
                try:
                    other.bio_write(one.bio_read(65_536))
                except SSL.WantReadError:
                    break
    return len(done) == 2


def test_all_that_is_needed_is_there():
    assert openssl.missing() == [], AGAIN


@VERSIONS
def test_a_psk_is_agreed_on(version):
    asked = []

    def key(connection, identity):
        asked.append((connection, identity))
        return b"a key"

    client, server, _kept = pair(lambda connection: (b"device", b"a key"), key, version)
    assert shake(client, server), AGAIN
    assert asked[0] == (server, b"device")
    client.send(b"data")
    server.bio_write(client.bio_read(65_536))
    assert server.recv(100) == b"data"
    assert isinstance(openssl.session_reused(client), bool)


@VERSIONS
@pytest.mark.parametrize(
    ("client_psk", "server_psk"),
    [
        ((b"device", b"another"), b"a key"),
        ((b"device", b"a key"), None),
        (None, b"a key"),
        ((b"i" * 2000, b"a key"), b"a key"),
        ((b"device", b"k" * 2000), b"a key"),
        ((b"a\0b", b"a key"), b"a key"),
        ((b"device", b"a key"), b"k" * 2000),
    ],
)
def test_no_psk_no_connection(version, client_psk, server_psk):
    client, server, _kept = pair(lambda connection: client_psk, lambda connection, identity: server_psk, version)
    with pytest.raises(SSL.Error):
        shake(client, server)


@VERSIONS
@pytest.mark.expected_warnings("no PSK could be")
def test_a_callback_that_fails_ends_the_handshake_and_nothing_else(version):
    def fail(*_args):
        raise RuntimeError("a bug")

    for client_psk, server_psk in ((fail, lambda *_: b"a key"), (lambda _: (b"device", b"a key"), fail)):
        client, server, _kept = pair(client_psk, server_psk, version)
        with pytest.raises(SSL.Error):
            shake(client, server)


def test_names_are_taken_or_refused():
    connection = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), None)
    for name in ("server.example", "127.0.0.1", "fd00::1", "bücher.example"):
        openssl.expect_name(connection, name)
    for name in ("a" * 64 + ".example", "a\0b"):
        with pytest.raises(ValueError, match=r"."):
            openssl.expect_name(connection, name)
