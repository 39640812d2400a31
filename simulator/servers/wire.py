"""A server's datagrams changed or lost on purpose, between its peers and its port, above DTLS where there is any."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from simulator.ports import Address, DatagramPort, DatagramReceiver

IN: Final = "in"
OUT: Final = "out"

Between = tuple["DatagramReceiver", Callable[["DatagramPort"], "DatagramPort"]]
"""The receiver that a port is to have, and what gives its owner the port that it is to send by."""


class Meddler(Protocol):
    """Decides what becomes of a message."""

    def passes(self, data: bytes, peer: tuple[str, int], way: str) -> bytes:
        """What goes on instead; nothing where it is lost."""


class Wire:
    """A datagram port in front of another one, and the receiver above that one.

    Args:
        receiver: what comes in is for.
        meddler: asked for each message.
    """

    __slots__ = ("_meddler", "_port", "_receiver")

    def __init__(self, receiver: DatagramReceiver, meddler: Meddler) -> None:
        self._receiver = receiver
        self._meddler = meddler
        self._port: DatagramPort | None = None

    def attach(self, port: DatagramPort) -> DatagramPort:
        """Stand in front of this port."""
        self._port = port
        return self

    @property
    def local(self) -> Address:
        """Where peers find the server."""
        assert self._port is not None
        return self._port.local

    def send(self, data: bytes, peer: Address | None = None, /) -> None:
        """Send what is left of a message."""
        assert self._port is not None
        assert peer is not None
        data = self._meddler.passes(data, peer, OUT)
        if data:
            self._port.send(data, peer)

    def close(self) -> None:
        """Give the port back."""
        if self._port is not None:
            self._port.close()

    def on_datagram(self, data: bytes, peer: Address) -> None:
        """Hand on what is left of a message."""
        data = self._meddler.passes(data, peer, IN)
        if data:
            self._receiver.on_datagram(data, peer)

    def on_datagram_error(self, error: OSError) -> None:
        """Errors pass."""
        self._receiver.on_datagram_error(error)


def straight(receiver: DatagramReceiver) -> Between:
    """Nothing between a receiver and its port."""
    return receiver, lambda port: port


def meddled(receiver: DatagramReceiver, meddler: Meddler) -> Between:
    """A wire between a receiver and its port."""
    wire = Wire(receiver, meddler)
    return wire, wire.attach
