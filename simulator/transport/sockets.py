"""The two byte ports over real sockets.

On the way of a datagram there is no call of ours that does nothing but call the next: the protocol object carries the
receiver's own ``on_datagram`` as its ``datagram_received``, and ``send`` of a connected port is the transport's
``sendto``.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, cast

from simulator.ports import Address
from simulator.transport.sources import SourceAddresses

if TYPE_CHECKING:
    from simulator.ports import Accept, DatagramPort, DatagramReceiver, StreamReceiver

DATAGRAM_MAX: Final = 2048
"""The standard loop allocates this much per datagram; 256 KiB if it is not told."""
SERVER_BUFFER: Final = 8 << 20
SO_RCVBUFFORCE: Final = 33
CONNECT_TIMEOUT_S: Final = 30.0


class _DatagramProtocol:
    """What asyncio calls; ``datagram_received`` and ``error_received`` are the receiver's own methods."""

    def __init__(self, receiver: DatagramReceiver) -> None:
        self.datagram_received = receiver.on_datagram
        self._receiver = receiver

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Nothing to do: the port is made by whoever opened it."""

    def connection_lost(self, error: Exception | None) -> None:
        """The port was closed on this side."""

    def error_received(self, error: Exception) -> None:
        """Pass on what the kernel tells, such as an ICMP port unreachable."""
        if isinstance(error, OSError):
            self._receiver.on_datagram_error(error)

    def pause_writing(self) -> None:
        """UDP has no flow control; what the kernel has no room for is lost, and retransmission makes it good."""

    def resume_writing(self) -> None:
        """See ``pause_writing``."""


class SocketDatagramPort:
    """One UDP socket."""

    __slots__ = ("_transport", "local", "send")

    def __init__(self, transport: asyncio.DatagramTransport) -> None:
        self._transport = transport
        self.local = Address(*transport.get_extra_info("sockname")[:2])
        self.send = transport.sendto

    def close(self) -> None:
        """Give the port back."""
        self.send = _send_nothing  # type: ignore[assignment]
        self._transport.close()


def _send_nothing(_data: bytes, _peer: Address | None = None, /) -> None:
    """``send`` of a closed port."""


class SocketNetwork:
    """``simulator.ports.Network`` over the sockets of this machine.

    Args:
        loop: uvloop or the standard one.
        sources: local addresses for datagram ports towards loopback.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, sources: SourceAddresses | None = None) -> None:
        self._loop = loop
        self._sources = sources or SourceAddresses()

    async def open_datagram(
        self, remote: Address, receiver: DatagramReceiver, *, local: Address | None = None
    ) -> DatagramPort:
        """A UDP socket connected to ``remote``; to loopback from the first 127.0.0.x that has a free port.

        Raises:
            OSError: no local port is free, or the address cannot be used.
        """
        sock = self._sources.connect(remote, local)
        return await self._port(sock, receiver)

    async def bind_datagram(self, local: Address, receiver: DatagramReceiver) -> DatagramPort:
        """A UDP socket open to every peer, with a receive buffer for bursts.

        Raises:
            OSError: the port is taken; the text names it.
        """
        family = socket.AF_INET6 if ":" in local.host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            _enlarge_buffer(sock)
            sock.bind((local.host, local.port))
        except OSError as error:
            sock.close()
            raise _named(error, f"UDP {local}") from error
        return await self._port(sock, receiver)

    async def _port(self, sock: socket.socket, receiver: DatagramReceiver) -> DatagramPort:
        transport, _ = await self._loop.create_datagram_endpoint(
            lambda: cast("asyncio.DatagramProtocol", _DatagramProtocol(receiver)), sock=sock
        )
        with suppress(AttributeError):
            cast("Any", transport).max_size = DATAGRAM_MAX
        return cast("DatagramPort", SocketDatagramPort(transport))

    async def open_stream(
        self, remote: Address, receiver: StreamReceiver, *, local: Address | None = None
    ) -> SocketStreamPort:
        """A TCP connection to ``remote``.

        Raises:
            OSError: refused, unreachable, or not answered within 30 s.
        """
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                _, protocol = await self._loop.create_connection(
                    lambda: _StreamProtocol(lambda _port, _peer: receiver),
                    remote.host,
                    remote.port,
                    local_addr=None if local is None else (local.host, local.port),
                )
        except TimeoutError as error:
            msg = f"TCP {remote}: no answer within {CONNECT_TIMEOUT_S:g} s"
            raise OSError(errno.ETIMEDOUT, msg) from error
        assert protocol.port is not None
        return protocol.port

    async def listen_stream(self, local: Address, accept: Accept) -> SocketListener:
        """Accept TCP connections on ``local``.

        Raises:
            OSError: the port is taken; the text names it.
        """
        try:
            server = await self._loop.create_server(lambda: _StreamProtocol(accept), local.host, local.port)
        except OSError as error:
            raise _named(error, f"TCP {local}") from error
        return SocketListener(server)


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
        self._transport.pause_reading()

    def resume(self) -> None:
        """Take bytes again."""
        self._transport.resume_reading()

    def close(self) -> None:
        """Close after what was written is sent."""
        self._transport.close()

    def abort(self) -> None:
        """Close at once, with a reset (SO_LINGER 0)."""
        sock = self._transport.get_extra_info("socket")
        if sock is not None and not self._transport.is_closing():
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self._transport.abort()


class _StreamProtocol(asyncio.Protocol):
    def __init__(self, accept: Accept) -> None:
        self._accept = accept
        self._receiver: StreamReceiver | None = None
        self.port: SocketStreamPort | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port = SocketStreamPort(cast("asyncio.Transport", transport))
        self._receiver = self._accept(self.port, Address(*transport.get_extra_info("peername")[:2]))

    def data_received(self, data: bytes) -> None:
        assert self._receiver is not None
        self._receiver.on_data(data)

    def eof_received(self) -> bool:
        assert self._receiver is not None
        self._receiver.on_eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        if self._receiver is not None:
            self._receiver.on_lost(exc if isinstance(exc, OSError) else None)


class SocketListener:
    """A listening TCP socket."""

    def __init__(self, server: asyncio.Server) -> None:
        self._server = server
        self.local = Address(*server.sockets[0].getsockname()[:2])

    def close(self) -> None:
        """Accept no more."""
        self._server.close()


def _enlarge_buffer(sock: socket.socket) -> None:
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, SERVER_BUFFER)
    except OSError:
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SERVER_BUFFER)


def _named(error: OSError, what: str) -> OSError:
    return OSError(error.errno, f"{what}: {error.strerror or error}")
