"""Faults of the link: datagrams lost, doubled, late, damaged - and a link that dies, or damages what it carries."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from simulator.faults.damage import OneBit
from simulator.faults.filters import IN, OUT, LinkFilter
from simulator.faults.kinds import HEALS, PROBABILITY, PULL, TIMES, FaultKind, Made, Parameter, Scene
from simulator.faults.outage import CLOSED, RESET, SILENT, Outage
from simulator.faults.triggers import (
    BYTES,
    MESSAGE,
    SHARE,
    STATE,
    TIME,
    AfterBytes,
    Nth,
    Place,
    Trigger,
    When,
    compiled,
)
from simulator.firmware import HEADER_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from simulator.ports import Dice

IN_BYTES: Final = frozenset({BYTES, SHARE})
"""Places in the bytes on the wire that come in, headers and records counted."""
HALF: Final = When(Place(SHARE, 0.5))
WAYS: Final = {"both": "", "up": OUT, "down": IN}
"""Directions of a filter by their names in a scenario."""
DOWNLOAD: Final = frozenset({"download"})
LOST: Final = (0, 4)
CORRUPT: Final = (0, 5)
OUTLIVED_S: Final = 30.0
"""A silence as long as this is survived without another attempt: the last repetition of a message comes 30 s after the
first at the earliest (RFC 7252 §4.8), and what TCP holds back arrives when the link is back."""


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


def unreadable(data: bytes, dice: Dice) -> bytes:
    """A message that nobody can read: cut off within the header, or of another version than 1.

    Both are to be ignored in silence, so that what was meant has to be sent again (RFC 7252 §3).
    """
    if dice.random() < 0.5:
        return data[: 1 + dice.randrange(3)]
    version = (0, 2, 3)[dice.randrange(3)]
    return bytes((data[0] & 0x3F | version << 6,)) + data[1:] if data else data


def _connection_lost(scene: Scene) -> Made:
    place = scene.when.place
    in_bytes = place is not None and place.unit in IN_BYTES
    # Not how often, but from where on: what it lets through is counted to the byte.
    trigger: Trigger = AfterBytes(scene.offset()) if in_bytes else scene.trigger()
    lasts = scene.parameters.get("lasts")
    # One for all ports: a download that is taken up again finds no coverage either, as long as the outage lasts.
    outage = Outage(trigger, scene.parameters["how"], lasts, scene.struck)
    return Made(link=LinkFilter(lambda: outage), stream=outage, purposes=DOWNLOAD)


def _end_of_lost(scheme: str, retries: int, parameters: Mapping[str, Any]) -> tuple[int, int] | None:  # noqa: ARG001
    lasts = parameters.get("lasts")
    if lasts is None:
        return LOST
    return None if retries or (parameters["how"] == SILENT and lasts <= OUTLIVED_S) else LOST


def _block_damage(scene: Scene) -> Made:
    size = scene.package_size
    # Not in the header of the package, whose damage the device may find by other means than its SHA-256.
    limit = min(max(scene.offset(), 8 * HEADER_SIZE), size)
    once = OneBit(AfterBytes(limit), scene.struck)
    return Made(link=LinkFilter(lambda: once), stream=once, purposes=DOWNLOAD)


def _end_of_damage(scheme: str, retries: int, parameters: Mapping[str, Any]) -> tuple[int, int] | None:  # noqa: ARG001
    if scheme == "coaps":
        return None  # the record is dropped, and the request sent again
    if scheme in ("coaps+tcp", "https"):
        return None if retries else LOST  # a stream with a record that is not its own is over
    return CORRUPT


def _hit(
    scene: Scene, name: str, do: Callable[[bytes], list[tuple[float, bytes]]], trigger: Callable[[], Trigger], way: str
) -> Made:
    return Made(link=LinkFilter(lambda: Hit(trigger(), scene.struck, do, name, way)))


def _by_chance(scene: Scene, name: str, do: Callable[[bytes], list[tuple[float, bytes]]], way: str) -> Made:
    when = replace(scene.when, probability=float(scene.parameters["rate"]))
    return _hit(scene, name, do, lambda: compiled(when, scene.sight, scene.dice), way)


def _loss(scene: Scene) -> Made:
    return _by_chance(scene, "lost", lambda _data: [], WAYS[scene.parameters["way"]])


def _duplicate(scene: Scene) -> Made:
    later = float(scene.parameters["delay"])
    return _by_chance(scene, "doubled", lambda data: [(0.0, data), (later, data)], WAYS[scene.parameters["way"]])


def _delay(scene: Scene) -> Made:
    time = float(scene.parameters["time"])
    return _by_chance(scene, "late", lambda data: [(time, data)], WAYS[scene.parameters["way"]])


def _damage(scene: Scene) -> Made:
    return _by_chance(scene, "damaged", lambda data: [(0.0, unreadable(data, scene.dice))], OUT)


def _drop_answer(scene: Scene) -> Made:
    number = int(scene.parameters["number"])
    return _hit(scene, "lost", lambda _data: [], lambda: Nth(number), OUT)


def _drop_message(scene: Scene) -> Made:
    return _hit(scene, "lost", lambda _data: [], scene.trigger, WAYS[scene.parameters["way"]])


WAY: Final = Parameter("str", "Direction, as the device sees it.", default="both", choices=tuple(WAYS))
_RATE: Final = Parameter("share", "Probability for each datagram.", default=0.1)
_OFTEN: Final = When(times=None)
_OF_DATAGRAMS: Final = frozenset({TIME, STATE, MESSAGE, TIMES, HEALS})
_SAME: Final = {PROBABILITY: "rate"}

KINDS: Final = (
    FaultKind(
        "connection-lost",
        "link",
        "The link of the download is lost in the middle; of its silence the device learns by its own time-outs.",
        _connection_lost,
        expected=LOST,
        ends=_end_of_lost,
        parameters={
            "how": Parameter(
                "str",
                "Nothing comes or goes any more, or a stream is reset (RST), or closed (FIN) in the middle.",
                default=SILENT,
                choices=(SILENT, RESET, CLOSED),
            ),
            "lasts": Parameter("duration", "Until the link is back; for good where it is not set."),
        },
        deliveries=PULL,
        takes=IN_BYTES | {TIME, MESSAGE},
        when=HALF,
        same={HEALS: "lasts"},
    ),
    FaultKind(
        "block-damage",
        "link",
        "One bit of the package is flipped on its way, past the checksum of UDP or TCP. Without security the device's "
        "own SHA-256 finds it; DTLS drops the record, and the device asks again (as without it); TLS ends the "
        "stream (0 / 4, or as without it where the pull is taken up again).",
        _block_damage,
        expected=CORRUPT,
        ends=_end_of_damage,
        deliveries=PULL,
        takes=IN_BYTES,
        when=HALF,
    ),
    FaultKind(
        "packet-loss",
        "datagram",
        "Datagrams are lost at random, both ways.",
        _loss,
        # Of downloads with 1,000 blocks, 1 % lets one in 300,000 fail for good, and 10 % every fifth one.
        parameters={"rate": Parameter("share", "Probability for each datagram.", default=0.01), "way": WAY},
        takes=_OF_DATAGRAMS,
        when=_OFTEN,
        same=_SAME,
    ),
    FaultKind(
        "packet-duplicate",
        "datagram",
        "Datagrams arrive twice, both ways.",
        _duplicate,
        parameters={"rate": _RATE, "delay": Parameter("duration", "Until the second one.", default=0.5), "way": WAY},
        takes=_OF_DATAGRAMS,
        when=_OFTEN,
        same=_SAME,
    ),
    FaultKind(
        "packet-delay",
        "datagram",
        "Datagrams come late and out of order, both ways.",
        _delay,
        parameters={"rate": _RATE, "time": Parameter("duration", "How late.", default=3.0), "way": WAY},
        takes=_OF_DATAGRAMS,
        when=_OFTEN,
        same=_SAME,
    ),
    FaultKind(
        "packet-damage",
        "datagram",
        "Datagrams of the device arrive as what no server can read: cut off, or of another version of CoAP.",
        _damage,
        parameters={"rate": Parameter("share", "Probability for each datagram.", default=0.02)},
        takes=_OF_DATAGRAMS,
        when=_OFTEN,
        same=_SAME,
    ),
    FaultKind(
        "answer-lost",
        "datagram",
        "One datagram of the device is lost on the way out; whoever waits for an answer has to repeat.",
        _drop_answer,
        parameters={"number": Parameter("int", "Which one, counted from 1 on each port.", default=10, minimum=1)},
    ),
    FaultKind(
        "message-lost",
        "datagram",
        "Single datagrams are lost, the tenth of each port where nothing else is said.",
        _drop_message,
        parameters={"way": WAY},
        takes=_OF_DATAGRAMS | IN_BYTES,
        when=When(Place(MESSAGE, 10)),
    ),
)
