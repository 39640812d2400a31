"""A NAT that forgets its binding: from then on a device has another port, and what comes to the old one is lost.

Over a datagram port that is just another source address (RFC 4787 §4.3). A connection is over without being told so:
what the server sends reaches nobody, and the device's next segment is answered with a reset by a server that knows of
no such connection.
"""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING, Final

from simulator.faults.streams import Connect, OpenDatagram, StreamBetween

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.faults.triggers import Trigger
    from simulator.ports import Address, DatagramPort, DatagramReceiver, StreamPort, StreamReceiver

WAITING_MAX: Final = 16
"""Datagrams that wait for the new port; further ones are lost."""
HALF_OPEN_S: Final = 60.0
"""After this time a server learns, by a reset, of a connection that no packet belongs to any more."""


class Rebinding:
    """The NAT of one device: all its ports are asked, and one of them loses its binding.

    Args:
        trigger: asked for what comes in.
        struck: told when a binding is lost.
    """

    __slots__ = ("_struck", "_trigger")

    def __init__(self, trigger: Trigger, struck: Callable[[str], None]) -> None:
        self._trigger = trigger
        self._struck = struck

    def is_lost(self, size: int, local: Address) -> bool:
        """Whether the binding of this port is lost now, before the bytes that come in get through."""
        if not self._trigger.strikes(size):
            return False
        self._struck(f"the binding of {local} is lost")
        return True

    async def open_datagram(self, connect: OpenDatagram, receiver: DatagramReceiver) -> DatagramPort:
        """A datagram port behind the NAT.

        Raises:
            OSError: what ``connect`` raises.
        """
        port = ReboundPort(receiver, connect, self)
        await port.bind()
        return port

    async def open(self, connect: Connect, receiver: StreamReceiver) -> StreamPort:
        """A connection through the NAT.

        Raises:
            OSError: what ``connect`` raises.
        """
        stream = ReboundStream(receiver, self)
        stream.attach(await connect(stream))
        return stream


class ReboundPort:
    """A datagram port whose own address may change."""

    __slots__ = ("_closed", "_connect", "_local", "_nat", "_opening", "_port", "_receiver", "_waiting")

    def __init__(self, receiver: DatagramReceiver, connect: OpenDatagram, nat: Rebinding) -> None:
        self._receiver = receiver
        self._connect = connect
        self._nat = nat
        self._port: DatagramPort | None = None
        self._local: Address
        self._waiting: list[tuple[bytes, Address | None]] = []
        self._opening: asyncio.Task[None] | None = None
        self._closed = False

    async def bind(self) -> None:
        """Have a port.

        Raises:
            OSError: there is none.
        """
        port = await self._connect(self)
        self._local = port.local
        if self._closed:
            port.close()
            return
        self._port = port
        waiting, self._waiting = self._waiting, []
        for data, peer in waiting:
            port.send(data, peer)

    @property
    def local(self) -> Address:
        """The address that peers see, or saw last."""
        return self._local

    def send(self, data: bytes, peer: Address | None = None, /) -> None:
        """Send one datagram; where there is no binding, by a new one."""
        if self._closed:
            return
        if self._port is not None:
            self._port.send(data, peer)
        elif len(self._waiting) < WAITING_MAX:
            self._waiting.append((data, peer))
            if self._opening is None:
                self._opening = asyncio.get_running_loop().create_task(self._rebind())

    async def _rebind(self) -> None:
        try:
            await self.bind()
        except OSError as error:
            self._receiver.on_datagram_error(error)
        finally:
            self._opening = None

    def close(self) -> None:
        """Give the port back."""
        self._closed = True
        if self._opening is not None:
            self._opening.cancel()
        if self._port is not None:
            self._port.close()

    def on_datagram(self, data: bytes, peer: Address) -> None:
        """Hand on what comes while there is a binding."""
        if self._port is None:
            return
        if self._nat.is_lost(len(data), self._local):
            self._port.close()
            self._port = None
        else:
            self._receiver.on_datagram(data, peer)

    def on_datagram_error(self, error: OSError) -> None:
        """Errors pass."""
        self._receiver.on_datagram_error(error)


class ReboundStream(StreamBetween):
    """A connection that a NAT may forget."""

    __slots__ = ("_lost", "_nat", "_over")

    def __init__(self, receiver: StreamReceiver, nat: Rebinding) -> None:
        super().__init__(receiver)
        self._nat = nat
        self._lost = False
        """Whether nothing of the server gets through any more."""
        self._over = False
        """Whether the device knows."""

    def on_data(self, data: bytes) -> None:
        """Hand on what comes while there is a binding."""
        if self._port is None:
            self._receiver.on_data(data)
        elif not self._lost and self._nat.is_lost(len(data), self._port.local):
            self._lost = True
            self._port.pause()
        elif not self._lost:
            self._receiver.on_data(data)

    def on_eof(self) -> None:
        """A FIN gets through no more than data."""
        if not self._lost:
            self._receiver.on_eof()

    def on_lost(self, error: OSError | None) -> None:
        """Nor does a reset."""
        if not self._lost:
            self._receiver.on_lost(error)

    def write(self, data: bytes) -> None:
        """Send bytes; where there is no binding, the answer is a reset."""
        if not self._lost:
            super().write(data)
        elif not self._over:
            self._over = True
            asyncio.get_running_loop().call_soon(self._reset)

    def _reset(self) -> None:
        self._leave()
        self._receiver.on_lost(ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"))

    def resume(self) -> None:
        """Take bytes again, where any come."""
        if not self._lost:
            super().resume()

    def close(self) -> None:
        """Close in order, as far as anybody learns of it."""
        self._end(super().close)

    def abort(self) -> None:
        """Close at once."""
        self._end(super().abort)

    def _end(self, close: Callable[[], None]) -> None:
        if not self._lost:
            close()
        elif not self._over:
            self._over = True
            self._leave()
            asyncio.get_running_loop().call_soon(self._receiver.on_lost, None)

    def _leave(self) -> None:
        assert self._port is not None
        asyncio.get_running_loop().call_later(HALF_OPEN_S, self._port.abort)


__all__ = ["Rebinding", "ReboundPort", "ReboundStream"]
