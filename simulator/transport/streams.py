"""TCP connections as stream ports, over asyncio's own transports."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Final, cast

from simulator.ports import UNSENT_MAX, Address, unread

if TYPE_CHECKING:
    from simulator.ports import Accept, StreamReceiver

READ_MAX: Final = 1 << 16
"""Bytes that are read at once. More, and the allocator gives each piece back to the kernel, to fault it in anew."""
_LINGER_ZERO: Final = b"\x01\x00\x00\x00\x00\x00\x00\x00"
"""``struct linger``: on, 0 s. Closing then sends RST and drops what was not sent."""


class SocketStreamPort:
    """One TCP connection."""

    __slots__ = ("_protocol", "_transport", "local", "paused")

    def __init__(self, transport: asyncio.Transport, protocol: StreamProtocol) -> None:
        self._transport = transport
        self._protocol = protocol
        self.local = Address(*transport.get_extra_info("sockname")[:2])
        self.paused = False

    def write(self, data: bytes) -> None:
        """Send bytes; nothing on a closed connection."""
        transport = self._transport
        if transport.is_closing():
            return
        if transport.get_write_buffer_size() > UNSENT_MAX:
            self._protocol.error = unread(self.local)
            self.abort()
        else:
            transport.write(data)

    def pause(self) -> None:
        """Take no more bytes from the peer."""
        self.paused = True
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Take bytes again, from the next turn of the loop on."""
        if self.paused:
            self.paused = False
            asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        self._protocol.hand_over()
        if not (self.paused or self._transport.is_closing()):
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


def read_buffer() -> memoryview:
    """Room for what is read at once."""
    return memoryview(bytearray(READ_MAX))


class StreamProtocol(asyncio.BufferedProtocol):
    """Hands what asyncio tells to the receiver that ``accept`` gives for the new connection.

    What comes though the port is paused is held back: uvloop starts to read after ``connection_made``, whatever that
    has asked for.

    Args:
        accept: gives the receiver.
        buffer: what is read goes here first; one for all connections of a loop will do. By default one of its own.
    """

    __slots__ = ("_accept", "_buffer", "_eof_held", "_held", "_receiver", "error", "port")

    def __init__(self, accept: Accept, buffer: memoryview | None = None) -> None:
        self._accept = accept
        self._buffer = read_buffer() if buffer is None else buffer
        self._receiver: StreamReceiver | None = None
        self._held: list[bytes] = []
        self._eof_held = False
        self.port: SocketStreamPort | None = None
        self.error: OSError | None = None
        """Why this side reset the connection, where nothing above it asked for that."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        sock = transport.get_extra_info("socket")
        if sock is not None:
            # A peer that is gone already shows by connection_lost.
            with suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port = SocketStreamPort(cast("asyncio.Transport", transport), self)
        peer = transport.get_extra_info("peername") or ("", 0)
        self._receiver = self._accept(self.port, Address(*peer[:2]))

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  the sizes of asyncio's hints are its own
        """Where the next bytes go."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """The next bytes are there."""
        self.take(self._buffer[:nbytes].tobytes())

    def take(self, data: bytes) -> None:
        """The next bytes."""
        port, receiver = self.port, self._receiver
        if port is None or receiver is None:
            return
        if port.paused:
            port.pause()  # this time the transport hears it
            self._held.append(data)
        elif self._held:
            self._held.append(data)
        else:
            receiver.on_data(data)

    def eof_received(self) -> bool:
        """The peer will send no more; this side stays open until it is closed."""
        if self._held or (self.port is not None and self.port.paused):
            self._eof_held = True
        elif self._receiver is not None:
            self._receiver.on_eof()
        return True

    def hand_over(self) -> None:
        """Hand on what was held back, unless the port is paused again."""
        port = self.port
        assert port is not None
        while self._held and not port.paused and self._receiver is not None:
            self._receiver.on_data(self._held.pop(0))
        if self._eof_held and not (self._held or port.paused) and self._receiver is not None:
            self._eof_held = False
            self._receiver.on_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.on_lost(exc if isinstance(exc, OSError) else self.error)


class SocketListener:
    """A listening TCP socket."""

    __slots__ = ("_server", "local")

    def __init__(self, server: asyncio.Server) -> None:
        self._server = server
        self.local = Address(*server.sockets[0].getsockname()[:2])

    def close(self) -> None:
        """Accept no more; connections that stand go on."""
        self._server.close()
