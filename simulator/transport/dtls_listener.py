"""A DTLS server on one open datagram port: a ``DatagramPort`` to many peers above, a receiver below.

A peer costs nothing before it has shown, by a cookie, that it receives at the address that it sends from (RFC 6347
§4.2.1). What it costs afterwards is bounded in number and in time.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from simulator.ports import Address
from simulator.security.credentials import Peer
from simulator.security.failures import AlertError, ConnectionClosedError, HandshakeFailedError, SecurityError
from simulator.transport.dtls import MTU
from simulator.transport.dtls_connection import Connection
from simulator.transport.dtls_flight import Sender
from simulator.transport.dtls_handshake import DEFAULT_TIMERS, HandshakeTimers
from simulator.transport.dtls_hello_verify import Door, Offer, looks_like_hello, read_offer
from simulator.transport.dtls_limits import ListenerCounts, ListenerLimits
from simulator.transport.dtls_owner import Status
from simulator.transport.dtls_server import ServerHandshake, SessionCache

if TYPE_CHECKING:
    from simulator.ports import DatagramPort, DatagramReceiver, Network
    from simulator.security.credentials import ServerCredentials
    from simulator.transport.deadlines import Deadlines


class _Session:
    """The connection of one peer, and what the listener has to know when it speaks."""

    __slots__ = ("connection", "listener", "peer")

    connection: Connection

    def __init__(self, listener: DtlsListener, peer: Address) -> None:
        self.listener = listener
        self.peer = peer

    def on_established(self) -> None:
        self.listener.established(self)

    def on_data(self, data: bytes) -> None:
        self.listener.receiver.on_datagram(data, self.peer)

    def on_ended(self, error: SecurityError) -> None:
        self.listener.ended(self, error)


class DtlsListener:
    """A ``DatagramPort`` open to every peer that has credentials.

    What is sent to a peer without a connection is lost. Errors go to ``on_datagram_error`` of the receiver as
    ``SecurityError`` with the peer's address; a peer that closes in order (close notify) is counted only.
    """

    def __init__(
        self,
        receiver: DatagramReceiver,
        credentials: ServerCredentials,
        deadlines: Deadlines,
        now: Callable[[], float],
        *,
        timers: HandshakeTimers = DEFAULT_TIMERS,
        mtu: int = MTU,
        entropy: Callable[[int], bytes] = os.urandom,
        limits: ListenerLimits | None = None,
    ) -> None:
        self.receiver = receiver
        self.limits = limits or ListenerLimits()
        self.counts = ListenerCounts()
        self._credentials = credentials
        self._deadlines = deadlines
        self._now = now
        self._timers = timers
        self._mtu = mtu
        self._entropy = entropy
        self._door = Door(entropy(32))
        self._cache = SessionCache(self.limits.resumable)
        self._sessions: dict[tuple[str, int], _Session] = {}
        self._handshakes = 0
        self._port: DatagramPort | None = None
        self.deadline = now() + self.limits.idle_s / 2

    def __len__(self) -> int:
        return len(self._sessions)

    def attach(self, port: DatagramPort) -> None:
        """Serve this port from now on."""
        self._port = port
        self._deadlines.arm(self, self.deadline)

    # -- the port above --------------------------------------------------------------------------------------------

    @property
    def local(self) -> Address:
        """Where peers find this listener."""
        assert self._port is not None
        return self._port.local

    def send(self, data: bytes, peer: Address | None = None, /) -> None:
        """Send one datagram to a peer that has a connection.

        Raises:
            ValueError: no peer is given.
        """
        if peer is None:
            msg = "a DTLS listener is connected to nobody, so a datagram needs a peer"
            raise ValueError(msg)
        session = self._sessions.get(peer)
        if session is not None:
            try:
                session.connection.send(data)
            except OSError as error:
                self.receiver.on_datagram_error(error)

    def peer(self, address: tuple[str, int]) -> Peer | None:
        """Who has shown to be at an address; None where there is no connection."""
        session = self._sessions.get(address)
        if session is None or session.connection.status is not Status.ESTABLISHED:
            return None
        return session.connection.peer

    def drop(self, address: tuple[str, int]) -> None:
        """Close the connection of one peer."""
        session = self._sessions.get(address)
        if session is not None:
            self._remove(session)
            session.connection.close()

    def close(self) -> None:
        """Close all connections (close notify), and give the port back."""
        for address in list(self._sessions):
            self.drop(address)
        self._deadlines.disarm(self)
        port, self._port = self._port, None
        if port is not None:
            port.close()

    # -- the receiver below ----------------------------------------------------------------------------------------

    def on_datagram(self, data: bytes, peer: Address) -> None:
        """Take one datagram; nothing that it may hold raises."""
        session = self._sessions.get(peer)
        # A ClientHello under way or repeated is told from a new one by its random bytes.
        if looks_like_hello(data):
            session = self._on_hello(data, peer, session)
        if session is not None:
            session.connection.receive(data, self._now())

    def on_datagram_error(self, error: OSError) -> None:
        """An ICMP error on an open port does not say whose it is; time-outs find out."""

    def _on_hello(self, data: bytes, peer: Address, session: _Session | None) -> _Session | None:
        """Answer a ClientHello; gives the session to which a repetition belongs."""
        assert self._port is not None
        try:
            offer = read_offer(data)
        except AlertError:
            self.counts.malformed += 1
            return session
        if session is not None and session.connection.client_random == offer.hello.random:
            return session
        if not self._door.admits(peer, offer.hello):
            self._port.send(self._door.challenge(peer, offer), peer)
        elif self._has_room(session):
            if session is not None:
                self._remove(session)
            self._accept(offer, Address(*peer[:2]))
        return None

    def _has_room(self, session: _Session | None) -> bool:
        room = (session is not None or len(self._sessions) < self.limits.sessions) and (
            self._handshakes < self.limits.handshakes
        )
        self.counts.refused += not room
        return room

    def _accept(self, offer: Offer, peer: Address) -> None:
        assert self._port is not None
        send = self._port.send
        sender = Sender(lambda data: send(data, peer), self._mtu, offer.record_sequence)
        handshake = ServerHandshake(sender, self._entropy, self._timers, self._credentials, self._cache)
        session = _Session(self, peer)
        session.connection = Connection(sender, handshake, session, self._deadlines.arm, peer)
        self._sessions[peer] = session
        self._handshakes += 1
        now = self._now()
        try:
            handshake.start(offer.hello, offer.body, offer.sequence, now)
        except AlertError as error:
            session.connection.refuse(error)
        else:
            session.connection.begun(now)

    # -- sessions --------------------------------------------------------------------------------------------------

    def established(self, session: _Session) -> None:
        """A handshake has come to its end."""
        connection = session.connection
        self._deadlines.disarm(connection)
        self._handshakes -= 1
        self.counts.established += 1
        self.counts.resumed += connection.resumed
        if connection.session is not None:
            self._cache.add(connection.session)

    def ended(self, session: _Session, error: SecurityError) -> None:
        """A connection is over."""
        failed = isinstance(error, HandshakeFailedError)
        self.counts.failed += failed
        self._forget(session, in_handshake=failed)
        if isinstance(error, ConnectionClosedError) and error.orderly:
            self.counts.closed += 1
        else:
            self.receiver.on_datagram_error(error)

    def _forget(self, session: _Session, *, in_handshake: bool) -> None:
        self._deadlines.disarm(session.connection)
        self._handshakes -= in_handshake
        if self._sessions.get(session.peer) is session:
            del self._sessions[session.peer]

    def _remove(self, session: _Session) -> None:
        self._forget(session, in_handshake=session.connection.status is Status.HANDSHAKE)

    def expire(self, now: float) -> None:
        """Close what has been idle for too long."""
        if now < self.deadline:
            return
        self.deadline = now + self.limits.idle_s / 2
        limit = now - self.limits.idle_s
        for address, session in list(self._sessions.items()):
            if session.connection.status is Status.ESTABLISHED and session.connection.heard_at <= limit:
                self.counts.idle += 1
                self.drop(address)


async def bind_dtls(
    network: Network,
    local: Address,
    receiver: DatagramReceiver,
    credentials: ServerCredentials,
    deadlines: Deadlines,
    now: Callable[[], float],
    *,
    timers: HandshakeTimers = DEFAULT_TIMERS,
    mtu: int = MTU,
    entropy: Callable[[int], bytes] = os.urandom,
    limits: ListenerLimits | None = None,
) -> DtlsListener:
    """A DTLS server on ``local``; port 0 takes a free one.

    Raises:
        ValueError: the credentials have neither keys nor an identity.
        OSError: the port is taken.
    """
    if not credentials.usable:
        raise ValueError("a DTLS server needs keys of its clients (psks) or an identity")
    listener = DtlsListener(
        receiver, credentials, deadlines, now, timers=timers, mtu=mtu, entropy=entropy, limits=limits
    )
    listener.attach(await network.bind_datagram(local, listener))
    return listener
