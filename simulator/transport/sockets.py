"""The two byte ports over real sockets.

The port of a device is a bare connected socket (``connected``). A port that is open to every peer goes by the loop's
datagram transport, which reads in bulk.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, cast

from simulator.ports import Address
from simulator.transport.connected import ConnectedPort
from simulator.transport.poller import Poller
from simulator.transport.sharing import bind_shared, shared_stream
from simulator.transport.sources import SourceAddresses, family, named
from simulator.transport.streams import SocketListener, SocketStreamPort, StreamProtocol, read_buffer

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.ports import Accept, DatagramPort, DatagramReceiver, StreamReceiver

BOUND_DATAGRAM_MAX: Final = 65_536
"""The standard loop allocates so much per datagram of an open port; 256 KiB if it is not told."""
SERVER_BUFFER: Final = 8 << 20
"""What the socket of a server asks for, in bytes: a whole fleet may speak within a millisecond."""
BACKLOG: Final = 4096
CONNECT_TIMEOUT_S: Final = 30.0
_FORCE: Final = {socket.SO_RCVBUF: 33, socket.SO_SNDBUF: 32}
"""SO_RCVBUFFORCE and SO_SNDBUFFORCE of Linux, which Python does not name."""


class _DatagramProtocol:
    """What asyncio calls of an open port."""

    def __init__(self, receiver: DatagramReceiver) -> None:
        self._receiver = receiver

    def datagram_received(self, data: bytes, peer: tuple[str, int]) -> None:
        """Hand a datagram on, with the address as everything above knows it."""
        self._receiver.on_datagram(data, Address(peer[0], peer[1]))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Nothing to do: the port is made by whoever opened it."""

    def connection_lost(self, error: Exception | None) -> None:
        """The port was closed on this side."""

    def error_received(self, error: Exception) -> None:
        """Pass on what the kernel tells, such as an ICMP port unreachable or a datagram that is too long.

        A datagram for which it had no room (ENOBUFS) is a lost one, and no news of the peer.
        """
        if isinstance(error, OSError) and error.errno != errno.ENOBUFS:
            self._receiver.on_datagram_error(error)

    def pause_writing(self) -> None:
        """UDP has no flow control; what the kernel has no room for is lost, and retransmission makes it good."""

    def resume_writing(self) -> None:
        """See ``pause_writing``."""


class SocketDatagramPort:
    """One open UDP socket. Whoever keeps its ``send`` must stop calling it after ``close``: uvloop logs that."""

    __slots__ = ("_transport", "local", "send")

    def __init__(self, transport: asyncio.DatagramTransport) -> None:
        self._transport: asyncio.DatagramTransport | None = transport
        self.local = Address(*transport.get_extra_info("sockname")[:2])
        # The standard loop's ``sendto`` raises after ``close``; uvloop's does not.
        self.send: Callable[..., None] = self._send_if_open if _is_standard(transport) else transport.sendto

    def _send_if_open(self, data: bytes, peer: Address | None = None, /) -> None:
        if self._transport is not None:
            self._transport.sendto(data, peer)

    def close(self) -> None:
        """Give the port back."""
        transport, self._transport = self._transport, None
        if transport is not None:
            self.send = _send_nothing
            transport.close()


def _is_standard(transport: asyncio.DatagramTransport) -> bool:
    """Whether the transport is one of the standard library's loop."""
    return hasattr(transport, "max_size")


def _send_nothing(_data: bytes, _peer: Address | None = None, /) -> None:
    """``send`` of a closed port."""


class SocketNetwork:
    """``simulator.ports.Network`` over the sockets of this machine.

    Args:
        loop: uvloop or the standard one.
        sources: local addresses for datagram ports towards loopback.
        shared: whether other processes of the same user may serve the ports that this one binds or listens on, too.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, sources: SourceAddresses | None = None, *, shared: bool = False
    ) -> None:
        self._loop = loop
        self._shared = shared
        self._sources = sources or SourceAddresses()
        self._poller = Poller(loop)
        self._read_buffer = read_buffer()

    async def open_datagram(
        self, remote: Address, receiver: DatagramReceiver, *, local: Address | None = None
    ) -> DatagramPort:
        """A UDP socket connected to ``remote``; to loopback from the first 127.0.0.x that has a free port.

        Raises:
            OSError: no local port is free, or the address cannot be used; the text names it.
        """
        sock, release = self._sources.connect(remote, local)
        try:
            return ConnectedPort(self._loop, self._poller, sock, receiver, remote, release)
        except BaseException:
            sock.close()
            release()
            raise

    async def bind_datagram(self, local: Address, receiver: DatagramReceiver) -> DatagramPort:
        """A UDP socket open to every peer, with buffers for bursts.

        Raises:
            OSError: the port is taken; the text names it.
        """
        sock = socket.socket(family(local), socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                _enlarge(sock, option)
            if self._shared:
                bind_shared(sock, local)
            else:
                sock.bind((local.host, local.port))
        except OSError as error:
            sock.close()
            raise named(error, f"UDP {local}") from error
        try:
            transport, _ = await self._loop.create_datagram_endpoint(
                lambda: cast("asyncio.DatagramProtocol", _DatagramProtocol(receiver)), sock=sock
            )
        except BaseException:
            sock.close()
            raise
        if _is_standard(transport):
            cast("Any", transport).max_size = BOUND_DATAGRAM_MAX
        return cast("DatagramPort", SocketDatagramPort(transport))

    async def open_stream(
        self, remote: Address, receiver: StreamReceiver, *, local: Address | None = None
    ) -> SocketStreamPort:
        """A TCP connection to ``remote``.

        Raises:
            OSError: refused, unreachable, or not answered within 30 s; the text names the peer.
        """
        bound = None if local is None else (local.host, local.port)
        protocol = StreamProtocol(lambda _port, _peer: receiver, self._read_buffer)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self._loop.create_connection(lambda: protocol, remote.host, remote.port, local_addr=bound)
        except TimeoutError as error:
            msg = f"TCP to {remote}: no answer within {CONNECT_TIMEOUT_S:g} s"
            raise OSError(errno.ETIMEDOUT, msg) from error
        except OSError as error:
            raise named(error, f"TCP to {remote}") from error
        assert protocol.port is not None
        return protocol.port

    async def listen_stream(self, local: Address, accept: Accept) -> SocketListener:
        """Accept TCP connections on ``local``.

        Raises:
            OSError: the port is taken; the text names it.
        """

        def protocol() -> StreamProtocol:
            return StreamProtocol(accept, self._read_buffer)

        try:
            if self._shared:
                sock = shared_stream(local, family(local))
                server = await self._loop.create_server(protocol, sock=sock, backlog=BACKLOG)
            else:
                server = await self._loop.create_server(protocol, local.host, local.port, backlog=BACKLOG)
        except OSError as error:
            raise named(error, f"TCP {local}") from error
        return SocketListener(server)


def _enlarge(sock: socket.socket, option: int) -> None:
    """Above the system's limit where that is allowed, else up to it."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, _FORCE[option], SERVER_BUFFER)
    except OSError:
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, option, SERVER_BUFFER)
