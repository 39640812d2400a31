"""A TCP connection on a slow link: a stream port in front of another one, which is on a fast network.

The connection of the inner port ends next to the server; between it and the device, this module is the network. What
was read from the inner port and not yet handed on is bounded by a receive window and one read.
"""

from __future__ import annotations

import errno
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from simulator.network.lane import WINDOW, Lane
from simulator.network.link import TCP_HEADERS
from simulator.network.turns import Turns
from simulator.ports import UNSENT_MAX, unread

if TYPE_CHECKING:
    from simulator.network.link import Link
    from simulator.ports import Address, StreamPort, StreamReceiver
    from simulator.transport.schedule import Schedule

CONNECT_TIMEOUT_S: Final = 30.0
GIVE_UP_S: Final = 900.0
"""How long a connection stands after its last word when TCP gives up: about what 15 retransmissions take."""


class ShapedStream:
    """One TCP connection behind a link in each direction; as a receiver, what stands above the inner port.

    Args:
        receiver: what stands above.
        schedule: carries what is on its way.
        up: from the device.
        down: to the device.
        turns: clock of the peer's turns.
    """

    __slots__ = (
        "_choked",
        "_closing",
        "_finished",
        "_inner",
        "_lost",
        "_paused",
        "_receiver",
        "_schedule",
        "_turns",
        "down",
        "up",
    )

    def __init__(self, receiver: StreamReceiver, schedule: Schedule, up: Link, down: Link, turns: Turns) -> None:
        self._receiver = receiver
        self._schedule = schedule
        self._turns = turns
        self._inner: StreamPort | None = None
        self.up = Lane(schedule, up, down, self._write_on, self._give_up)
        self.down = Lane(schedule, down, up, self._hand_on, self._give_up)
        self.up.opposite, self.down.opposite = self.down, self.up
        # Nothing is handed on before the owner knows of the connection.
        self._paused = self.down.holding = True
        self._choked = self._closing = self._finished = self._lost = False

    def attach(self, inner: StreamPort) -> None:
        """The inner connection stands."""
        self._inner = inner
        self._choke()

    # -- what the owner calls --------------------------------------------------------------------------------------

    @property
    def local(self) -> Address:
        """The address that the peer sees."""
        assert self._inner is not None
        return self._inner.local

    def write(self, data: bytes) -> None:
        """Send bytes; nothing on a closed connection."""
        if not data or self._closing or self._lost:
            return
        if self.up.held > UNSENT_MAX:
            self._reset(unread(self.local))
        else:
            self.up.put(data)

    def pause(self) -> None:
        """Take no more bytes; what is on its way waits, and the peer stops when the window is full."""
        self._paused = True
        if not self._closing:
            self.down.holding = True

    def resume(self) -> None:
        """Take bytes again, from the next turn of the loop on."""
        if self._paused:
            self._paused = False
            self._schedule.at(self._schedule.now(), self._go_on)

    def _go_on(self) -> None:
        if not self._paused:
            self.down.holding = False
            self.down.hand_on()

    def close(self) -> None:
        """Close after what was written has arrived; what still comes is answered with a reset."""
        if not (self._closing or self._lost):
            self._closing = True
            self.down.deafen()
            self._choke()
            self.up.end(self._close_inner)

    def abort(self) -> None:
        """Close at once; the peer learns of it as soon as a reset has passed the link."""
        if not self._lost:
            self._reset(None)

    def _reset(self, error: OSError | None) -> None:
        self._closing = True
        self.up.clear()
        self.up.end(self.discard)
        self.down.deafen()
        self._schedule.at(self._schedule.now(), self._lose, error)

    def discard(self) -> None:
        """Reset the inner connection now; the owner is told nothing that it does not know."""
        self._lost = self._closing = True
        if self._inner is not None:
            self._inner.abort()

    # -- what passes the link --------------------------------------------------------------------------------------

    def _write_on(self, data: bytes) -> None:
        if self._inner is not None:
            self._turns.asked(self._schedule.now())
            self._inner.write(data)

    def _close_inner(self) -> None:
        self._finished = True
        if self._inner is not None:
            self._inner.close()

    def _hand_on(self, data: bytes) -> None:
        self._receiver.on_data(data)
        if self._choked and self.down.held <= WINDOW // 2 and self._inner is not None:
            self._choked = False
            self._inner.resume()

    def _hand_on_eof(self) -> None:
        if not (self._closing or self._lost):
            self._receiver.on_eof()

    def _give_up(self) -> None:
        self._schedule.at(self._schedule.now() + GIVE_UP_S, self._time_out)

    def _time_out(self) -> None:
        self._lose(TimeoutError(errno.ETIMEDOUT, f"TCP {self.local}: the peer acknowledges nothing"))
        self.discard()

    def _lose(self, error: OSError | None) -> None:
        if self._lost:
            return
        self._lost = True
        self.down.deafen()
        self._receiver.on_lost(error)

    # -- what the inner port tells ---------------------------------------------------------------------------------

    def on_data(self, data: bytes) -> None:
        """Bytes of the server: they take their time from here on."""
        self._turns.answered(self._schedule.now())
        if not (self._closing or self._lost):
            self.down.put(data)
        self._choke()

    def _choke(self) -> None:
        """Read no more where a window waits already, or nobody would listen.

        TCP's own flow control does the rest; and where bytes were not read, closing is a reset (RFC 1122 §4.2.2.13).
        """
        if self._inner is not None and not self._choked and (self._closing or self.down.held > WINDOW):
            self._choked = True
            self._inner.pause()

    def on_eof(self) -> None:
        """The server's FIN comes behind its bytes."""
        self.down.end(self._hand_on_eof)

    def on_lost(self, error: OSError | None) -> None:
        """A reset comes behind the bytes, too; what this side has closed need not pass the link."""
        self.up.clear()
        if self._finished:
            self._lose(error)
        else:
            self.down.end(partial(self._lose, error))


async def connect(
    schedule: Schedule,
    links: tuple[Link, Link],
    remote: Address,
    receiver: StreamReceiver,
    open_inner: Callable[[StreamReceiver], Awaitable[StreamPort]],
    turns: Turns | None = None,
) -> ShapedStream:
    """Connect through the links up and down, which takes a round trip.

    Args:
        schedule: carries what is on its way.
        links: up and down.
        remote: for the text of errors.
        receiver: what stands above.
        open_inner: connects next to the server, when the SYN has got there.
        turns: clock of the peer's turns, where somebody asks for it.

    Raises:
        OSError: what ``open_inner`` raises - a refusal after its way back -, or no answer within 30 s.
    """
    up, down = links
    stream = ShapedStream(receiver, schedule, up, down, turns or Turns())
    deadline = schedule.now() + CONNECT_TIMEOUT_S
    await _until(schedule, stream.up.knock(), deadline, remote)
    try:
        stream.attach(await open_inner(stream))
    except ConnectionRefusedError:
        await _until(schedule, stream.down.knock(), deadline, remote)
        raise
    try:
        await _until(schedule, stream.down.knock(), deadline, remote)
    except BaseException:
        stream.discard()
        raise
    up.send(TCP_HEADERS, schedule.now())  # the last part of the handshake (RFC 9293 §3.5)
    stream.resume()
    return stream


async def _until(schedule: Schedule, when: float, deadline: float, remote: Address) -> None:
    """Wait until ``when``, but no longer than until ``deadline``.

    Raises:
        TimeoutError: the deadline came first.
    """
    await schedule.wait(min(when, deadline))
    if when > deadline:
        raise TimeoutError(errno.ETIMEDOUT, f"TCP {remote}: no answer within {CONNECT_TIMEOUT_S:g} s")
