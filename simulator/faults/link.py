"""Faults of the link: datagrams lost, doubled, late, damaged - and a connection that dies."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

from simulator.faults.kinds import PULL, FaultKind, Made, Parameter, Scene
from simulator.faults.triggers import AfterBytes, Chance, Nth, Trigger

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.ports import Address, DatagramPort, DatagramReceiver, Dice

IN: Final = "in"
OUT: Final = "out"


class Filter(Protocol):
    """Decides what becomes of a datagram."""

    def passes(self, data: bytes, way: str) -> list[tuple[float, bytes]]:
        """What goes on instead: pairs of delay in seconds and datagram; none where it is lost."""


class FilteredPort:
    """A datagram port with a filter in both directions."""

    __slots__ = ("_filter", "_port", "_receiver")

    def __init__(self, receiver: DatagramReceiver, filter_: Filter) -> None:
        self._receiver = receiver
        self._filter = filter_
        self._port: DatagramPort | None = None

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
        if self._port is None:
            return
        for delay, datagram in self._filter.passes(data, OUT):
            if delay > 0:
                asyncio.get_running_loop().call_later(delay, self._port.send, datagram, peer)
            else:
                self._port.send(datagram, peer)

    def close(self) -> None:
        """Give the port back."""
        if self._port is not None:
            self._port.close()

    def on_datagram(self, data: bytes, peer: Address) -> None:
        """Hand on what the filter lets through."""
        for delay, datagram in self._filter.passes(data, IN):
            if delay > 0:
                asyncio.get_running_loop().call_later(delay, self._receiver.on_datagram, datagram, peer)
            else:
                self._receiver.on_datagram(datagram, peer)

    def on_datagram_error(self, error: OSError) -> None:
        """Errors pass."""
        self._receiver.on_datagram_error(error)


class LinkFilter:
    """A link fault made of a filter; each port that is opened gets one of its own."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[[], Filter]) -> None:
        self._make = make

    def open(self, receiver: DatagramReceiver) -> tuple[DatagramReceiver, Callable[[DatagramPort], DatagramPort]]:
        """Put a filter between the receiver and its port."""
        port = FilteredPort(receiver, self._make())
        return port, port.attach


class Dead:
    """Silent in both directions from a moment on, as when a device leaves the coverage of its cell."""

    __slots__ = ("_dead", "_struck", "_trigger")

    def __init__(self, trigger: Trigger, struck: Callable[[str], None]) -> None:
        self._trigger = trigger
        self._struck = struck
        self._dead = False

    def passes(self, data: bytes, way: str) -> list[tuple[float, bytes]]:
        """Everything, then nothing."""
        if not self._dead and way == IN and self._trigger.strikes(len(data)):
            self._dead = True
            self._struck("silent from here on")
        return [] if self._dead else [(0.0, data)]


class Hit:
    """Does something to the datagrams that a trigger picks, in one direction or both."""

    __slots__ = ("_do", "_name", "_struck", "_trigger", "_way")

    def __init__(
        self,
        trigger: Trigger,
        struck: Callable[[str], None],
        do: Callable[[bytes], list[tuple[float, bytes]]],
        name: str,
        way: str = "",
    ) -> None:
        self._trigger = trigger
        self._struck = struck
        self._do = do
        self._name = name
        self._way = way

    def passes(self, data: bytes, way: str) -> list[tuple[float, bytes]]:
        """Do it where the trigger strikes."""
        if (self._way and way != self._way) or not self._trigger.strikes(len(data)):
            return [(0.0, data)]
        self._struck(f"{self._name}, {way}, {len(data)} bytes")
        return self._do(data)


def damaged(data: bytes, dice: Dice) -> bytes:
    """A datagram with one bit flipped, or cut off."""
    if len(data) > 1 and dice.random() < 0.5:
        return data[: 1 + dice.randrange(len(data) - 1)]
    at = dice.randrange(len(data) * 8) if data else 0
    changed = bytearray(data)
    if changed:
        changed[at // 8] ^= 1 << (at % 8)
    return bytes(changed)


def _connection_lost(scene: Scene) -> Made:
    limit = int(scene.package_size * float(scene.parameters["after"]))
    link = LinkFilter(lambda: Dead(AfterBytes(limit), scene.struck))
    return Made(link=link, purposes=frozenset({"download"}))


def _hit(
    scene: Scene, name: str, do: Callable[[bytes], list[tuple[float, bytes]]], trigger: Callable[[], Trigger], way: str
) -> Made:
    return Made(link=LinkFilter(lambda: Hit(trigger(), scene.struck, do, name, way)))


def _chance(scene: Scene) -> Callable[[], Trigger]:
    return lambda: Chance(float(scene.parameters["rate"]), scene.dice)


def _loss(scene: Scene) -> Made:
    return _hit(scene, "lost", lambda _data: [], _chance(scene), "")


def _duplicate(scene: Scene) -> Made:
    later = float(scene.parameters["delay"])
    return _hit(scene, "doubled", lambda data: [(0.0, data), (later, data)], _chance(scene), "")


def _delay(scene: Scene) -> Made:
    return _hit(scene, "late", lambda data: [(float(scene.parameters["time"]), data)], _chance(scene), "")


def _damage(scene: Scene) -> Made:
    return _hit(scene, "damaged", lambda data: [(0.0, damaged(data, scene.dice))], _chance(scene), IN)


def _drop_answer(scene: Scene) -> Made:
    number = int(scene.parameters["number"])
    return _hit(scene, "lost", lambda _data: [], lambda: Nth(number), OUT)


_RATE: Final = Parameter("share", "Probability for each datagram.", default=0.1)

KINDS: Final = (
    FaultKind(
        "connection-lost",
        "datagram",
        "The link of the download goes silent for good; the device gives up when its retransmissions are exhausted.",
        _connection_lost,
        expected=(0, 4),
        parameters={"after": Parameter("share", "After this share of the package.", default=0.5)},
        deliveries=PULL,
    ),
    FaultKind("packet-loss", "datagram", "Datagrams are lost at random.", _loss, parameters={"rate": _RATE}),
    FaultKind(
        "packet-duplicate",
        "datagram",
        "Datagrams arrive twice.",
        _duplicate,
        parameters={"rate": _RATE, "delay": Parameter("duration", "Until the second one.", default=0.5)},
    ),
    FaultKind(
        "packet-delay",
        "datagram",
        "Datagrams come late and out of order.",
        _delay,
        parameters={"rate": _RATE, "time": Parameter("duration", "How late.", default=3.0)},
    ),
    FaultKind(
        "packet-damage",
        "datagram",
        "Datagrams arrive with a flipped bit or cut off, as past a broken checksum; the package may not survive it.",
        _damage,
        parameters={"rate": _RATE},
    ),
    FaultKind(
        "answer-lost",
        "datagram",
        "One datagram of the device is lost on the way out, so that the server has to repeat its request.",
        _drop_answer,
        parameters={"number": Parameter("int", "Which one, counted from 1 on each port.", default=10)},
    ),
)
