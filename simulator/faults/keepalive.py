"""Datagrams that are no messages: what a device or its modem sends to keep the binding of a NAT open."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from simulator.faults.device import MANAGEMENT
from simulator.faults.kinds import FaultKind, Made, Parameter, Scene

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.ports import Address, DatagramPort, DatagramReceiver

CONTENT: Final = b"\0"
"""One byte: no message of CoAP, which has 4 at least, and no record of DTLS, which has 13."""


class KeptPort:
    """A datagram port on which something goes out from time to time that nobody can read; it is below DTLS."""

    __slots__ = ("_every", "_port", "_struck", "_timer")

    def __init__(self, port: DatagramPort, every: float, struck: Callable[[str], None]) -> None:
        self._port = port
        self._every = every
        self._struck = struck
        self._timer = asyncio.get_running_loop().call_later(every, self._keep)

    @property
    def local(self) -> Address:
        """The address that peers see."""
        return self._port.local

    def send(self, data: bytes, peer: Address | None = None, /) -> None:
        """Send one datagram."""
        self._port.send(data, peer)

    def _keep(self) -> None:
        self._struck(f"a datagram of {len(CONTENT)} byte that is no message keeps the binding of {self._port.local}")
        self._port.send(CONTENT)
        self._timer = asyncio.get_running_loop().call_later(self._every, self._keep)

    def close(self) -> None:
        """Give the port back."""
        self._timer.cancel()
        self._port.close()


class Keeping:
    """What keeps the binding of each port of one device."""

    def __init__(self, scene: Scene) -> None:
        self._every = float(scene.parameters["every"])
        self._struck = scene.struck

    def open(self, receiver: DatagramReceiver) -> tuple[DatagramReceiver, Callable[[DatagramPort], DatagramPort]]:
        """Nothing between the port and its receiver."""
        return receiver, lambda port: KeptPort(port, self._every, self._struck)


def _keeping(scene: Scene) -> Made:
    return Made(link=Keeping(scene), purposes=MANAGEMENT)


KINDS: Final = (
    FaultKind(
        "keepalive-unreadable",
        "datagram",
        "To keep the binding of its NAT, the device sends datagrams of one byte to the server, which are no messages "
        "and no records; a server has to ignore them.",
        _keeping,
        parameters={"every": Parameter("duration", "Time between two of them.", default=60.0, minimum=0.001)},
    ),
)
