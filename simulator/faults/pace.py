"""Faults of how fast and whether at all: a link that gets slow in the middle, and a host that does not answer."""

from __future__ import annotations

import asyncio
import errno
from collections import deque
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Final

from simulator.faults.filters import IN, OUT, LinkFilter
from simulator.faults.kinds import HEALS, PULL, FaultKind, Made, Parameter, Scene
from simulator.faults.link import DOWNLOAD, HALF, LOST
from simulator.faults.outage import CONNECT_TIMEOUT_S
from simulator.faults.streams import Connect, HoldingStream
from simulator.faults.triggers import BYTES, SHARE, STATE, TIME

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.ports import StreamPort, StreamReceiver

PIECE_S: Final = 0.25
"""What comes over a stream is handed on in pieces that take this long, or it would come in one burst at the end."""


class Pace:
    """The rate of all ports of one device, each way for itself; as a filter, the one of datagrams.

    Args:
        scene: what it is made for.
    """

    def __init__(self, scene: Scene) -> None:
        place = scene.when.place
        self.rate = 8 * float(scene.parameters["speed"])
        self._trigger = scene.trigger()
        self._asks_out = place is not None and place.unit in (STATE, TIME)
        self._heals = inf if scene.when.heals is None else scene.when.heals
        self._struck = scene.struck
        self._since = inf
        self._free = {IN: 0.0, OUT: 0.0}

    def wait(self, size: int, way: str) -> float:
        """Seconds until the next ``size`` bytes have passed this way."""
        now = asyncio.get_running_loop().time()
        if self._since == inf:
            if (way == OUT and not self._asks_out) or not self._trigger.strikes(size):
                return 0.0
            self._since = now
            self._struck(f"{self.rate / 8:g} bytes per second from here on")
        if now - self._since >= self._heals:
            return max(self._free[way] - now, 0.0)
        self._free[way] = max(self._free[way], now) + 8 * size / self.rate
        return self._free[way] - now

    def passes(self, data: bytes, way: str) -> list[tuple[float, bytes]]:
        """Everything, when it is its turn."""
        return [(self.wait(len(data), way), data)]

    async def open(self, connect: Connect, receiver: StreamReceiver) -> StreamPort:
        """A connection over the link.

        Raises:
            OSError: what ``connect`` raises.
        """
        stream = PacedStream(receiver, self)
        stream.attach(await connect(stream))
        return stream


class PacedStream(HoldingStream):
    """A connection over a link that may get slow; what is on its way out when it is closed is lost."""

    __slots__ = ("_coming", "_pace", "_timer")

    def __init__(self, receiver: StreamReceiver, pace: Pace) -> None:
        super().__init__(receiver)
        self._pace = pace
        self._coming: deque[tuple[float, Callable[[], None]]] = deque()
        """What comes in and when its last byte is here, in order."""
        self._timer: asyncio.TimerHandle | None = None

    # -- from the port below ---------------------------------------------------------------------------------------

    def on_data(self, data: bytes) -> None:
        """Hand on the next bytes, when they are here."""
        length = max(1, int(self._pace.rate * PIECE_S / 8))
        at = 0
        while at < len(data):
            piece = data[at : at + length]
            at += len(piece)
            self._queue(self._pace.wait(len(piece), IN), partial(self._receiver.on_data, piece))

    def _take(self, event: Callable[[], None]) -> None:
        self._queue(0.0, event)

    def _queue(self, wait: float, event: Callable[[], None]) -> None:
        if wait <= 0 and not self._coming and not self._paused:
            event()
            return
        self._coming.append((asyncio.get_running_loop().time() + wait, event))
        self._hold_back()
        self._go_on_later()

    def _go_on_later(self) -> None:
        if self._timer is None and self._coming and not self._paused:
            self._timer = asyncio.get_running_loop().call_at(self._coming[0][0], self._go_on)

    def _go_on(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        while self._coming and self._coming[0][0] <= now and not (self._paused or self._closed):
            self._coming.popleft()[1]()
        if self._paused or self._closed:
            return
        if self._coming:
            self._go_on_later()
        else:
            self._let_come()

    def _holds(self) -> bool:
        return bool(self._coming)

    # -- from above ------------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send bytes, when it is their turn."""
        wait = self._pace.wait(len(data), OUT)
        if wait <= 0:
            super().write(data)
        else:
            asyncio.get_running_loop().call_later(wait, super().write, data)

    def _end(self) -> None:
        self._coming.clear()
        if self._timer is not None:
            self._timer.cancel()


class DeadHost:
    """A host that nothing comes back from: no answer, no acknowledgement of a SYN, no ICMP."""

    def __init__(self, struck: Callable[[str], None]) -> None:
        self._struck = struck

    def passes(self, data: bytes, way: str) -> list[tuple[float, bytes]]:  # noqa: ARG002  nothing passes
        """Nothing."""
        self._struck("nobody answers")
        return []

    async def open(self, connect: Connect, receiver: StreamReceiver) -> StreamPort:  # noqa: ARG002  nobody is there
        """No connection.

        Raises:
            TimeoutError: always.
        """
        self._struck("nobody answers")
        await asyncio.sleep(CONNECT_TIMEOUT_S)
        raise TimeoutError(errno.ETIMEDOUT, f"no answer within {CONNECT_TIMEOUT_S:g} s")


def _slow(scene: Scene) -> Made:
    pace = Pace(scene)
    return Made(link=LinkFilter(lambda: pace), stream=pace)


def _dead(scene: Scene) -> Made:
    host = DeadHost(scene.struck)
    return Made(link=LinkFilter(lambda: host), stream=host, purposes=DOWNLOAD)


KINDS: Final = (
    FaultKind(
        "link-slow",
        "link",
        "The link of the device gets slow in the middle, on all its ports and each way.",
        _slow,
        parameters={"speed": Parameter("size", "Bytes per second.", default=2000, minimum=16)},
        takes=frozenset({BYTES, SHARE, TIME, STATE, HEALS}),
        when=HALF,
    ),
    FaultKind(
        "host-dead",
        "link",
        "Nothing comes back from the host of Package URI: no answer, no refusal.",
        _dead,
        expected=LOST,
        deliveries=PULL,
    ),
)
