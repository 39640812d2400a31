"""One DTLS connection to one peer, without I/O: datagrams and the time in, datagrams, data and a deadline out.

Before it is established a connection owns a handshake; afterwards nothing but two sets of record keys, so that
thousands of idle connections cost little.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from math import inf
from typing import Final

from simulator.security.credentials import Peer
from simulator.security.failures import (
    CLOSE_NOTIFY,
    AlertError,
    ConnectionClosedError,
    HandshakeFailedError,
    SecurityError,
    alert_text,
)
from simulator.transport.dtls_causes import silence, told
from simulator.transport.dtls_flight import HEADS, Item, Sender
from simulator.transport.dtls_handshake import Handshake, NoAnswerError, ResumableSession, State
from simulator.transport.dtls_owner import ConnectionOwner, Status
from simulator.transport.dtls_suites import RecordKeys
from simulator.transport.dtls_wire import (
    ALERT,
    APPLICATION_DATA,
    FINISHED,
    HANDSHAKE,
    PLAINTEXT_MAX,
    RECORD_HEADER,
    Record,
    records,
)

EARLY_MAX: Final = 4
"""Protected records that are kept until there are keys for them: they overtook the handshake."""
RESENDS_MAX: Final = 16
"""How often the last flight is sent again for a peer that asks for it."""
FATAL: Final = 2
WARNING: Final = 1
_DATA_HEAD: Final = HEADS[APPLICATION_DATA]
_DATA: Final = bytes([APPLICATION_DATA])
_NO_FLIGHT: Final[tuple[Item, ...]] = ()


class Connection:
    """One connection.

    Args:
        sender: sends its records.
        handshake: not yet begun; ``begun`` is called once it is.
        owner: is told of all that happens.
        arm: takes this object and the time at which ``expire`` is to be called.
        name: of the peer, for errors.

    Attributes:
        discarded: records that were not the peer's, not whole, or not new.
    """

    __slots__ = (
        "_arm",
        "_early",
        "_handshake",
        "_last_flight",
        "_name",
        "_owner",
        "_read",
        "_resends",
        "_sender",
        "client_random",
        "discarded",
        "heard_at",
        "peer",
        "resumed",
        "session",
        "status",
    )

    def __init__(
        self,
        sender: Sender,
        handshake: Handshake,
        owner: ConnectionOwner,
        arm: Callable[[Connection, float], None],
        name: object,
    ) -> None:
        self._sender = sender
        self._handshake: Handshake | None = handshake
        self._owner = owner
        self._arm = arm
        self._name = name
        self._read: RecordKeys | None = None
        self._early: list[Record] = []
        self._last_flight: Sequence[Item] = _NO_FLIGHT
        self._resends = 0
        self.client_random = b""
        self.status = Status.HANDSHAKE
        self.peer = Peer()
        self.session: ResumableSession | None = None
        self.resumed = False
        self.discarded = 0
        self.heard_at = -inf
        """When the peer last said something that was its own."""

    # -- data ------------------------------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Send one datagram of the layer above, of at most 16,384 bytes; nothing where it is not established.

        Raises:
            OSError: it is too long (EMSGSIZE).
        """
        if len(data) > PLAINTEXT_MAX:
            raise OSError(errno.EMSGSIZE, f"a DTLS record holds at most {PLAINTEXT_MAX} bytes, not {len(data)}")
        if self.status is Status.ESTABLISHED:
            keys = self._sender.keys
            assert keys is not None
            self._sender.transmit(keys.seal(_DATA_HEAD, data))

    def receive(self, datagram: bytes, now: float) -> None:
        """Take one datagram from the peer. Nothing that it may hold raises."""
        if (
            datagram[:1] == _DATA
            and self.status is Status.ESTABLISHED
            and int.from_bytes(datagram[11:13], "big") + RECORD_HEADER == len(datagram)
        ):
            # Nearly all datagrams are this one. What is wrong with its header does not pass the authentication.
            self._take_data(datagram, now)
            return
        for record in records(datagram):
            if self.status is Status.CLOSED:
                return
            try:
                if record.epoch == 0:
                    self._take_plain(record, now)
                elif record.epoch == 1:
                    self._take_protected(record, now)
            except AlertError as error:
                self.refuse(error)

    def _take_data(self, record: bytes, now: float) -> None:
        keys = self._read
        assert keys is not None
        data = keys.open(record)
        if data is None:
            self.discarded += 1
            return
        self.heard_at = now
        self._last_flight = _NO_FLIGHT
        self._owner.on_data(data)

    # -- records ---------------------------------------------------------------------------------------------------

    def _take_plain(self, record: Record, now: float) -> None:
        """A record of epoch 0; once there are keys for more, anyone could have sent it."""
        handshake = self._handshake
        if handshake is None:
            self.discarded += 1
        elif record.content_type == HANDSHAKE:
            handshake.receive(record.raw[RECORD_HEADER:], 0, now)
            self._follow(handshake, now)
        elif record.content_type == ALERT:
            self._take_alert(record.raw[RECORD_HEADER:])

    def _take_protected(self, record: Record, now: float) -> None:
        keys = self._read
        if keys is None:
            if len(self._early) < EARLY_MAX:
                self._early.append(record)
            return
        data = keys.open(record.raw)
        if data is None:
            self.discarded += 1
            if self._handshake is not None and record.content_type == HANDSHAKE:
                self._handshake.unreadable(self.discarded)
            return
        self.heard_at = now
        if record.content_type == APPLICATION_DATA:
            # Before the peer's Finished nobody knows whether it is the peer's.
            if self.status is Status.ESTABLISHED:
                self._last_flight = _NO_FLIGHT
                self._owner.on_data(data)
        elif record.content_type == ALERT:
            self._take_alert(data)
        elif record.content_type == HANDSHAKE:
            self._take_handshake(data, now)

    def _take_handshake(self, data: bytes, now: float) -> None:
        handshake = self._handshake
        if handshake is not None:
            handshake.receive(data, 1, now)
            self._follow(handshake, now)
        elif self._last_flight and data[:1] == bytes([FINISHED]) and self._resends < RESENDS_MAX:
            # The peer has not seen the end (RFC 6347 §4.2.4). A renegotiation is not offered and finds no answer.
            self._resends += 1
            self._sender.flight(self._last_flight)

    def _take_alert(self, data: bytes) -> None:
        if len(data) != 2:
            self.discarded += 1
            return
        level, alert = data
        if level != FATAL and alert != CLOSE_NOTIFY:
            return
        if self._handshake is not None:
            self._end(HandshakeFailedError(told(self._handshake, alert), self._name))
            return
        if alert == CLOSE_NOTIFY:
            self._alert(WARNING, CLOSE_NOTIFY)
        cause = f"closed by the peer: {alert_text(alert)}"
        self._end(ConnectionClosedError(cause, self._name, orderly=alert == CLOSE_NOTIFY))

    # -- progress --------------------------------------------------------------------------------------------------

    def begun(self, now: float) -> None:
        """The handshake has sent its first flight."""
        self.heard_at = now
        assert self._handshake is not None
        self.client_random = self._handshake.client_random
        self._follow(self._handshake, now)

    def _follow(self, handshake: Handshake, now: float) -> None:
        """Do what the handshake has made possible."""
        if handshake.state is State.DONE:
            self._establish(handshake)
            return
        if handshake.keys is not None and self._read is None:
            self._read = handshake.keys.server if handshake.client else handshake.keys.client
            early, self._early = self._early, []
            for record in early:
                if self.status is Status.HANDSHAKE:
                    self._take_protected(record, now)
        if self._handshake is not None:
            self._arm(self, handshake.deadline)

    def _establish(self, handshake: Handshake) -> None:
        self._handshake = None
        self._last_flight = handshake.last_flight
        self.peer = handshake.peer
        self.session = handshake.session
        self.resumed = handshake.resumed
        self.status = Status.ESTABLISHED
        self._owner.on_established()

    def refuse(self, refusal: AlertError) -> None:
        """What came cannot be accepted: tell the peer, and end."""
        self._alert(FATAL, refusal.alert)
        error = HandshakeFailedError if self._handshake is not None else ConnectionClosedError
        self._end(error(refusal.cause, self._name))

    def _alert(self, level: int, alert: int) -> None:
        self._sender.send(ALERT, bytes([level, alert]), 0 if self._sender.keys is None else 1)

    def _end(self, error: SecurityError) -> None:
        self._forget()
        self._owner.on_ended(error)

    # -- time and end ----------------------------------------------------------------------------------------------

    @property
    def waits_for(self) -> str:
        """What the handshake has had no answer to so far, in words; empty where none is under way."""
        return "" if self._handshake is None else silence(self._handshake, self.discarded)

    @property
    def deadline(self) -> float:
        """When ``expire`` has to be called next; infinity for never."""
        return inf if self._handshake is None else self._handshake.deadline

    def expire(self, now: float) -> None:
        """Send again what has got no answer, or give up."""
        if self._handshake is None:
            return
        try:
            self._handshake.expire(now)
        except NoAnswerError:
            self._end(HandshakeFailedError(self.waits_for, self._name, number=errno.ETIMEDOUT))

    def unreachable(self, error: OSError) -> bool:
        """The network tells of an error; True where that ends the handshake."""
        if self._handshake is None:
            return False
        self._end(HandshakeFailedError(str(error), self._name, number=error.errno or errno.ECONNREFUSED))
        return True

    def close(self) -> None:
        """End it on this side; the peer is told (close notify)."""
        if self.status is not Status.CLOSED:
            self._alert(WARNING, CLOSE_NOTIFY)
        self._forget()

    def _forget(self) -> None:
        self.status = Status.CLOSED
        self._handshake = None
        self._last_flight = _NO_FLIGHT
        self._early = []
