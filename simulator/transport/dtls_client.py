"""The client side of a DTLS 1.2 handshake: PSK (RFC 4279), ECDHE with ECDSA (RFC 8422), and coming back (RFC 5246)."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Final

from simulator.security.credentials import Peer
from simulator.security.failures import DECODE_ERROR, HANDSHAKE_FAILURE, AlertError
from simulator.security.verify import SERVER, parse_chain, verify_chain
from simulator.transport import dtls_hello as hello
from simulator.transport import dtls_key_exchange as exchange
from simulator.transport.dtls_flight import Sender
from simulator.transport.dtls_handshake import Handshake, HandshakeTimers, ResumableSession, State, Table
from simulator.transport.dtls_suites import SUITES, psk_premaster
from simulator.transport.dtls_wire import (
    CERTIFICATE,
    CERTIFICATE_REQUEST,
    CERTIFICATE_VERIFY,
    CLIENT_HELLO,
    CLIENT_KEY_EXCHANGE,
    FINISHED,
    HELLO_VERIFY_REQUEST,
    NEW_SESSION_TICKET,
    SERVER_HELLO,
    SERVER_HELLO_DONE,
    SERVER_KEY_EXCHANGE,
    Reader,
    vector,
)

if TYPE_CHECKING:
    from cryptography import x509

    from simulator.security.credentials import Credentials

CHALLENGES_MAX: Final = 3
"""A server that was started anew in between asks twice."""

_TABLE: Final[Table] = {
    State.HELLO: {HELLO_VERIFY_REQUEST: "on_hello_verify", SERVER_HELLO: "on_server_hello"},
    State.HELLO_AGAIN: {HELLO_VERIFY_REQUEST: "on_hello_verify", SERVER_HELLO: "on_server_hello"},
    State.CERTIFICATE: {CERTIFICATE: "on_certificate"},
    State.SERVER_KEY: {SERVER_KEY_EXCHANGE: "on_server_key"},
    State.REQUEST: {
        SERVER_KEY_EXCHANGE: "on_psk_hint",
        CERTIFICATE_REQUEST: "on_certificate_request",
        SERVER_HELLO_DONE: "on_server_done",
    },
    State.SERVER_DONE: {SERVER_HELLO_DONE: "on_server_done"},
    State.FINISHED: {NEW_SESSION_TICKET: "on_ticket", FINISHED: "on_finished"},
    State.DONE: {},
}


class ClientHandshake(Handshake):
    """A client's handshake with the credentials that it has.

    Args:
        session: what to come back with; the server may want a full handshake all the same.
    """

    client = True
    table: ClassVar[Table] = _TABLE

    def __init__(
        self,
        sender: Sender,
        entropy: Callable[[int], bytes],
        timers: HandshakeTimers,
        credentials: Credentials,
        session: ResumableSession | None = None,
    ) -> None:
        super().__init__(sender, entropy, timers)
        self._credentials = credentials
        self._offered = session
        self._requested = False
        self._challenges = 0
        self._certificate: x509.Certificate | None = None
        self._point = b""
        self.client_random = entropy(hello.RANDOM_SIZE)
        wanted = [suite.number for suite in SUITES.values() if self._can(psk=suite.psk)]
        self._hello = hello.ClientHello(
            self.client_random,
            (*wanted, hello.SCSV),
            session.session_id if session is not None else b"",
            extensions=self._extensions(),
        )

    def _can(self, *, psk: bool) -> bool:
        return (self._credentials.psk if psk else self._credentials.trust) is not None

    def _extensions(self) -> dict[int, bytes]:
        extensions = {hello.EXTENDED_MASTER_SECRET: b""}
        if self._can(psk=False):
            extensions[hello.SUPPORTED_GROUPS] = hello.number_list(hello.SECP256R1, hello.SECP384R1)
            extensions[hello.EC_POINT_FORMATS] = hello.UNCOMPRESSED
            signatures = hello.number_list(*hello.SIGNATURES, *hello.CHAIN_SIGNATURES)
            extensions[hello.SIGNATURE_ALGORITHMS] = signatures
        if is_host_name(self._credentials.server_name):
            extensions[hello.SERVER_NAME] = hello.encode_server_name(self._credentials.server_name)
        return extensions

    def start(self, now: float) -> None:
        """Send ClientHello."""
        self._now = now
        self._say_hello()

    def _say_hello(self) -> None:
        self._transcript.clear()
        self._begin_flight()
        self._add(CLIENT_HELLO, self._hello.encode())
        self._send_flight()

    # -- what comes ------------------------------------------------------------------------------------------------

    def on_hello_verify(self, body: bytes) -> None:
        """Say hello again, with the server's cookie. What came before it is not part of the transcript."""
        self._challenges += 1
        if self._challenges > CHALLENGES_MAX:
            raise AlertError(HANDSHAKE_FAILURE, f"the server did not take its own cookie {CHALLENGES_MAX} times")
        self._hello.cookie = hello.decode_hello_verify(body)
        self.state = State.HELLO_AGAIN
        self._say_hello()

    def on_server_hello(self, body: bytes) -> None:
        """Take what the server has chosen."""
        answer = hello.decode_server_hello(body)
        suite = SUITES.get(answer.suite)
        if suite is None or suite.number not in self._hello.suites:
            raise AlertError(HANDSHAKE_FAILURE, f"the server chose a cipher suite ({answer.suite:#06x}) not offered")
        self.suite = suite
        self.server_random = answer.random
        self.session_id = answer.session_id
        self.extended = hello.EXTENDED_MASTER_SECRET in answer.extensions
        offered = self._offered
        if offered is not None and offered.session_id == answer.session_id:
            self._come_back(offered)
        else:
            self.state = State.REQUEST if suite.psk else State.CERTIFICATE

    def _come_back(self, session: ResumableSession) -> None:
        if session.suite != self.suite.number or session.extended != self.extended:
            raise AlertError(HANDSHAKE_FAILURE, "the server takes up a session in another way than it was made")
        self.resumed = True
        self.peer = session.peer
        self._use(session.master)
        self._begin_flight()
        self.state = State.FINISHED

    def on_certificate(self, body: bytes) -> None:
        """Judge the server's certificate."""
        trust = self._credentials.trust
        assert trust is not None
        chain = parse_chain(exchange.decode_certificates(body))
        subject = verify_chain(chain, trust, SERVER, self._credentials.server_name)
        self._certificate = chain[0]
        self.peer = Peer(subject=subject)
        self.state = State.SERVER_KEY

    def on_server_key(self, body: bytes) -> None:
        """Take the server's half of ECDHE, signed by the key of its certificate."""
        assert self._certificate is not None
        key = exchange.decode_server_key(body)
        signed = self.client_random + self.server_random + key.parameters
        exchange.check_signature(self._certificate, key.algorithm, key.signature, signed)
        self._point = key.point
        self.state = State.REQUEST

    def on_psk_hint(self, body: bytes) -> None:
        """A hint which identity to use (RFC 4279 §5.2); a device has just one."""
        if not self.suite.psk:
            raise AlertError(DECODE_ERROR, "malformed handshake: a second ServerKeyExchange")
        reader = Reader(body)
        reader.vector(2)
        reader.end()
        self.state = State.SERVER_DONE

    def on_certificate_request(self, _body: bytes) -> None:
        """The server wants to see a certificate."""
        if self.suite.psk:
            raise AlertError(HANDSHAKE_FAILURE, "the server asks for a certificate after a PSK")
        self._requested = True
        self.state = State.SERVER_DONE

    def on_server_done(self, _body: bytes) -> None:
        """Answer with all that this side has to show."""
        identity = self._credentials.identity if self._requested else None
        self._begin_flight()
        if self._requested:
            self._add(CERTIFICATE, exchange.encode_certificates(identity.der if identity is not None else ()))
        self._agree(self._exchange_keys())
        if identity is not None:
            self._add(CERTIFICATE_VERIFY, exchange.sign(identity.key, bytes(self._transcript)))
        self._add_finished()
        self.state = State.FINISHED
        self._send_flight()

    def _exchange_keys(self) -> bytes:
        """Send ClientKeyExchange; gives the premaster secret."""
        if self.suite.psk:
            psk = self._credentials.psk
            assert psk is not None
            self.peer = Peer(psk_identity=psk.identity)
            self._add(CLIENT_KEY_EXCHANGE, vector(psk.identity, 2))
            return psk_premaster(psk.key)
        key = exchange.new_key(self._entropy)
        premaster = exchange.shared_secret(key, self._point)
        self._add(CLIENT_KEY_EXCHANGE, vector(exchange.public_point(key), 1))
        return premaster

    def on_ticket(self, _body: bytes) -> None:
        """A ticket that was not asked for (RFC 5077); it is of no use here."""

    def on_finished(self, body: bytes) -> None:
        """The end of a full handshake; in one that comes back, the server speaks first."""
        self._check_finished(body)
        if self.resumed:
            self._begin_flight()
            self._add_finished()
            self._sender.flight(self._flight)
        self._done(spoke_last=self.resumed)

    @property
    def asked_for_missing_certificate(self) -> bool:
        """Whether the server wanted a certificate where there is none."""
        return self._requested and self._credentials.identity is None


def is_host_name(name: str) -> bool:
    """Whether it goes into SNI: not empty, and no address (RFC 6066 §3)."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return bool(name)
    return False
