"""What stands between a port and what is above it, and opens the port itself: every fault of a stream, and a NAT."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from simulator.ports import Address, DatagramPort, DatagramReceiver, StreamPort, StreamReceiver

Connect = Callable[["StreamReceiver"], Awaitable["StreamPort"]]
"""Opens the connection below a receiver. Raises OSError where there is none."""
OpenDatagram = Callable[["DatagramReceiver"], Awaitable["DatagramPort"]]
"""Opens the port below a receiver. Raises OSError where there is none."""


class StreamFault(Protocol):
    """Stands between the connections of a device and what is above them."""

    async def open(self, connect: Connect, receiver: StreamReceiver) -> StreamPort:
        """A connection with the fault in it.

        Raises:
            OSError: there is none.
        """


class DatagramFault(Protocol):
    """Stands between the datagram ports of a device and what is above them, and may open further ones."""

    async def open_datagram(self, connect: OpenDatagram, receiver: DatagramReceiver) -> DatagramPort:
        """A port with the fault in it.

        Raises:
            OSError: there is none.
        """


class StreamBetween:
    """A stream port in front of another one, and the receiver above that one; hands everything on."""

    __slots__ = ("_port", "_receiver")

    def __init__(self, receiver: StreamReceiver) -> None:
        self._receiver = receiver
        self._port: StreamPort | None = None

    def attach(self, port: StreamPort) -> None:
        """The connection stands."""
        self._port = port

    @property
    def local(self) -> Address:
        """The address that the peer sees."""
        assert self._port is not None
        return self._port.local

    def write(self, data: bytes) -> None:
        """Send bytes."""
        if self._port is not None:
            self._port.write(data)

    def pause(self) -> None:
        """Take no more bytes from the peer."""
        if self._port is not None:
            self._port.pause()

    def resume(self) -> None:
        """Take bytes again."""
        if self._port is not None:
            self._port.resume()

    def close(self) -> None:
        """Close in order."""
        if self._port is not None:
            self._port.close()

    def abort(self) -> None:
        """Close at once."""
        if self._port is not None:
            self._port.abort()

    def on_data(self, data: bytes) -> None:
        """Hand on the next bytes."""
        self._receiver.on_data(data)

    def on_eof(self) -> None:
        """The peer will send no more."""
        self._receiver.on_eof()

    def on_lost(self, error: OSError | None) -> None:
        """The connection is gone."""
        self._receiver.on_lost(error)


class HoldingStream(StreamBetween, ABC):
    """A connection on which what comes in may have to wait, in order; TCP is told by its window."""

    __slots__ = ("_closed", "_paused")

    def __init__(self, receiver: StreamReceiver) -> None:
        super().__init__(receiver)
        self._paused = self._closed = False

    @abstractmethod
    def _take(self, event: Callable[[], None]) -> None:
        """Let something happen above, after what waits."""

    @abstractmethod
    def _go_on_later(self) -> None:
        """Have what waits, if anything, happen when it is its turn."""

    @abstractmethod
    def _holds(self) -> bool:
        """Whether anything that came in waits."""

    @abstractmethod
    def _end(self) -> None:
        """Forget what waits."""

    def _hold_back(self) -> None:
        """Close the window, whether or not those above want more."""
        super().pause()

    def _let_come(self) -> None:
        """Open the window again."""
        super().resume()

    def on_eof(self) -> None:
        """The end comes after what waits."""
        self._take(self._receiver.on_eof)

    def on_lost(self, error: OSError | None) -> None:
        """So does the loss of the connection; that this side has closed, it knows itself."""
        if self._closed:
            self._receiver.on_lost(error)
        else:
            self._take(lambda: self._receiver.on_lost(error))

    def pause(self) -> None:
        """Take no more bytes from the peer."""
        self._paused = True
        self._hold_back()

    def resume(self) -> None:
        """Take bytes again."""
        self._paused = False
        if self._holds():
            self._go_on_later()
        else:
            self._let_come()

    def close(self) -> None:
        """Close in order."""
        self._closed = True
        self._end()
        super().close()

    def abort(self) -> None:
        """Close at once."""
        self._closed = True
        self._end()
        super().abort()
