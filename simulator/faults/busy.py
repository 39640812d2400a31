"""A flash that takes its time: while it writes, the device neither takes what comes in nor sends (back-pressure).

The event loop never waits. What arrives meanwhile is held at the ports of the device, and streams are paused, so that
the window of TCP closes on the sender; what the device sends leaves when the write is done.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

from simulator.faults.filters import LinkFilter
from simulator.faults.kinds import HEALS, PROBABILITY, TIMES, FaultKind, Made, Parameter, Scene
from simulator.faults.streams import Connect, HoldingStream
from simulator.faults.triggers import BLOCK, BYTES, SHARE, TIME, When
from simulator.faults.wrapped_flash import FlashFault

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.faults.triggers import Trigger
    from simulator.ports import Flash, StreamPort, StreamReceiver

LONGEST_S: Final = 1.5
"""A single write: below ACK_TIMEOUT (RFC 7252 §4.8), as a message that waits here is sent already for the engine."""


class Busy:
    """Until when one device is busy; as a filter, the one of datagrams."""

    __slots__ = ("_until",)

    def __init__(self) -> None:
        self._until = 0.0

    @property
    def left(self) -> float:
        """Seconds until the writes so far are done."""
        return max(self._until - asyncio.get_running_loop().time(), 0.0)

    def add(self, seconds: float) -> None:
        """One more write begins, when those before it are done."""
        now = asyncio.get_running_loop().time()
        self._until = max(self._until, now) + seconds

    def passes(self, data: bytes, way: str) -> list[tuple[float, bytes]]:  # noqa: ARG002
        """Everything, later."""
        return [(self.left, data)]

    async def open(self, connect: Connect, receiver: StreamReceiver) -> StreamPort:
        """A connection of a device that is busy at times.

        Raises:
            OSError: what ``connect`` raises.
        """
        stream = BusyStream(receiver, self)
        stream.attach(await connect(stream))
        return stream


class BusyStream(HoldingStream):
    """A connection on which nothing moves while the device is busy."""

    __slots__ = ("_busy", "_events", "_unsent", "_waits")

    def __init__(self, receiver: StreamReceiver, busy: Busy) -> None:
        super().__init__(receiver)
        self._busy = busy
        self._events: deque[Callable[[], None]] = deque()
        """What came in and waits, in order."""
        self._unsent: list[bytes] = []
        self._waits = False

    # -- from the port below ---------------------------------------------------------------------------------------

    def on_data(self, data: bytes) -> None:
        """Hand on the next bytes, or hold them."""
        self._take(lambda: self._receiver.on_data(data))

    def _take(self, event: Callable[[], None]) -> None:
        if not self._events and not self._paused and not self._busy.left:
            event()
            return
        self._events.append(event)
        self._hold_back()
        self._go_on_later()

    def _go_on_later(self) -> None:
        if not self._waits:
            self._waits = True
            asyncio.get_running_loop().call_later(self._busy.left, self._go_on)

    def _go_on(self) -> None:
        self._waits = False
        while (self._events or self._unsent) and not self._closed:
            if self._busy.left:
                self._go_on_later()
                return
            unsent, self._unsent = self._unsent, []
            for data in unsent:
                super().write(data)
            if self._paused:
                return
            if self._events:
                self._events.popleft()()
        if not self._paused and not self._closed:
            self._let_come()

    def _holds(self) -> bool:
        return bool(self._events)

    # -- from above ------------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send bytes, when the device gets to it."""
        if self._unsent or self._busy.left:
            self._unsent.append(data)
            self._go_on_later()
        else:
            super().write(data)

    def abort(self) -> None:
        """Close at once; what the device has sent is lost."""
        self._unsent.clear()
        super().abort()

    def _end(self) -> None:
        # In order, what the device has sent leaves before.
        for data in self._unsent:
            super().write(data)
        self._unsent.clear()
        self._events.clear()


class SlowFlash(FlashFault):
    """A flash each of whose writes takes a time."""

    __slots__ = ("_busy", "_seconds", "_struck", "_trigger")

    def __init__(
        self, flash: Flash, busy: Busy, seconds: float, trigger: Trigger, struck: Callable[[str], None]
    ) -> None:
        super().__init__(flash)
        self._busy = busy
        self._seconds = seconds
        self._trigger = trigger
        self._struck = struck

    def write(self, data: bytes) -> None:
        """Append bytes, and be busy with them."""
        self._flash.write(data)
        if self._trigger.strikes(len(data)):
            self._struck(f"a write of {len(data)} bytes takes {self._seconds:g} s")
            self._busy.add(self._seconds)


def _slow(scene: Scene) -> Made:
    busy, trigger, seconds = Busy(), scene.trigger(), float(scene.parameters["takes"])
    return Made(
        flash=lambda flash: SlowFlash(flash, busy, seconds, trigger, scene.struck),
        link=LinkFilter(lambda: busy),
        stream=busy,
    )


KINDS: Final = (
    FaultKind(
        "flash-slow",
        "busy",
        "Writes to the flash take a time, in which the device takes nothing from its ports and sends nothing.",
        _slow,
        parameters={
            "takes": Parameter("duration", "Time of each write.", default=0.05, minimum=0.0, maximum=LONGEST_S)
        },
        takes=frozenset({BYTES, SHARE, BLOCK, TIME, PROBABILITY, TIMES, HEALS}),
        when=When(times=None),
    ),
)
