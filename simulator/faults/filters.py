"""A filter in the way of a datagram port, in both directions: what every fault of the link is made of."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.ports import Address, DatagramPort, DatagramReceiver

IN: Final = "in"
OUT: Final = "out"


class Filter(Protocol):
    """Decides what becomes of a datagram."""

    def passes(self, data: bytes, way: str) -> list[tuple[float, bytes]]:
        """What goes on instead: pairs of delay in seconds and datagram; none where it is lost."""


class FilteredPort:
    """A datagram port with a filter in both directions."""

    __slots__ = ("_closed", "_filter", "_port", "_receiver")

    def __init__(self, receiver: DatagramReceiver, filter_: Filter) -> None:
        self._receiver = receiver
        self._filter = filter_
        self._port: DatagramPort | None = None
        self._closed = False

    def attach(self, port: DatagramPort) -> DatagramPort:
        """Stand in front of this port."""
        self._port = port
        return self

    @property
    def local(self) -> Address:
        """The address that peers see."""
        assert self._port is not None
        return self._port.local

    def send(self, data: bytes, peer: Address | None = None, /) -> None:
        """Send what the filter lets through."""
        if self._closed:
            return
        for delay, datagram in self._filter.passes(data, OUT):
            if delay > 0:
                asyncio.get_running_loop().call_later(delay, self._send_now, datagram, peer)
            else:
                self._send_now(datagram, peer)

    def _send_now(self, data: bytes, peer: Address | None) -> None:
        if self._port is not None and not self._closed:
            self._port.send(data, peer)

    def close(self) -> None:
        """Give the port back; what is held back is lost."""
        self._closed = True
        if self._port is not None:
            self._port.close()

    def on_datagram(self, data: bytes, peer: Address) -> None:
        """Hand on what the filter lets through."""
        for delay, datagram in self._filter.passes(data, IN):
            if delay > 0:
                asyncio.get_running_loop().call_later(delay, self._hand_on, datagram, peer)
            else:
                self._hand_on(datagram, peer)

    def _hand_on(self, data: bytes, peer: Address) -> None:
        if not self._closed:
            self._receiver.on_datagram(data, peer)

    def on_datagram_error(self, error: OSError) -> None:
        """Errors pass."""
        self._receiver.on_datagram_error(error)


class LinkFilter:
    """A link fault made of a filter; each port that is opened gets what ``make`` gives."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[[], Filter]) -> None:
        self._make = make

    def open(self, receiver: DatagramReceiver) -> tuple[DatagramReceiver, Callable[[DatagramPort], DatagramPort]]:
        """Put a filter between the receiver and its port."""
        port = FilteredPort(receiver, self._make())
        return port, port.attach
