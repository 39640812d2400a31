"""A stream port under TLS 1.2 or 1.3: a port above, a receiver below."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Final

from simulator.security.failures import ConnectionClosedError, HandshakeFailedError, SecurityError
from simulator.transport.tls_connection import TlsConnection

if TYPE_CHECKING:
    from OpenSSL import SSL

    from simulator.ports import Address, StreamPort, StreamReceiver
    from simulator.security.credentials import Peer
    from simulator.transport.deadlines import Deadlines

HANDSHAKE_TIMEOUT_S: Final = 30.0

Established = Callable[["TlsPort"], "StreamReceiver"]
Failed = Callable[[OSError], None]


class TlsPort:
    """A ``StreamPort`` under TLS.

    Args:
        connection: not yet begun.
        established: called when the handshake is over; gives what stands above.
        failed: called instead where it fails.
        deadline: of the handshake.

    Attributes:
        wire_in, wire_out: bytes of the stream below, handshake included.
    """

    __slots__ = (
        "_connection",
        "_deadlines",
        "_eof_told",
        "_established",
        "_failed",
        "_held",
        "_lost",
        "_paused",
        "_port",
        "_pumping",
        "_receiver",
        "_shrunk",
        "deadline",
        "wire_in",
        "wire_out",
    )

    def __init__(
        self,
        connection: TlsConnection,
        established: Established,
        failed: Failed,
        deadlines: Deadlines,
        deadline: float,
    ) -> None:
        self._connection = connection
        self._established: Established | None = established
        self._failed: Failed | None = failed
        self._deadlines = deadlines
        self._port: StreamPort | None = None
        self._receiver: StreamReceiver | None = None
        self._held: list[bytes] = []
        """What came while the port was paused, as it came."""
        self._paused = self._pumping = self._lost = self._eof_told = self._shrunk = False
        self.deadline = deadline
        self.wire_in = self.wire_out = 0

    def attach(self, port: StreamPort) -> None:
        """Begin the handshake over this port."""
        if self._lost:
            port.close()  # it was lost before anybody knew of it
            return
        self._port = port
        self._deadlines.arm(self, self.deadline)
        self._shake()

    # -- the port above --------------------------------------------------------------------------------------------

    @property
    def local(self) -> Address:
        """The address that the peer sees (without NAT)."""
        assert self._port is not None
        return self._port.local

    @property
    def peer(self) -> Peer:
        """Who the other side has shown to be."""
        return self._connection.peer

    @property
    def protocol(self) -> bytes:
        """What both sides agreed on by ALPN; empty for nothing."""
        return self._connection.protocol

    @property
    def session(self) -> SSL.Session | None:
        """What to come back with; in TLS 1.3 there is one only after the first data has come."""
        return self._connection.session

    @property
    def resumed(self) -> bool:
        """Whether an earlier session was taken up."""
        return self._connection.resumed

    @property
    def version(self) -> str:
        """``TLSv1.2`` or ``TLSv1.3``."""
        return self._connection.version

    def write(self, data: bytes) -> None:
        """Send bytes; nothing on a closed connection."""
        if self._port is None or self._lost or not data:
            return
        try:
            self._connection.write(data)
        except SecurityError as error:
            self._break(error)
        self._flush()

    def pause(self) -> None:
        """Take no more bytes from the peer."""
        self._paused = True
        if self._port is not None:
            self._port.pause()

    def resume(self) -> None:
        """Take bytes again, from the next turn of the loop on."""
        if self._paused:
            self._paused = False
            asyncio.get_running_loop().call_soon(self._go_on)

    def close(self) -> None:
        """Tell the peer (close notify), and close after what was written is sent."""
        port, self._port = self._port, None
        if port is not None and not self._lost:
            self._connection.shutdown()
            self._send(port)
            port.close()

    def abort(self) -> None:
        """Close at once, with a reset."""
        port, self._port = self._port, None
        if port is not None:
            port.abort()

    # -- the receiver below ----------------------------------------------------------------------------------------

    def on_data(self, data: bytes) -> None:
        """Take bytes of the network."""
        self.wire_in += len(data)
        if self._port is None or self._lost:
            return
        if self._paused or self._held:
            self._held.append(data)
        else:
            self._take(data)

    def _take(self, data: bytes) -> None:
        self._connection.incoming(data)
        if self._connection.established:
            self._pump()
        else:
            self._shake()

    def on_eof(self) -> None:
        """The stream below has ended; without a close notify, something may be missing (RFC 5246 §7.2.1)."""
        if not self._connection.ended:
            self._break(ConnectionClosedError("the connection was cut off: no close notify came"))

    def on_lost(self, error: OSError | None) -> None:
        """The stream below is gone."""
        port, self._port = self._port, None
        if self._failed is not None:
            lost = error or ConnectionClosedError("the connection was closed")
            cause = f"closed by the peer: {lost.strerror or lost}" if port is not None else "the port was closed"
            self._fail(HandshakeFailedError(cause, number=lost.errno or errno.ECONNRESET))
        elif not self._lost:
            self._lost = True
            if self._receiver is not None:
                self._receiver.on_lost(error)

    # -- the handshake ---------------------------------------------------------------------------------------------

    def _shake(self) -> None:
        try:
            over = self._connection.shake()
        except HandshakeFailedError as error:
            self._flush()  # the alert
            self._fail(error)
            return
        self._flush()
        if over:
            self._deadlines.disarm(self)
            self.deadline = inf
            established, self._established, self._failed = self._established, None, None
            assert established is not None
            self._receiver = established(self)
            self._pump()

    def expire(self, now: float) -> None:
        """Give up a handshake that takes too long."""
        if self._failed is not None and now >= self.deadline:
            self._fail(HandshakeFailedError("no answer to the TLS handshake", number=errno.ETIMEDOUT))

    def _fail(self, error: OSError) -> None:
        self._deadlines.disarm(self)
        self.deadline = inf
        failed, self._failed = self._failed, None
        self._lost = True
        port, self._port = self._port, None
        if port is not None:
            port.close()
        if failed is not None:
            failed(error)

    # -- data ------------------------------------------------------------------------------------------------------

    def _go_on(self) -> None:
        port = self._port
        while self._held and self._takes():
            self._take(self._held.pop(0))
        if self._takes():
            self._pump()
        if port is not None and self._takes():
            port.resume()

    def _takes(self) -> bool:
        """Whether data can be handed up."""
        return not (self._paused or self._lost or self._port is None)

    def _pump(self) -> None:
        """Hand up what can be read, as long as it is taken."""
        if self._pumping:
            return
        self._pumping = True
        some = False
        try:
            while self._takes():
                data = self._connection.read()
                if not data:
                    break
                some = True
                assert self._receiver is not None
                self._receiver.on_data(data)
        except SecurityError as error:
            self._break(error)
        finally:
            self._pumping = False
        self._flush()
        if some and not self._shrunk:
            # With the first data, all that belongs to the handshake has come: tickets, too.
            self._shrunk = True
            self._connection.shrink()
        if self._connection.ended and not (self._eof_told or self._lost) and self._receiver is not None:
            self._eof_told = True
            self._receiver.on_eof()

    def _flush(self) -> None:
        if self._port is not None:
            self._send(self._port)

    def _send(self, port: StreamPort) -> None:
        data = self._connection.outgoing()
        if data:
            self.wire_out += len(data)
            port.write(data)

    def _break(self, error: SecurityError) -> None:
        """The connection cannot go on."""
        if self._failed is not None:
            self._fail(HandshakeFailedError(error.cause))
            return
        if self._lost:
            return
        self._flush()
        self._lost = True
        port, self._port = self._port, None
        if port is not None:
            port.close()
        if self._receiver is not None:
            self._receiver.on_lost(error)
