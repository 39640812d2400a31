"""OpenSSL's contexts for TLS 1.2 and 1.3, one for all connections that have the same trust.

What belongs to one connection (its key, its identity, the name that it expects) is set on the connection, so that a
fleet of thousands of devices needs one context.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final

from OpenSSL import SSL, crypto

from simulator.security.verify import CHAIN_MAX
from simulator.transport import openssl
from simulator.transport.tls_state import TlsState, state_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simulator.security.credentials import Identity, ServerCredentials, TrustStore

CERTIFICATE_CIPHERS: Final = b"ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE-ECDSA-AES128-CCM8:ECDHE-ECDSA-AES128-CCM"
PSK_CIPHERS: Final = b"PSK-AES128-GCM-SHA256:PSK-AES128-CCM8:PSK-AES128-CCM"
PSK_SUITES: Final = b"TLS_AES_128_GCM_SHA256:TLS_AES_128_CCM_SHA256:TLS_CHACHA20_POLY1305_SHA256"
"""Of TLS 1.3: a pre-shared key belongs to a hash (RFC 8446 §4.2.11), and OpenSSL takes SHA-256 for it."""
GROUPS: Final = b"P-256:X25519:P-384"
"""What a device offers (RFC 7925 §4.4). OpenSSL's own choice has ML-KEM in it, at 8 KB a connection and more CPU."""
_CCM8: Final = b":@SECLEVEL=0"
"""OpenSSL counts a tag of 8 bytes as weak; LwM2M asks for it (OMA LwM2M Transport §5.2.8)."""
_KEPT_CONTEXTS: Final = 64


class TlsContext:
    """A context, and what must live as long as it does."""

    def __init__(self, method: int, *, psk: bool, certificates: bool) -> None:
        self.context = SSL.Context(method)
        self.context.set_min_proto_version(SSL.TLS1_2_VERSION)
        self.context.set_mode(SSL.MODE_RELEASE_BUFFERS)
        self.context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION)
        ciphers = [CERTIFICATE_CIPHERS] * certificates + [PSK_CIPHERS] * psk
        self.context.set_cipher_list(b":".join(ciphers) + _CCM8)
        if psk:
            self.context.set_tls13_ciphersuites(PSK_SUITES)
        self.context.set_info_callback(_on_info)
        self._clock: Callable[[], datetime] | None = None
        self._store: crypto.X509Store | None = None
        self._kept: list[object] = []

    def verify(self, trust: TrustStore | None, mode: int) -> None:
        """Verify the peer by a trust store; without one, no certificate is taken."""
        self.context.set_verify(mode, _on_verify)
        self.context.set_verify_depth(CHAIN_MAX)
        store = self.context.get_cert_store()
        if trust is not None and store is not None:
            for anchor in trust.anchors:
                store.add_cert(crypto.X509.from_cryptography(anchor))
            store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
            self._store, self._clock = store, trust.clock

    def show(self, identity: Identity) -> None:
        """Show an identity on every connection."""
        self.context.use_certificate(identity.chain[0])
        self.context.use_privatekey(identity.key)
        for certificate in identity.chain[1:]:
            self.context.add_extra_chain_cert(certificate)

    def keep(self, value: object) -> None:
        """Keep something alive for as long as this context."""
        self._kept.append(value)

    def connection(self, state: TlsState) -> SSL.Connection:
        """A new connection over memory, whose callbacks find ``state``."""
        if self._store is not None and self._clock is not None:
            self._store.set_time(self._clock())
        connection = SSL.Connection(self.context, None)
        connection.set_app_data(state)
        return connection


_clients: dict[object, TlsContext] = {}


def client_context(trust: TrustStore | None, *, psk: bool) -> TlsContext:
    """The context of all clients with this trust store, with pre-shared keys or without."""
    key = (None if trust is None else (trust.anchors, trust.clock), psk)
    context = _clients.get(key)
    if context is None:
        context = TlsContext(SSL.TLS_CLIENT_METHOD, psk=psk, certificates=trust is not None)
        context.verify(trust, SSL.VERIFY_PEER)
        openssl.use_groups(context.context, GROUPS)
        if psk:
            context.keep(openssl.use_client_psk(context.context, _client_psk))
        if len(_clients) >= _KEPT_CONTEXTS:
            del _clients[next(iter(_clients))]
        _clients[key] = context
    return context


@cache
def established_context() -> TlsContext:
    """The context of clients whose handshake is over: it has no identity, and they let go of theirs by coming to it."""
    return TlsContext(SSL.TLS_CLIENT_METHOD, psk=False, certificates=True)


def server_context(credentials: ServerCredentials, protocols: Sequence[bytes] = ()) -> TlsContext:
    """The context of a server; of the ``protocols`` that a client offers by ALPN it takes the first that it has.

    A client that offers others, or nothing, is served all the same: many clients of CoAP know no ALPN.
    """
    certificates = credentials.identity is not None
    context = TlsContext(SSL.TLS_SERVER_METHOD, psk=credentials.psks is not None, certificates=certificates)
    if credentials.identity is not None:
        context.show(credentials.identity)
    asked = credentials.trust is not None
    context.verify(credentials.trust, SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT if asked else SSL.VERIFY_NONE)
    context.context.set_session_id(b"lwm2m-fleet")
    if protocols:
        context.context.set_alpn_select_callback(partial(_choose, tuple(protocols)))
    psks = credentials.psks
    if psks is not None:

        def key(connection: SSL.Connection, identity: bytes) -> bytes | None:
            found = psks.key(identity)
            state = state_of(connection)
            if state is not None:
                if found is None:
                    state.cause = f"unknown PSK identity {identity[:128]!r}"
                state.psk_identity = identity
            return found

        context.keep(openssl.use_server_psk(context.context, key))
    return context


def _choose(mine: tuple[bytes, ...], _connection: SSL.Connection, offered: list[bytes]) -> Any:
    return next((protocol for protocol in mine if protocol in offered), SSL.NO_OVERLAPPING_PROTOCOLS)


def _client_psk(connection: SSL.Connection) -> tuple[bytes, bytes] | None:
    state = state_of(connection)
    psk = None if state is None else state.psk
    if state is None or psk is None:
        return None
    state.psk_identity = psk.identity
    return psk.identity, psk.key


def _on_verify(connection: SSL.Connection, certificate: crypto.X509, error: int, _depth: int, ok: int) -> bool:
    state = state_of(connection)
    if not ok and state is not None:
        state.refuse(error, certificate)
    return bool(ok)


def _on_info(connection: SSL.Connection, where: int, value: int) -> None:
    if where == SSL.SSL_CB_READ_ALERT:
        state = state_of(connection)
        if state is not None:
            state.alert = value & 0xFF
