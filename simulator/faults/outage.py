"""An outage of a device's link: from some byte on nothing passes, for good or for a while, whatever the transport."""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING, Final

from simulator.faults.filters import IN
from simulator.faults.streams import Connect, StreamBetween
from simulator.faults.triggers import AfterBytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.faults.triggers import Trigger
    from simulator.ports import StreamPort, StreamReceiver

SILENT: Final = "silent"
RESET: Final = "reset"
CLOSED: Final = "closed"

CONNECT_TIMEOUT_S: Final = 30.0
"""How long a device waits for the answer to its SYN, as ``Network.open_stream`` has it."""

_DETAILS: Final = {SILENT: "silent from here on", RESET: "reset", CLOSED: "closed by the other side"}


class Outage:
    """What all ports of one device share: whether the link is down, and until when. As a filter, the one of datagrams.

    Args:
        trigger: asked for what comes in, until it begins.
        how: ``silent``, ``reset`` or ``closed``; datagrams know silence alone.
        lasts: seconds until the link is back; None for never.
        struck: told when it begins.
    """

    __slots__ = ("_over", "_silenced", "_struck", "_trigger", "began", "how", "lasts")

    def __init__(self, trigger: Trigger, how: str, lasts: float | None, struck: Callable[[str], None]) -> None:
        self._trigger = trigger
        self._struck = struck
        self._over: asyncio.Event | None = None
        self._silenced: list[LostStream] = []
        self.how = how
        self.lasts = lasts
        self.began = False

    @property
    def down(self) -> bool:
        """Whether nothing passes now."""
        return self._over is not None and not self._over.is_set()

    def passes(self, data: bytes, way: str) -> list[tuple[float, bytes]]:
        """Everything, then nothing, then everything again."""
        if way == IN and self.take(len(data)) < len(data):
            self.begin()
        return [] if self.down else [(0.0, data)]

    def take(self, size: int) -> int:
        """How many of the next bytes that come in still pass."""
        if self.began:
            return 0 if self.down else size
        trigger = self._trigger
        # Of bytes the trigger knows how many still pass, of a time or a State nobody does.
        room = trigger.left if isinstance(trigger, AfterBytes) else 0
        return room if trigger.strikes(size) else size

    def begin(self) -> None:
        """The link goes down now."""
        if self.began:
            return
        self.began = True
        self._over = asyncio.Event()
        self._struck(_DETAILS[self.how] + (f", for {self.lasts:g} s" if self.lasts is not None else ""))
        if self.lasts is not None:
            asyncio.get_running_loop().call_later(self.lasts, self._end)

    def _end(self) -> None:
        assert self._over is not None
        self._over.set()
        silenced, self._silenced = self._silenced, []
        for stream in silenced:
            stream.go_on()

    def silence(self, stream: LostStream) -> None:
        """This stream goes on when the link is back."""
        if self.lasts is not None:
            self._silenced.append(stream)

    async def open(self, connect: Connect, receiver: StreamReceiver) -> StreamPort:
        """A connection through the outage, or none.

        Raises:
            OSError: the link is down, or what ``connect`` raises.
        """
        if self.down:
            await self._back()
        stream = LostStream(receiver, self)
        stream.attach(await connect(stream))
        return stream

    async def _back(self) -> None:
        assert self._over is not None
        if self.how != SILENT:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self._over.wait()
        except TimeoutError:
            raise TimeoutError(errno.ETIMEDOUT, f"no answer within {CONNECT_TIMEOUT_S:g} s") from None


class LostStream(StreamBetween):
    """A connection that dies, or falls silent, in the middle of what comes in.

    What is on its way when the link falls silent is held back, as TCP would send it again: it goes on when the link is
    back. The server meanwhile has a connection from which nothing comes; it is reset when the device gives up.
    """

    __slots__ = ("_dead", "_early_end", "_held", "_outage", "_paused", "_silent", "_unsent")

    def __init__(self, receiver: StreamReceiver, outage: Outage) -> None:
        super().__init__(receiver)
        self._outage = outage
        self._held: list[bytes] = []
        self._unsent: list[bytes] = []
        self._early_end: Callable[[], None] | None = None
        """What the other side did to the connection while the link was silent."""
        self._dead = self._silent = self._paused = False

    def attach(self, port: StreamPort) -> None:
        """The connection stands; it may have died by the first bytes that came over it."""
        super().attach(port)
        if self._dead or self._silent:
            self._cut()

    def _cut(self) -> None:
        if self._port is not None:
            self._port.pause()
            if self._dead and self._outage.how == RESET:
                self._port.abort()

    # -- from the port below ---------------------------------------------------------------------------------------

    def on_data(self, data: bytes) -> None:
        """Hand on what comes before the outage."""
        if self._dead:
            return
        if self._silent:
            self._held.append(data)
            return
        passed = self._outage.take(len(data))
        if passed:
            self._receiver.on_data(data if passed == len(data) else data[:passed])
        if passed < len(data):
            self._break(data[passed:])

    def _break(self, rest: bytes) -> None:
        outage = self._outage
        outage.begin()
        if outage.how == SILENT:
            self._held.append(rest)
            self.fall_silent()
            return
        self._dead = True
        self._cut()
        if outage.how == RESET:
            self._receiver.on_lost(ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"))
        else:
            self._receiver.on_eof()

    def fall_silent(self) -> None:
        """Nothing comes or goes any more, until ``go_on``."""
        if not (self._silent or self._dead):
            self._silent = True
            self._outage.silence(self)
            self._cut()

    def on_eof(self) -> None:
        """A FIN does not get through a silent link either."""
        if self._silent:
            self._early_end = self._receiver.on_eof
        elif not self._dead:
            self._receiver.on_eof()

    def on_lost(self, error: OSError | None) -> None:
        """Nor does a reset; that this side has closed, it knows itself."""
        if self._dead and self._outage.how == RESET:
            return
        if self._silent and error is not None:
            self._early_end = lambda: self._receiver.on_lost(error)
        else:
            self._receiver.on_lost(error)

    # -- from above ------------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send bytes; into silence, when the link is back."""
        if self._silent:
            if self._outage.lasts is not None:
                self._unsent.append(data)
        elif not self._dead:
            super().write(data)

    def pause(self) -> None:
        """Take no more bytes from the peer."""
        self._paused = True
        super().pause()

    def resume(self) -> None:
        """Take bytes again."""
        self._paused = False
        if not self._silent:
            asyncio.get_running_loop().call_soon(self._hand_on)

    def close(self) -> None:
        """Close; over a link that is down no FIN gets through, and the other side is told by a reset."""
        if self._silent or self._dead:
            self.abort()
        else:
            super().close()

    def abort(self) -> None:
        """Close at once."""
        self._silent, self._dead = False, True
        self._held.clear()
        super().abort()

    def go_on(self) -> None:
        """The link is back."""
        if self._silent:
            self._silent = False
            unsent, self._unsent = self._unsent, []
            for data in unsent:
                super().write(data)
            self._hand_on()

    def _hand_on(self) -> None:
        while self._held and not (self._paused or self._dead or self._silent):
            self._receiver.on_data(self._held.pop(0))
        if self._held or self._paused or self._dead or self._silent:
            return
        end, self._early_end = self._early_end, None
        if end is not None:
            end()
        else:
            super().resume()


__all__ = ["CLOSED", "RESET", "SILENT", "LostStream", "Outage"]
