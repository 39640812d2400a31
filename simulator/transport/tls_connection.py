"""One TLS connection, without I/O: bytes of the network in and out, and data in and out (OpenSSL over memory)."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from OpenSSL import SSL

from simulator.security.credentials import Peer
from simulator.security.failures import ConnectionClosedError, HandshakeFailedError, SecurityError
from simulator.transport import openssl
from simulator.transport.tls_context import TlsContext, client_context, established_context
from simulator.transport.tls_state import TlsState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simulator.security.credentials import Credentials

PIECE: Final = 1 << 14
"""Data that a record of TLS holds."""
OUT_PIECE: Final = 1 << 16


class TlsConnection:
    """One connection.

    Args:
        context: of this side.
        state: of this connection.
        client: which side this is.
        name: of the peer, for errors.

    Attributes:
        established: whether the handshake is over.
        ended: whether the peer said that it will send no more (close notify).
    """

    __slots__ = ("_connection", "_name", "_offered", "_shows", "ended", "established", "state")

    def __init__(self, context: TlsContext, state: TlsState, *, client: bool, name: object) -> None:
        self._connection = context.connection(state)
        self._name = name
        self.state = state
        self.established = self.ended = self._offered = self._shows = False
        if client:
            self._connection.set_connect_state()
        else:
            self._connection.set_accept_state()

    @classmethod
    def client(
        cls,
        credentials: Credentials,
        name: object,
        session: SSL.Session | None = None,
        protocols: Sequence[bytes] = (),
    ) -> TlsConnection:
        """A client's connection; ``protocols`` are offered by ALPN (RFC 7301).

        Raises:
            HandshakeFailedError: the credentials have neither a PSK nor a trust store, or an impossible server name.
        """
        if not credentials.usable:
            raise HandshakeFailedError("no credential for TLS: a PSK or a trust store is needed", name)
        expected = credentials.server_name
        state = TlsState(credentials.psk, expected, trusts=credentials.trust is not None)
        self = cls(client_context(credentials.trust, psk=credentials.psk is not None), state, client=True, name=name)
        connection = self._connection
        try:
            if expected:
                openssl.expect_name(connection, expected)
                if not _is_address(expected):
                    connection.set_tlsext_host_name(expected.encode("idna"))
        except (ValueError, UnicodeError) as error:
            msg = f"server name: {error}"
            raise HandshakeFailedError(msg, name) from error
        if credentials.identity is not None:
            connection.use_certificate(credentials.identity.chain[0])
            connection.use_privatekey(credentials.identity.key)
            self._shows = True
        if protocols:
            connection.set_alpn_protos(list(protocols))
        if session is not None:
            connection.set_session(session)
            self._offered = True
        return self

    # -- handshake -------------------------------------------------------------------------------------------------

    def shake(self) -> bool:
        """Go on with the handshake; True where it is over.

        Raises:
            HandshakeFailedError: it failed; what the peer has to hear of it is in ``outgoing``.
        """
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return False
        except SSL.Error as error:
            raise HandshakeFailedError(self.state.why(_reason(error)), self._name) from error
        self.established = True
        if self._shows:
            # OpenSSL keeps a copy of certificate and key for each connection, 7 KB that nobody needs any more.
            openssl.move(self._connection, established_context().context)
        return True

    @property
    def session(self) -> SSL.Session | None:
        """What to come back with; with TLS 1.3 it comes after the handshake, with the first data."""
        return self._connection.get_session()

    @property
    def resumed(self) -> bool:
        """Whether the session that this client offered was taken up."""
        # OpenSSL counts a pre-shared key of TLS 1.3 as a session, too.
        return self._offered and openssl.session_reused(self._connection)

    @property
    def version(self) -> str:
        """``TLSv1.2`` or ``TLSv1.3``."""
        return self._connection.get_protocol_version_name()

    @property
    def protocol(self) -> bytes:
        """What both sides agreed on by ALPN; empty for nothing."""
        return self._connection.get_alpn_proto_negotiated()

    @property
    def peer(self) -> Peer:
        """Who the other side has shown to be."""
        certificate = self._connection.get_peer_certificate(as_cryptography=True)
        subject = certificate.subject.rfc4514_string() if certificate is not None else ""
        return Peer(self.state.psk_identity if certificate is None else b"", subject)

    # -- bytes and data --------------------------------------------------------------------------------------------

    def incoming(self, data: bytes) -> None:
        """Take bytes of the network."""
        if data:  # OpenSSL takes nothing for an error
            self._connection.bio_write(data)

    def outgoing(self) -> bytes:
        """The bytes that are to go to the network."""
        pieces = []
        while True:
            try:
                pieces.append(self._connection.bio_read(OUT_PIECE))
            except SSL.WantReadError:
                return b"".join(pieces)

    def read(self) -> bytes:
        """The next data, or nothing where there is none; then ``ended`` says whether there will be more.

        Raises:
            SecurityError: the connection has failed.
        """
        try:
            return self._connection.recv(PIECE)
        except SSL.WantReadError:
            return b""
        except SSL.ZeroReturnError:
            self.ended = True
            return b""
        except SSL.Error as error:
            raise self._failed(error) from error

    def write(self, data: bytes) -> None:
        """Send data.

        Raises:
            SecurityError: the connection has failed.
        """
        rest = memoryview(data)
        try:
            while rest:
                sent = self._connection.send(bytes(rest[: 1 << 20]))
                rest = rest[sent:]
        except SSL.Error as error:
            raise self._failed(error) from error

    def shrink(self) -> None:
        """Give back the memory that the handshake needed, 3 KB: bytes that wait keep it as it is."""
        openssl.renew_memory(self._connection)

    def shutdown(self) -> None:
        """Say that nothing more will come (close notify)."""
        try:
            self._connection.shutdown()
        except SSL.Error:
            return  # there is no connection that could be closed

    def _failed(self, error: SSL.Error) -> SecurityError:
        # In TLS 1.3 a client believes that it is done before the server has judged it.
        cause = self.state.why(_reason(error))
        return ConnectionClosedError(f"closed by the peer: {cause}" if self.state.alert >= 0 else cause, self._name)


def _reason(error: SSL.Error) -> str:
    """OpenSSL's own word for what happened; it never holds a key."""
    details = error.args[0] if error.args and isinstance(error.args[0], list) else []
    reasons = [str(detail[-1]) for detail in details if detail and detail[-1]]
    return ", ".join(reasons) or "the peer does not speak TLS"


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
