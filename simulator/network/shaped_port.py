"""A datagram port behind a link in each direction: what is sent and what comes waits its time, or is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.network.link import ICMP_SIZE

if TYPE_CHECKING:
    from simulator.network.link import Link
    from simulator.network.turns import Turns
    from simulator.ports import Address, DatagramPort, DatagramReceiver
    from simulator.transport.schedule import Schedule


class ShapedPort:
    """A datagram port behind a link in each direction; ``attach`` it to the port that the network gives for it.

    Args:
        receiver: what stands above.
        schedule: carries what is on its way.
        up: from the device.
        down: to the device.
        turns: clock of the peer's turns.
    """

    __slots__ = ("_down", "_leaving", "_open", "_port", "_receiver", "_schedule", "_turns", "_up")

    def __init__(self, receiver: DatagramReceiver, schedule: Schedule, up: Link, down: Link, turns: Turns) -> None:
        self._receiver = receiver
        self._schedule = schedule
        self._up = up
        self._down = down
        self._turns = turns
        self._port: DatagramPort | None = None
        self._open = True
        self._leaving = 0
        """Datagrams of this port that are on the link."""

    def attach(self, port: DatagramPort) -> None:
        """Send through this port."""
        self._port = port

    @property
    def local(self) -> Address:
        """The address that peers see.

        Raises:
            ValueError: no port was attached.
        """
        if self._port is None:
            raise ValueError("the port is closed or was never attached")
        return self._port.local

    def send(self, data: bytes, peer: Address | None = None, /) -> None:
        """Send when the link is done with it."""
        if not self._open:
            return
        for when in self._up.plan(len(data), self._schedule.now()):
            self._leaving += 1
            self._schedule.at(when, self._send_now, data, peer)

    def _send_now(self, data: bytes, peer: Address | None) -> None:
        self._leaving -= 1
        if self._port is not None:
            self._turns.asked(self._schedule.now())
            self._port.send(data, peer)
            if not self._open:
                self._give_back()

    def close(self) -> None:
        """Take nothing more; what was sent arrives all the same, and then the port is given back."""
        self._open = False
        self._give_back()

    def _give_back(self) -> None:
        if self._port is not None and not self._open and not self._leaving:
            port, self._port = self._port, None
            port.close()

    def on_datagram(self, data: bytes, peer: Address) -> None:
        """Hand on when the link is done with it."""
        now = self._schedule.now()
        self._turns.answered(now)
        for when in self._down.plan(len(data), now):
            self._schedule.at(when, self._hand_on, data, peer)

    def _hand_on(self, data: bytes, peer: Address) -> None:
        if self._open:
            self._receiver.on_datagram(data, peer)

    def on_datagram_error(self, error: OSError) -> None:
        """A refusal is an ICMP message, which has the way back before it; other news are of the local stack."""
        if not isinstance(error, ConnectionRefusedError):
            self._receiver.on_datagram_error(error)
            return
        for when in self._down.plan(ICMP_SIZE, self._schedule.now())[:1]:
            self._schedule.at(when, self._tell, error)

    def _tell(self, error: OSError) -> None:
        if self._open:
            self._receiver.on_datagram_error(error)
