"""A NAT that forgets its binding: from then on a device has another port, and what comes to the old one is lost.

Over a datagram port that is just another source address (RFC 4787 §4.3). A connection is over without being told so:
what the server sends reaches nobody, and the device's next segment is answered with a reset by a server that knows of
no such connection.
"""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING, Any, Final

from simulator.faults.device import MANAGEMENT
from simulator.faults.kinds import PULL, FaultKind, Made, Parameter, Scene
from simulator.faults.link import DOWNLOAD, HALF, LOST
from simulator.faults.streams import Connect, OpenDatagram, StreamBetween
from simulator.faults.triggers import BYTES, SHARE, STATE, TIME, Place, When

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from simulator.faults.seams import Power
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
        asks_out: whether it is asked for what goes out, too.
    """

    __slots__ = ("_struck", "_trigger", "asks_out")

    def __init__(self, trigger: Trigger, struck: Callable[[str], None], *, asks_out: bool = False) -> None:
        self._trigger = trigger
        self._struck = struck
        self.asks_out = asks_out

    def is_lost(self, size: int, local: Address) -> bool:
        """Whether the binding of this port is lost now, before these bytes get through."""
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
        if self._port is not None and self._nat.asks_out:
            self._ask(len(data))
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
        if self._port is not None:
            self._ask(len(data))
        if self._port is not None:
            self._receiver.on_datagram(data, peer)

    def _ask(self, size: int) -> None:
        if self._port is not None and self._nat.is_lost(size, self._local):
            self._port.close()
            self._port = None

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
        self._ask(len(data))
        if not self._lost:
            self._receiver.on_data(data)

    def _ask(self, size: int) -> None:
        if self._port is not None and not self._lost and self._nat.is_lost(size, self._port.local):
            self._lost = True
            self._port.pause()

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
        if self._nat.asks_out:
            self._ask(len(data))
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


class MovedDevice:
    """A NAT that forgets the binding of the management; some time later the device sends an Update."""

    def __init__(self, scene: Scene) -> None:
        self._struck = scene.struck
        self._after = float(scene.parameters["update"])
        self._device: Power | None = None
        self.nat = Rebinding(scene.trigger(), self._moved, asks_out=True)

    def on_state(self, device: Power, state: str) -> None:  # noqa: ARG002  any change shows the device
        """State (/5/0/3) has changed."""
        self._device = device

    def _moved(self, detail: str) -> None:
        self._struck(detail)
        asyncio.get_running_loop().call_later(self._after, self._update)

    def _update(self) -> None:
        if self._device is not None:
            self._device.registrar.update_soon()


def _moving(scene: Scene) -> Made:
    moved = MovedDevice(scene)
    return Made(datagrams=moved.nat, stream=moved.nat, on_state=moved.on_state, purposes=MANAGEMENT)


def _rebinding(scene: Scene) -> Made:
    nat = Rebinding(scene.trigger(), scene.struck)
    return Made(datagrams=nat, stream=nat, purposes=DOWNLOAD)


def _end_of_rebinding(scheme: str, retries: int, parameters: Mapping[str, Any]) -> tuple[int, int] | None:  # noqa: ARG001
    return None if scheme == "coap" or retries else LOST


KINDS: Final = (
    FaultKind(
        "nat-rebind",
        "link",
        "A NAT forgets the binding of the download: the device has another port from then on. CoAP goes on; over DTLS "
        "without a Connection ID, and over a stream, it takes another attempt (0 / 4, or as without it where the pull "
        "is taken up again).",
        _rebinding,
        ends=_end_of_rebinding,
        deliveries=PULL,
        takes=frozenset({BYTES, SHARE}),
        when=HALF,
    ),
    FaultKind(
        "nat-rebind-management",
        "link",
        "A NAT forgets the binding of the management: what the server sends is lost, and the device is at an unknown "
        "address until it sends an Update; over a stream it registers anew.",
        _moving,
        parameters={"update": Parameter("duration", "Until the Update.", default=5.0)},
        deliveries=PULL,
        takes=frozenset({TIME, STATE}),
        when=When(Place(STATE, "downloading")),
    ),
)
