"""What both sides of a DTLS handshake have in common: transcript, flights, their repetition, and the keys.

A side is a table: by state, which messages may come and what takes them. A message that is not in the table ends the
handshake. Time comes in with each call, and ``deadline`` says when ``expire`` is to be called; no clock is known here,
so that the same handshake runs over sockets and in virtual time.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from math import inf
from typing import ClassVar, Final

from simulator.security.credentials import Peer
from simulator.security.failures import DECRYPT_ERROR, UNEXPECTED_MESSAGE, AlertError
from simulator.transport.dtls_flight import Item, Message, Reassembly, Sender
from simulator.transport.dtls_suites import SessionKeys, Suite, master_secret, session_keys, verify_data
from simulator.transport.dtls_wire import CHANGE_CIPHER_SPEC, FINISHED, HANDSHAKE, fragments, handshake_message


@dataclass(frozen=True, slots=True)
class HandshakeTimers:
    """When a flight is sent again (RFC 6347 §4.2.4.1); RFC 7925 §11 asks for 9 s at first on slow networks."""

    initial_s: float = 1.0
    maximum_s: float = 60.0
    retransmissions: int = 5
    """How often one flight is sent again; after the next time-out the handshake has failed."""

    def __post_init__(self) -> None:
        if not (0 < self.initial_s <= self.maximum_s and self.retransmissions >= 0):
            msg = f"handshake timers need 0 < initial <= maximum and retransmissions >= 0, not {self}"
            raise ValueError(msg)

    @property
    def gives_up_s(self) -> float:
        """After so many seconds without an answer to one flight, the handshake has failed."""
        return sum(min(self.initial_s * 2.0**n, self.maximum_s) for n in range(self.retransmissions + 1))


DEFAULT_TIMERS: Final = HandshakeTimers()


@dataclass(frozen=True, slots=True)
class ResumableSession:
    """What both sides keep to come back without a full handshake (RFC 5246 §7.3)."""

    session_id: bytes = field(repr=False)
    master: bytes = field(repr=False)
    suite: int
    extended: bool
    """Whether it has the extended master secret; a session comes back the same way only (RFC 7627 §5.3)."""
    peer: Peer


class NoAnswerError(Exception):
    """The last flight was sent as often as the timers allow."""


class State(Enum):
    """What a side waits for; the value says it in words."""

    HELLO = "an answer to ClientHello"
    HELLO_AGAIN = "an answer to ClientHello with cookie"
    CERTIFICATE = "Certificate"
    SERVER_KEY = "ServerKeyExchange"
    REQUEST = "CertificateRequest or ServerHelloDone"
    SERVER_DONE = "ServerHelloDone"
    CLIENT_KEY = "ClientKeyExchange"
    CERTIFICATE_VERIFY = "CertificateVerify"
    FINISHED = "an answer to Finished"
    CLIENT_FINISHED = "Finished"
    DONE = "nothing"


Table = Mapping[State, Mapping[int, str]]
"""By state and kind of message, the name of the method that takes its body."""


class Handshake:
    """One side of one handshake.

    Attributes:
        keys: of epoch 1, as soon as they are agreed.
        last_flight: what this side must send again where the peer has not got it; empty where the peer spoke last.
    """

    client: ClassVar[bool]
    table: ClassVar[Table]

    def __init__(self, sender: Sender, entropy: Callable[[int], bytes], timers: HandshakeTimers) -> None:
        self._sender = sender
        self._entropy = entropy
        self._timers = timers
        self._reassembly = Reassembly()
        self._transcript = bytearray()
        self._before = 0
        """Length of the transcript before the message that is being taken."""
        self._send_sequence = 0
        self._flight: list[Item] = []
        self._timeout = timers.initial_s
        self._attempt = 0
        self._now = self._sent_at = -inf
        """The time of the call that is being served, and of the last transmission."""
        self.deadline = inf
        self.state = State.HELLO
        self.suite: Suite
        self.client_random = self.server_random = b""
        self.session_id = b""
        self.extended = False
        self.resumed = False
        self.peer = Peer()
        self._master = b""
        self.keylog: Callable[[bytes, bytes], None] | None = None
        """Told client random and master secret, where the user has asked for them."""
        self.keys: SessionKeys | None = None
        self.last_flight: list[Item] = []
        self.retransmissions = 0

    # -- messages in -----------------------------------------------------------------------------------------------

    def receive(self, payload: bytes, epoch: int, now: float) -> None:
        """Take what a handshake record holds.

        Raises:
            AlertError: it is not what can be accepted now.
        """
        self._now = now
        repeated = False
        for fragment in fragments(payload):
            repeated = self._reassembly.add(fragment, epoch) or repeated
            while self.state is not State.DONE and (message := self._reassembly.pop()) is not None:
                self._take(message)
        # Both sides have timers, so a flight that crosses with its repetition needs no answer.
        if repeated and self._flight and now - self._sent_at >= self._timers.initial_s / 2:
            self._send_again()

    def _take(self, message: Message) -> None:
        name = self.table[self.state].get(message.kind)
        if name is None or (message.kind == FINISHED) != (message.epoch == 1):
            msg = f"unexpected handshake message {message.kind} instead of {self.state.value}"
            raise AlertError(UNEXPECTED_MESSAGE, msg)
        self._before = len(self._transcript)
        self._transcript += handshake_message(message.kind, message.sequence, message.body)
        getattr(self, name)(message.body)

    def unreadable(self, count: int) -> None:
        """A protected record could not be decrypted, the ``count``-th one; by default it is discarded.

        Raises:
            AlertError: it shows that the handshake cannot come to its end.
        """

    def _hash(self, size: int | None = None) -> bytes:
        return hashlib.sha256(self._transcript if size is None else self._transcript[:size]).digest()

    # -- flights out -----------------------------------------------------------------------------------------------

    def _begin_flight(self) -> None:
        self._flight = []

    def _add(self, kind: int, body: bytes, epoch: int = 0) -> None:
        message = handshake_message(kind, self._send_sequence, body)
        self._send_sequence += 1
        self._transcript += message
        self._flight.append(Item(epoch, HANDSHAKE, message))

    def _add_finished(self) -> None:
        """ChangeCipherSpec, and Finished as the first message under the new keys."""
        assert self.keys is not None
        self._sender.keys = self.keys.client if self.client else self.keys.server
        self._flight.append(Item(0, CHANGE_CIPHER_SPEC, b"\x01"))
        self._add(FINISHED, verify_data(self._master, client=self.client, transcript_hash=self._hash()), 1)

    def _send_flight(self) -> None:
        self._timeout = self._timers.initial_s
        self._attempt = 0
        self._transmit()

    def _transmit(self) -> None:
        self._sent_at = self._now
        self.deadline = self._now + self._timeout
        self._sender.flight(self._flight)

    def _send_again(self) -> None:
        self.retransmissions += 1
        self._transmit()

    def expire(self, now: float) -> None:
        """Send the flight again where its time has come.

        Raises:
            NoAnswerError: it was sent often enough.
        """
        if now < self.deadline:
            return
        if self._attempt >= self._timers.retransmissions:
            raise NoAnswerError
        self._now = now
        self._attempt += 1
        self._timeout = min(2 * self._timeout, self._timers.maximum_s)
        self._send_again()

    # -- keys ------------------------------------------------------------------------------------------------------

    def _agree(self, premaster: bytes) -> None:
        """Derive the keys of a full handshake; ClientKeyExchange is the last message of the transcript."""
        session_hash = self._hash() if self.extended else None
        self._use(master_secret(premaster, self.client_random, self.server_random, session_hash))

    def _use(self, master: bytes) -> None:
        self._master = master
        self.keys = session_keys(self.suite, master, self.client_random, self.server_random)
        if self.keylog is not None:
            self.keylog(self.client_random, master)

    def _check_finished(self, body: bytes) -> None:
        wanted = verify_data(self._master, client=not self.client, transcript_hash=self._hash(self._before))
        if not hmac.compare_digest(wanted, body):
            raise AlertError(DECRYPT_ERROR, "the peer's Finished is wrong: the two sides saw different handshakes")

    def _done(self, *, spoke_last: bool) -> None:
        if spoke_last:
            self.last_flight = self._flight
        self._flight = []
        self.state = State.DONE
        self.deadline = inf

    @property
    def session(self) -> ResumableSession | None:
        """What to come back with; None where the server gave no session ID."""
        if not self.session_id:
            return None
        return ResumableSession(self.session_id, self._master, self.suite.number, self.extended, self.peer)
