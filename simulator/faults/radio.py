"""Faults of the way as a whole: partitions that heal, one-way silence, bursts of loss, a smaller MTU.

Sources: E. N. Gilbert, "Capacity of a burst-noise channel" (1960); RFC 2923 §2.1 (black holes).
"""

from __future__ import annotations

from math import inf, log1p
from typing import TYPE_CHECKING, Any, Final

from simulator.faults.filters import IN, LinkFilter
from simulator.faults.kinds import PULL, FaultKind, Made, Parameter, Scene
from simulator.faults.link import DOWNLOAD, HALF, LOST, OUTLIVED_S, WAYS, Hit
from simulator.faults.outage import SILENT, LostStream, Outage
from simulator.faults.triggers import BYTES, SHARE, STATE, TIME, AfterBytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from simulator.faults.streams import Connect
    from simulator.faults.triggers import Trigger
    from simulator.ports import Dice, StreamPort, StreamReceiver


class Partition(Outage):
    """An outage of all ports of a device at once, in one direction or both, that begins by any trigger.

    Over a stream a silence in one direction is one in both: without acknowledgements TCP sends no more.

    Args:
        trigger: asked for what comes in; where it looks at State or time, for what goes out, too.
        way: ``both``, ``up`` or ``down``.
        lasts: seconds until it heals.
        struck: told when it begins.
        over: told when it heals.
    """

    __slots__ = ("_asks_out", "_healed", "_way", "_when")

    def __init__(
        self,
        trigger: Trigger,
        way: str,
        lasts: float,
        struck: Callable[[str], None],
        over: Callable[[str], None],
        *,
        asks_out: bool,
    ) -> None:
        super().__init__(AfterBytes(0), SILENT, lasts, struck)
        self._when = trigger
        self._way = WAYS[way]
        self._healed = over
        self._asks_out = asks_out

    def passes(self, data: bytes, way: str) -> list[tuple[float, bytes]]:
        """Everything, then nothing in its direction, then everything again."""
        if not self.began and (way == IN or self._asks_out) and self._when.strikes(len(data)):
            self.begin()
        return [] if self.down and (not self._way or way == self._way) else [(0.0, data)]

    def take(self, size: int) -> int:
        """Everything passes, or nothing."""
        if not self.began and self._when.strikes(size):
            return 0
        return 0 if self.down else size

    def _end(self) -> None:
        super()._end()
        self._healed("healed")

    async def open(self, connect: Connect, receiver: StreamReceiver) -> StreamPort:
        """A connection through the partition.

        Raises:
            OSError: the partition lasts, or what ``connect`` raises.
        """
        if self.down:
            await self._back()
        stream = PartedStream(receiver, self)
        stream.attach(await connect(stream))
        return stream

    def asks(self, size: int) -> bool:
        """Whether what goes out now finds the partition."""
        if not self.began and self._asks_out and self._when.strikes(size):
            self.begin()
        return self.down


class PartedStream(LostStream):
    """A connection on which nothing goes out either while there is a partition."""

    __slots__ = ("_partition",)

    def __init__(self, receiver: StreamReceiver, partition: Partition) -> None:
        super().__init__(receiver, partition)
        self._partition = partition

    def write(self, data: bytes) -> None:
        """Send bytes; into silence, when the link is back."""
        if self._partition.asks(len(data)):
            self.fall_silent()
        super().write(data)


class Bursts:
    """A channel that is good and bad in turn, for times drawn from two exponential distributions."""

    __slots__ = ("_bad", "_dice", "_means", "_now", "_until")

    def __init__(self, every_s: float, lasts_s: float, dice: Dice, now: Callable[[], float]) -> None:
        self._means = (every_s, lasts_s)
        self._dice = dice
        self._now = now
        self._bad = False
        self._until = -inf

    def strikes(self, size: int) -> bool:  # noqa: ARG002
        """Whether the channel is bad now."""
        now = self._now()
        if self._until == -inf:
            self._until = now + self._drawn()
        while now >= self._until:
            self._bad = not self._bad
            self._until += self._drawn()
        return self._bad

    def _drawn(self) -> float:
        return max(1e-3, -self._means[self._bad] * log1p(-self._dice.random()))


class BlackHole(Outage):
    """What is larger than the path takes vanishes, and nobody is told; a stream is stuck with it."""

    __slots__ = ("_size",)

    def __init__(self, size: int, struck: Callable[[str], None]) -> None:
        super().__init__(AfterBytes(0), SILENT, None, struck)
        self._size = size

    def passes(self, data: bytes, way: str) -> list[tuple[float, bytes]]:
        """What is small enough."""
        if len(data) <= self._size:
            return [(0.0, data)]
        self._struck(f"{len(data)} bytes, {way}, are larger than the path takes")
        return []

    def take(self, size: int) -> int:
        """All or nothing: a segment that is lost for good holds up all that come behind it."""
        return size if size <= self._size else 0

    async def open(self, connect: Connect, receiver: StreamReceiver) -> StreamPort:
        """A connection by this path.

        Raises:
            OSError: what ``connect`` raises.
        """
        stream = LostStream(receiver, self)
        stream.attach(await connect(stream))
        return stream


def _partition(scene: Scene) -> Made:
    place = scene.when.place
    partition = Partition(
        scene.trigger(),
        str(scene.parameters["way"]),
        float(scene.parameters["lasts"]),
        scene.struck,
        scene.over,
        asks_out=place is not None and place.unit in (STATE, TIME),
    )
    return Made(link=LinkFilter(lambda: partition), stream=partition)


def _end_of_partition(scheme: str, retries: int, parameters: Mapping[str, Any]) -> tuple[int, int] | None:  # noqa: ARG001
    return None if retries or parameters["lasts"] <= OUTLIVED_S else LOST


def _bursts(scene: Scene) -> Made:
    every, lasts = float(scene.parameters["every"]), float(scene.parameters["lasts"])
    bursts = Bursts(every, lasts, scene.dice, scene.sight.now)
    return Made(link=LinkFilter(lambda: Hit(bursts, scene.struck, lambda _data: [], "lost in a burst")))


def _black_hole(scene: Scene) -> Made:
    hole = BlackHole(int(scene.parameters["size"]), scene.struck)
    return Made(link=LinkFilter(lambda: hole), stream=hole, purposes=DOWNLOAD)


KINDS: Final = (
    FaultKind(
        "link-partition",
        "link",
        "Nothing comes or goes on any port of the device until the link is back; what was under way is sent again.",
        _partition,
        ends=_end_of_partition,
        parameters={
            "way": Parameter(
                "str",
                "Direction, as the device sees it; over a stream each is both.",
                default="both",
                choices=tuple(WAYS),
            ),
            "lasts": Parameter("duration", "Until the link is back.", default=20.0),
        },
        takes=frozenset({BYTES, SHARE, TIME, STATE}),
        when=HALF,
    ),
    FaultKind(
        "mtu-black-hole",
        "link",
        "The path of the download takes no large packets, and tells nobody (RFC 2923): blocks, full segments vanish.",
        _black_hole,
        expected=LOST,
        parameters={
            "size": Parameter("size", "Bytes of the largest payload that gets through.", default=200, minimum=64)
        },
        deliveries=PULL,
    ),
    FaultKind(
        "packet-burst-loss",
        "datagram",
        "Datagrams are lost in bursts, both ways: a channel that is bad for a while, and good again (Gilbert).",
        _bursts,
        parameters={
            "every": Parameter("duration", "Mean time between two bursts.", default=30.0, minimum=0.1),
            "lasts": Parameter("duration", "Mean length of a burst.", default=2.0, minimum=0.01),
        },
    ),
)
