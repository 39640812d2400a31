"""Faults of the link: datagrams lost, doubled, late, damaged - and a connection that dies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from simulator.faults.filters import IN, OUT, LinkFilter
from simulator.faults.kinds import PULL, FaultKind, Made, Parameter, Scene
from simulator.faults.triggers import AfterBytes, Chance, Nth, Trigger

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.ports import Dice

DOWNLOAD: Final = frozenset({"download"})
BLOCK_MIN: Final = 16
"""No CoAP message with a block is as short as this; what is shorter is an empty message (RFC 7252 §4.1)."""


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


class OneBit:
    """Flips one bit at the end of one datagram that comes in: in the payload of a block, whatever its header is."""

    __slots__ = ("_done", "_struck", "_trigger")

    def __init__(self, trigger: Trigger, struck: Callable[[str], None]) -> None:
        self._trigger = trigger
        self._struck = struck
        self._done = False

    def passes(self, data: bytes, way: str) -> list[tuple[float, bytes]]:
        """Everything, but for one bit."""
        if self._done or way == OUT or not self._trigger.strikes(len(data)) or len(data) <= BLOCK_MIN:
            return [(0.0, data)]
        self._done = True
        self._struck(f"last bit of a datagram of {len(data)} bytes flipped")
        return [(0.0, data[:-1] + bytes((data[-1] ^ 1,)))]


def unreadable(data: bytes, dice: Dice) -> bytes:
    """A message that nobody can read: cut off within the header, or of another version than 1.

    Both are to be ignored in silence, so that what was meant has to be sent again (RFC 7252 §3).
    """
    if dice.random() < 0.5:
        return data[: 1 + dice.randrange(3)]
    version = (0, 2, 3)[dice.randrange(3)]
    return bytes((data[0] & 0x3F | version << 6,)) + data[1:] if data else data


def _connection_lost(scene: Scene) -> Made:
    limit = int(scene.package_size * float(scene.parameters["after"]))
    # One for all ports: a download that is taken up again finds no coverage either.
    dead = Dead(AfterBytes(limit), scene.struck)
    return Made(link=LinkFilter(lambda: dead), purposes=DOWNLOAD)


def _block_damage(scene: Scene) -> Made:
    limit = int(scene.package_size * float(scene.parameters["after"]))
    once = OneBit(AfterBytes(limit), scene.struck)
    return Made(link=LinkFilter(lambda: once), purposes=DOWNLOAD)


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
    return _hit(scene, "damaged", lambda data: [(0.0, unreadable(data, scene.dice))], _chance(scene), OUT)


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
        parameters={"after": Parameter("share", "After datagrams with this share of the package's size.", default=0.5)},
        deliveries=PULL,
    ),
    FaultKind(
        "block-damage",
        "datagram",
        "One bit of one block is flipped on its way, past the checksum of UDP; the device's own SHA-256 finds it.",
        _block_damage,
        expected=(0, 5),
        parameters={"after": Parameter("share", "After datagrams with this share of the package's size.", default=0.5)},
        deliveries=PULL,
    ),
    FaultKind(
        "packet-loss",
        "datagram",
        "Datagrams are lost at random, both ways.",
        _loss,
        # Of downloads with 1,000 blocks, 1 % lets one in 300,000 fail for good, and 10 % every fifth one.
        parameters={"rate": Parameter("share", "Probability for each datagram.", default=0.01)},
    ),
    FaultKind(
        "packet-duplicate",
        "datagram",
        "Datagrams arrive twice, both ways.",
        _duplicate,
        parameters={"rate": _RATE, "delay": Parameter("duration", "Until the second one.", default=0.5)},
    ),
    FaultKind(
        "packet-delay",
        "datagram",
        "Datagrams come late and out of order, both ways.",
        _delay,
        parameters={"rate": _RATE, "time": Parameter("duration", "How late.", default=3.0)},
    ),
    FaultKind(
        "packet-damage",
        "datagram",
        "Datagrams of the device arrive as what no server can read: cut off, or of another version of CoAP.",
        _damage,
        parameters={"rate": Parameter("share", "Probability for each datagram.", default=0.02)},
    ),
    FaultKind(
        "answer-lost",
        "datagram",
        "One datagram of the device is lost on the way out; whoever waits for an answer has to repeat.",
        _drop_answer,
        parameters={"number": Parameter("int", "Which one, counted from 1 on each port.", default=10, minimum=1)},
    ),
)
