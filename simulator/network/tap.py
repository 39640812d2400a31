"""A tap: a network that passes everything on as it is, and tells somebody what went through its connected ports.

Above security it sees messages, below it what is on the wire. A network without a tap is another object, so that
nobody pays for a tap that is not there.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Final

from simulator.faults.streams import StreamBetween
from simulator.network.wrapped import WrappedNetwork

if TYPE_CHECKING:
    from simulator.ports import Address, DatagramPort, DatagramReceiver, Network, StreamPort, StreamReceiver

UDP: Final = "udp"
TCP: Final = "tcp"


class Seen(Enum):
    """What a tap sees at a port."""

    OPENED = "opened"
    FAILED = "failed"
    """There is no connection; the data are the reason, in words."""
    SENT = "sent"
    GOT = "got"
    TOLD = "told"
    """The port told of an error; the data are its words."""
    ENDED = "ended"
    """The peer will send no more."""
    LOST = "lost"
    """A connection is gone without an end; the data are the reason, in words."""
    CLOSED = "closed"
    """By this side, in order."""
    ABORTED = "aborted"
    """By this side, with a reset."""


class Flow:
    """What goes through one port.

    Args:
        watch: is told.
        protocol: ``udp`` or ``tcp``.
        remote: the address that the port is connected to.
    """

    __slots__ = ("_early", "_port", "_watch", "protocol", "remote")

    def __init__(self, watch: Watch, protocol: str, remote: Address) -> None:
        self._watch = watch
        self._port: DatagramPort | StreamPort | None = None
        self._early: list[tuple[Seen, bytes]] = []
        """What came before the port was handed over: a server may speak first."""
        self.protocol = protocol
        self.remote = remote

    @property
    def local(self) -> Address:
        """The address of this side."""
        assert self._port is not None
        return self._port.local

    def opened(self, port: DatagramPort | StreamPort) -> None:
        """The port stands."""
        self._port = port
        self._watch(self, Seen.OPENED, b"")
        early, self._early = self._early, []
        for what, data in early:
            self._watch(self, what, data)

    def failed(self, error: OSError) -> None:
        """There is no port."""
        self._watch(self, Seen.FAILED, words(error))

    def tell(self, what: Seen, data: bytes = b"") -> None:
        """Something went through."""
        if self._port is None:
            self._early.append((what, data))
        else:
            self._watch(self, what, data)


Watch = Callable[[Flow, Seen, bytes], None]


def words(error: OSError) -> bytes:
    """An error in words."""
    return (error.strerror or str(error)).encode()


class TappedDatagrams:
    """A datagram port in front of another one, ``below``, and the receiver above that one."""

    __slots__ = ("_flow", "_receiver", "below")

    def __init__(self, receiver: DatagramReceiver, flow: Flow) -> None:
        self._receiver = receiver
        self._flow = flow
        self.below: DatagramPort | None = None

    def attach(self, port: DatagramPort) -> None:
        """Send through this port from now on."""
        self.below = port
        self._flow.opened(port)

    @property
    def local(self) -> Address:
        """The address that peers see."""
        assert self.below is not None
        return self.below.local

    def send(self, data: bytes, peer: Address | None = None, /) -> None:
        """Send one datagram."""
        assert self.below is not None
        self._flow.tell(Seen.SENT, data)
        self.below.send(data, peer)

    def close(self) -> None:
        """Give the port back."""
        assert self.below is not None
        self._flow.tell(Seen.CLOSED)
        self.below.close()

    def on_datagram(self, data: bytes, peer: Address) -> None:
        """Hand on one datagram."""
        self._flow.tell(Seen.GOT, data)
        self._receiver.on_datagram(data, peer)

    def on_datagram_error(self, error: OSError) -> None:
        """Hand on an error."""
        self._flow.tell(Seen.TOLD, words(error))
        self._receiver.on_datagram_error(error)


class TappedStream(StreamBetween):
    """A stream port in front of another one, and the receiver above that one."""

    __slots__ = ("_flow", "_over")

    def __init__(self, receiver: StreamReceiver, flow: Flow) -> None:
        super().__init__(receiver)
        self._flow = flow
        self._over = False

    def attach(self, port: StreamPort) -> None:
        """The connection stands."""
        super().attach(port)
        self._flow.opened(port)

    @property
    def below(self) -> StreamPort | None:
        """The port behind this one."""
        return self._port

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self._flow.tell(Seen.SENT, data)
        super().write(data)

    def close(self) -> None:
        """Close in order."""
        self._end(Seen.CLOSED)
        super().close()

    def abort(self) -> None:
        """Close at once."""
        self._end(Seen.ABORTED)
        super().abort()

    def on_data(self, data: bytes) -> None:
        """Hand on the next bytes."""
        self._flow.tell(Seen.GOT, data)
        super().on_data(data)

    def on_eof(self) -> None:
        """The peer will send no more."""
        self._flow.tell(Seen.ENDED)
        super().on_eof()

    def on_lost(self, error: OSError | None) -> None:
        """The connection is gone."""
        if error is not None:
            self._end(Seen.LOST, words(error))
        super().on_lost(error)

    def _end(self, what: Seen, data: bytes = b"") -> None:
        if not self._over:
            self._over = True
            self._flow.tell(what, data)


class TapNetwork(WrappedNetwork):
    """A network whose connected ports are watched.

    Args:
        network: opens the ports.
        watch: is told of each thing that goes through them, before it goes on; must not raise.
    """

    __slots__ = ("_watch",)

    def __init__(self, network: Network, watch: Watch) -> None:
        super().__init__(network)
        self._watch = watch

    async def open_datagram(
        self, remote: Address, receiver: DatagramReceiver, *, local: Address | None = None
    ) -> DatagramPort:
        """A connected port, watched.

        Raises:
            OSError: as the network has it.
        """
        flow = Flow(self._watch, UDP, remote)
        tapped = TappedDatagrams(receiver, flow)
        try:
            tapped.attach(await self._network.open_datagram(remote, tapped, local=local))
        except OSError as error:
            flow.failed(error)
            raise
        return tapped

    async def open_stream(
        self, remote: Address, receiver: StreamReceiver, *, local: Address | None = None
    ) -> StreamPort:
        """A connection, watched.

        Raises:
            OSError: as the network has it.
        """
        flow = Flow(self._watch, TCP, remote)
        tapped = TappedStream(receiver, flow)
        try:
            tapped.attach(await self._network.open_stream(remote, tapped, local=local))
        except OSError as error:
            flow.failed(error)
            raise
        return tapped
