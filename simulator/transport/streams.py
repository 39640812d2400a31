"""TCP connections as stream ports, over asyncio's own transports."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Final, cast

from simulator.ports import Address

if TYPE_CHECKING:
    from simulator.ports import Accept, StreamReceiver

_LINGER_ZERO: Final = b"\x01\x00\x00\x00\x00\x00\x00\x00"
"""``struct linger``: on, 0 s. Closing then sends RST and drops what was not sent."""


class SocketStreamPort:
    """One TCP connection."""

    __slots__ = ("_transport", "local")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.local = Address(*transport.get_extra_info("sockname")[:2])

    def write(self, data: bytes) -> None:
        """Send bytes; nothing on a closed connection."""
        if not self._transport.is_closing():
            self._transport.write(data)

    def pause(self) -> None:
        """Take no more bytes from the peer."""
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Take bytes again."""
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def close(self) -> None:
        """Close after what was written is sent."""
        self._transport.close()

    def abort(self) -> None:
        """Close at once, with a reset."""
        sock = self._transport.get_extra_info("socket")
        if sock is not None and not self._transport.is_closing():
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        self._transport.abort()


class StreamProtocol(asyncio.Protocol):
    """Hands what asyncio tells to the receiver that ``accept`` gives for the new connection."""

    def __init__(self, accept: Accept) -> None:
        self._accept = accept
        self._receiver: StreamReceiver | None = None
        self.port: SocketStreamPort | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        sock = transport.get_extra_info("socket")
        if sock is not None:
            # A peer that is gone already shows by connection_lost.
            with suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port = SocketStreamPort(cast("asyncio.Transport", transport))
        peer = transport.get_extra_info("peername") or ("", 0)
        self._receiver = self._accept(self.port, Address(*peer[:2]))

    def data_received(self, data: bytes) -> None:
        """The next bytes."""
        if self._receiver is not None:
            self._receiver.on_data(data)

    def eof_received(self) -> bool:
        """The peer will send no more; this side stays open until it is closed."""
        if self._receiver is not None:
            self._receiver.on_eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.on_lost(exc if isinstance(exc, OSError) else None)


class SocketListener:
    """A listening TCP socket."""

    __slots__ = ("_server", "local")

    def __init__(self, server: asyncio.Server) -> None:
        self._server = server
        self.local = Address(*server.sockets[0].getsockname()[:2])

    def close(self) -> None:
        """Accept no more; connections that stand go on."""
        self._server.close()
