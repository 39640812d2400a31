"""DTLS 1.2 as a layer between a device and a datagram port: a port above, a receiver below."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from simulator.security.credentials import Peer
from simulator.security.failures import HandshakeFailedError, SecurityError
from simulator.transport.dtls_client import ClientHandshake
from simulator.transport.dtls_connection import Connection
from simulator.transport.dtls_flight import Sender
from simulator.transport.dtls_handshake import DEFAULT_TIMERS, HandshakeTimers, ResumableSession
from simulator.transport.dtls_owner import Status

if TYPE_CHECKING:
    from simulator.ports import Address, DatagramPort, DatagramReceiver, Network
    from simulator.security.credentials import Credentials
    from simulator.transport.deadlines import Deadlines

MTU: Final = 1232
"""Payload of the longest datagram of a handshake: what IPv6 carries everywhere, without its header and that of UDP."""
WAITING_MAX: Final = 16
"""Datagrams that wait for the end of a handshake; further ones are lost, as on a slow network."""


class DtlsPort:
    """A ``DatagramPort`` to one peer, protected by DTLS.

    The handshake begins when the port is opened. What is sent meanwhile waits, a repetition of it once. When a
    handshake has failed, or the peer has ended the connection, the receiver gets the ``SecurityError``, and the next
    ``send`` begins a new handshake: a device that tries again, with whatever back-off it has, needs nothing else.

    Attributes:
        handshakes: begun so far.
        wire_in, wire_out: bytes of datagrams that came and went, handshakes included.
    """

    __slots__ = (
        "_connection",
        "_credentials",
        "_deadlines",
        "_done",
        "_entropy",
        "_keylog",
        "_mtu",
        "_now",
        "_port",
        "_receiver",
        "_remote",
        "_session",
        "_timers",
        "_waiting",
        "handshakes",
        "wire_in",
        "wire_out",
    )

    def __init__(
        self,
        remote: Address,
        receiver: DatagramReceiver,
        credentials: Credentials,
        deadlines: Deadlines,
        now: Callable[[], float],
        *,
        timers: HandshakeTimers = DEFAULT_TIMERS,
        mtu: int = MTU,
        entropy: Callable[[int], bytes] = os.urandom,
        session: ResumableSession | None = None,
        keylog: Callable[[bytes, bytes], None] | None = None,
    ) -> None:
        self._remote = remote
        self._receiver = receiver
        self._credentials = credentials
        self._deadlines = deadlines
        self._now = now
        self._timers = timers
        self._mtu = mtu
        self._entropy = entropy
        self._session = session
        self._keylog = keylog
        self._port: DatagramPort | None = None
        self._connection: Connection | None = None
        self._waiting: list[bytes] = []
        self._done: asyncio.Future[None] | None = None
        self.handshakes = self.wire_in = self.wire_out = 0

    def attach(self, port: DatagramPort) -> None:
        """Send through this port from now on, and begin the handshake."""
        self._port = port
        self._begin()

    # -- the port above --------------------------------------------------------------------------------------------

    @property
    def local(self) -> Address:
        """The address that the peer sees (without NAT)."""
        assert self._port is not None
        return self._port.local

    @property
    def session(self) -> ResumableSession | None:
        """What to come back with, over another port or after a reboot; None where the server gave none."""
        return self._session

    @property
    def peer(self) -> Peer | None:
        """Who the peer has shown to be; None while there is no connection."""
        connection = self._connection
        return connection.peer if connection is not None and connection.status is Status.ESTABLISHED else None

    @property
    def resumed(self) -> bool:
        """Whether the connection took up an earlier session."""
        return self._connection is not None and self._connection.resumed

    @property
    def discarded(self) -> int:
        """Records of this connection that were not the peer's, not whole, or not new."""
        return self._connection.discarded if self._connection is not None else 0

    @property
    def waits_for(self) -> str:
        """What the handshake under way has had no answer to so far, in words; empty where there is none."""
        return self._connection.waits_for if self._connection is not None else ""

    def send(self, data: bytes, _peer: Address | None = None, /) -> None:
        """Send one datagram, as soon as there is a connection."""
        connection = self._connection
        if connection is not None and connection.status is Status.ESTABLISHED:
            try:
                connection.send(data)
            except OSError as error:
                self._receiver.on_datagram_error(error)
        elif self._port is not None:
            if len(self._waiting) < WAITING_MAX and data not in self._waiting:
                self._waiting.append(data)
            if connection is None:
                self._begin()

    def close(self) -> None:
        """Tell the peer (close notify), and give the port back."""
        self._waiting.clear()
        self._leave()
        port, self._port = self._port, None
        if port is not None:
            port.close()
        self._tell_waiter(HandshakeFailedError("the port was closed", self._remote))

    def reconnect(self) -> None:
        """Leave the connection as it is, without a word, and begin anew: the peer seems to know it no longer."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._deadlines.disarm(connection)
        if self._port is not None:
            self._begin()

    async def established(self) -> None:
        """Wait for the end of the handshake that is under way.

        Raises:
            HandshakeFailedError: it failed, or there is none.
        """
        connection = self._connection
        if connection is None:
            raise HandshakeFailedError("no handshake is under way", self._remote)
        if connection.status is not Status.ESTABLISHED:
            if self._done is None:
                self._done = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._done)

    # -- the receiver below ----------------------------------------------------------------------------------------

    def on_datagram(self, data: bytes, peer: Address) -> None:  # noqa: ARG002  the port is connected to it
        """Take a datagram of the peer."""
        self.wire_in += len(data)
        if self._connection is not None:
            self._connection.receive(data, self._now())

    def on_datagram_error(self, error: OSError) -> None:
        """What the network tells ends a handshake; a connection that stands is not told, but the receiver is."""
        if self._connection is None or not self._connection.unreachable(error):
            self._receiver.on_datagram_error(error)

    # -- the connection --------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        sender = Sender(self._send, self._mtu)
        handshake = ClientHandshake(sender, self._entropy, self._timers, self._credentials, self._session)
        handshake.keylog = self._keylog
        self.handshakes += 1
        self._connection = Connection(sender, handshake, self, self._deadlines.arm, self._remote)
        now = self._now()
        handshake.start(now)
        self._connection.begun(now)

    def _send(self, data: bytes) -> None:
        if self._port is not None:
            self.wire_out += len(data)
            self._port.send(data)

    def _leave(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._deadlines.disarm(connection)
            connection.close()

    def on_established(self) -> None:
        """Send what has waited."""
        connection = self._connection
        assert connection is not None
        self._deadlines.disarm(connection)
        self._session = connection.session
        waiting, self._waiting = self._waiting, []
        self._tell_waiter(None)
        for data in waiting:
            self.send(data)

    def on_data(self, data: bytes) -> None:
        """Hand a datagram up."""
        self._receiver.on_datagram(data, self._remote)

    def on_ended(self, error: SecurityError) -> None:
        """Tell the receiver why."""
        self._deadlines.disarm(self._connection)
        self._connection = None
        self._waiting.clear()
        if isinstance(error, HandshakeFailedError):
            self._session = None  # the next one is a full handshake
        self._tell_waiter(error)
        self._receiver.on_datagram_error(error)

    def _tell_waiter(self, error: SecurityError | None) -> None:
        done, self._done = self._done, None
        if done is None or done.done():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
            done.exception()  # whoever waited may have given up


async def open_dtls(
    network: Network,
    remote: Address,
    receiver: DatagramReceiver,
    credentials: Credentials,
    deadlines: Deadlines,
    now: Callable[[], float],
    *,
    local: Address | None = None,
    timers: HandshakeTimers = DEFAULT_TIMERS,
    mtu: int = MTU,
    entropy: Callable[[int], bytes] = os.urandom,
    session: ResumableSession | None = None,
    keylog: Callable[[bytes, bytes], None] | None = None,
) -> DtlsPort:
    """A DTLS port connected to ``remote``; its handshake is under way, and ``established`` waits for its end.

    Args:
        credentials: a PSK, or a trust store with or without an identity.
        timers: when a flight is sent again.
        mtu: payload of the longest datagram of a handshake, in bytes.
        entropy: random bytes; a run in virtual time that is to be repeated gives those of its seed.
        session: what to come back with.
        keylog: told client random and master secret of each connection, for decrypting a capture.

    Raises:
        HandshakeFailedError: the credentials have neither a PSK nor a trust store.
        OSError: no local port is free, or the address cannot be used.
    """
    if not credentials.usable:
        raise HandshakeFailedError("no credential for DTLS: a PSK or a trust store is needed", remote)
    layer = DtlsPort(
        remote,
        receiver,
        credentials,
        deadlines,
        now,
        timers=timers,
        mtu=mtu,
        entropy=entropy,
        session=session,
        keylog=keylog,
    )
    layer.attach(await network.open_datagram(remote, layer, local=local))
    return layer
