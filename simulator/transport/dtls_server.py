"""The server side of a DTLS 1.2 handshake, from the ClientHello on that brings a valid cookie."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Final

from simulator.security.credentials import Peer
from simulator.security.failures import DECRYPT_ERROR, HANDSHAKE_FAILURE, UNKNOWN_PSK_IDENTITY, AlertError
from simulator.security.verify import CLIENT, parse_chain, verify_chain
from simulator.transport import dtls_hello as hello
from simulator.transport import dtls_key_exchange as exchange
from simulator.transport.dtls_flight import Reassembly, Sender
from simulator.transport.dtls_handshake import Handshake, HandshakeTimers, ResumableSession, State, Table
from simulator.transport.dtls_suites import SUITES, Suite, psk_premaster
from simulator.transport.dtls_wire import (
    CERTIFICATE,
    CERTIFICATE_REQUEST,
    CERTIFICATE_VERIFY,
    CLIENT_HELLO,
    CLIENT_KEY_EXCHANGE,
    FINISHED,
    SERVER_HELLO,
    SERVER_HELLO_DONE,
    SERVER_KEY_EXCHANGE,
    Reader,
    handshake_message,
    vector,
)

if TYPE_CHECKING:
    from cryptography import x509

    from simulator.security.credentials import ServerCredentials

SESSION_ID_SIZE: Final = 16
UNREADABLE_MAX: Final = 2
"""So many Finished messages that cannot be decrypted are no damage, but those of another key."""
KEYS_DIFFER: Final = "no Finished that can be decrypted: the keys of the two sides differ"

_TABLE: Final[Table] = {
    State.CERTIFICATE: {CERTIFICATE: "on_certificate"},
    State.CLIENT_KEY: {CLIENT_KEY_EXCHANGE: "on_client_key"},
    State.CERTIFICATE_VERIFY: {CERTIFICATE_VERIFY: "on_certificate_verify"},
    State.CLIENT_FINISHED: {FINISHED: "on_finished"},
    State.DONE: {},
}


class SessionCache:
    """The sessions that clients may come back to, the newest ``size`` of them."""

    __slots__ = ("_sessions", "_size")

    def __init__(self, size: int) -> None:
        self._size = size
        self._sessions: OrderedDict[bytes, ResumableSession] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sessions)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} sessions)"

    def add(self, session: ResumableSession) -> None:
        """Keep a session, in the place of the oldest where there are too many."""
        self._sessions[session.session_id] = session
        self._sessions.move_to_end(session.session_id)
        while len(self._sessions) > self._size:
            self._sessions.popitem(last=False)

    def get(self, session_id: bytes) -> ResumableSession | None:
        """The session of an ID."""
        return self._sessions.get(session_id)


class ServerHandshake(Handshake):
    """A server's handshake with one client.

    Args:
        cache: sessions to come back to; those of this handshake may be added by the owner.
    """

    client = False
    table: ClassVar[Table] = _TABLE

    def __init__(
        self,
        sender: Sender,
        entropy: Callable[[int], bytes],
        timers: HandshakeTimers,
        credentials: ServerCredentials,
        cache: SessionCache,
    ) -> None:
        super().__init__(sender, entropy, timers)
        self._credentials = credentials
        self._cache = cache
        self._key = exchange.new_key(entropy) if credentials.identity is not None else None
        self._certificate: x509.Certificate | None = None

    def start(self, offer: hello.ClientHello, body: bytes, sequence: int, now: float) -> None:
        """Answer a ClientHello; ``sequence`` is its message number, and the first that this side uses.

        Raises:
            AlertError: there is no cipher suite that both sides have.
        """
        self._now = now
        self._reassembly = Reassembly(sequence + 1)
        self._send_sequence = sequence
        self._transcript += handshake_message(CLIENT_HELLO, sequence, body)
        self.client_random = offer.random
        self.server_random = self._entropy(hello.RANDOM_SIZE)
        self.extended = hello.EXTENDED_MASTER_SECRET in offer.extensions
        session = self._known(offer)
        self._begin_flight()
        if session is not None:
            self._come_back(offer, session)
        else:
            self.suite = self._choose(offer)
            self.session_id = self._entropy(SESSION_ID_SIZE)
            self._answer(offer)
        self._send_flight()

    def _known(self, offer: hello.ClientHello) -> ResumableSession | None:
        session = self._cache.get(offer.session_id) if offer.session_id else None
        if session is None or session.suite not in offer.suites or session.extended != self.extended:
            return None
        return session

    def _choose(self, offer: hello.ClientHello) -> Suite:
        for number, suite in SUITES.items():
            if number in offer.suites and (self._has_keys() if suite.psk else self._can_sign_for(offer)):
                return suite
        raise AlertError(HANDSHAKE_FAILURE, "no cipher suite in common")

    def _has_keys(self) -> bool:
        return self._credentials.psks is not None

    def _can_sign_for(self, offer: hello.ClientHello) -> bool:
        identity = self._credentials.identity
        if identity is None:
            return False
        groups = _listed(offer, hello.SUPPORTED_GROUPS)
        signatures = _listed(offer, hello.SIGNATURE_ALGORITHMS)
        return (groups is None or hello.SECP256R1 in groups) and (
            signatures is None or exchange.algorithm_for(identity.key) in signatures
        )

    # -- what goes out ---------------------------------------------------------------------------------------------

    def _say_hello(self, offer: hello.ClientHello) -> None:
        extensions: dict[int, bytes] = {}
        if offer.renegotiation_info:
            extensions[hello.RENEGOTIATION_INFO] = b"\x00"
        if self.extended:
            extensions[hello.EXTENDED_MASTER_SECRET] = b""
        if not self.suite.psk and hello.EC_POINT_FORMATS in offer.extensions:
            extensions[hello.EC_POINT_FORMATS] = hello.UNCOMPRESSED
        answer = hello.ServerHello(self.server_random, self.suite.number, self.session_id, extensions)
        self._add(SERVER_HELLO, answer.encode())

    def _come_back(self, offer: hello.ClientHello, session: ResumableSession) -> None:
        self.suite = SUITES[session.suite]
        self.session_id = session.session_id
        self.resumed = True
        self.peer = session.peer
        self._say_hello(offer)
        self._use(session.master)
        self._add_finished()
        self.state = State.CLIENT_FINISHED

    def _answer(self, offer: hello.ClientHello) -> None:
        self._say_hello(offer)
        self.state = State.CLIENT_KEY
        if self.suite.psk:
            if self._credentials.psk_hint:
                self._add(SERVER_KEY_EXCHANGE, vector(self._credentials.psk_hint, 2))
        else:
            self._show_certificate()
        self._add(SERVER_HELLO_DONE, b"")

    def _show_certificate(self) -> None:
        identity, key = self._credentials.identity, self._key
        assert identity is not None
        assert key is not None
        self._add(CERTIFICATE, exchange.encode_certificates(identity.der))
        parameters = exchange.server_parameters(key)
        signature = exchange.sign(identity.key, self.client_random + self.server_random + parameters)
        self._add(SERVER_KEY_EXCHANGE, parameters + signature)
        if self._credentials.trust is not None:
            self._add(CERTIFICATE_REQUEST, exchange.encode_certificate_request())
            self.state = State.CERTIFICATE

    def unreadable(self, count: int) -> None:
        """Tell a client whose key is another one, instead of leaving it to its timers.

        RFC 6347 §4.1.2.7 lets a receiver discard what it cannot decrypt, as OpenSSL and Scandium do; RFC 4279 §2 has
        an alert for a key that differs, as tinydtls sends it. Nothing of a handshake is authenticated before its
        Finished, so whoever can send from the client's address, while the client is in a handshake for which it has
        brought the cookie, can end that by a plain alert too: the answer gives nobody more power than that. Two are
        waited for, since one may have been damaged on the way. An established connection never answers.
        """
        if count >= UNREADABLE_MAX and self.state is State.CLIENT_FINISHED and self.suite.psk and not self.resumed:
            raise AlertError(DECRYPT_ERROR, KEYS_DIFFER)

    # -- what comes in ---------------------------------------------------------------------------------------------

    def on_certificate(self, body: bytes) -> None:
        """Judge the client's certificate."""
        trust = self._credentials.trust
        assert trust is not None
        der = exchange.decode_certificates(body)
        if not der:
            raise AlertError(HANDSHAKE_FAILURE, "the client has no certificate")
        chain = parse_chain(der)
        subject = verify_chain(chain, trust, CLIENT)
        self._certificate = chain[0]
        self.peer = Peer(subject=subject)
        self.state = State.CLIENT_KEY

    def on_client_key(self, body: bytes) -> None:
        """Agree on the keys."""
        reader = Reader(body)
        share = reader.vector(2 if self.suite.psk else 1)
        reader.end()
        self._agree(self._premaster(share))
        self.state = State.CLIENT_FINISHED if self._certificate is None else State.CERTIFICATE_VERIFY

    def _premaster(self, share: bytes) -> bytes:
        if not self.suite.psk:
            assert self._key is not None
            return exchange.shared_secret(self._key, share)
        psks = self._credentials.psks
        key = None if psks is None else psks.key(share)
        if key is None:
            raise AlertError(UNKNOWN_PSK_IDENTITY, f"unknown PSK identity {share[:128]!r}")
        self.peer = Peer(psk_identity=share)
        return psk_premaster(key)

    def on_certificate_verify(self, body: bytes) -> None:
        """See that the client has the key of its certificate."""
        assert self._certificate is not None
        algorithm, signature = exchange.decode_signature(body)
        exchange.check_signature(self._certificate, algorithm, signature, bytes(self._transcript[: self._before]))
        self.state = State.CLIENT_FINISHED

    def on_finished(self, body: bytes) -> None:
        """The client's last word; in a full handshake this side has the very last."""
        self._check_finished(body)
        if not self.resumed:
            self._begin_flight()
            self._add_finished()
            self._sender.flight(self._flight)
        self._done(spoke_last=not self.resumed)


def _listed(offer: hello.ClientHello, extension: int) -> tuple[int, ...] | None:
    """The numbers that an extension lists, or None where it is missing."""
    data = offer.extensions.get(extension)
    return None if data is None else hello.numbers(Reader(data).vector(2))
