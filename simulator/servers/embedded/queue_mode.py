"""Requests to devices in queue mode: kept while a device may sleep, and made one after the other while it is awake.

A device is taken to be awake for ``AWAKE_S`` after each of its messages (TS 1.1 Core, §6.6), or for less where it was
found to sleep sooner. One that does not answer sleeps: what may be asked twice (RFC 7252 §5.1) is asked again after its
next Register or Update; an Execute is not, for nobody knows whether it was carried out. Whoever has asked gives up when
he likes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Final

from simulator.coap.exchange import Failure
from simulator.lwm2m.queue_mode import AWAKE_S
from simulator.servers.embedded.asked import NO_CONNECTION

if TYPE_CHECKING:
    from simulator.coap.call import Result

Done = Callable[["Result"], None]
GiveUp = Callable[[], None]
Send = Callable[[Done], GiveUp]
"""Makes a request, with what takes its results; gives what gives it up."""


NOBODY_THERE: Final = frozenset({Failure.TIMEOUT, Failure.UNREACHABLE})
"""What comes of a request to a device that sleeps."""


AWAKE_LEAST_S: Final = 1.0
"""What is asked sooner than this after a message is not lost because the device sleeps."""


class _Kept:
    """A request that waits for its device, or for its answer."""

    __slots__ = ("after_s", "done", "repeatable", "send", "stop")

    def __init__(self, send: Send, done: Done, *, repeatable: bool) -> None:
        self.send = send
        self.done = done
        self.repeatable = repeatable
        self.after_s = 0.0
        """How long after the last message of the device it was made."""
        self.stop: Callable[[], None] | None = None
        """What gives it up; None before it was made."""


class _Device:
    """What is to be asked of one device."""

    __slots__ = ("asked", "awake_s", "heard_at", "waiting")

    def __init__(self) -> None:
        self.awake_s = AWAKE_S
        """For how long it is taken to listen after a message."""
        self.heard_at = -inf
        """When it told something; minus infinity for one that sleeps."""
        self.asked: _Kept | None = None
        self.waiting: deque[_Kept] = deque()


class RequestQueues:
    """The queues of a server, by Endpoint Client Name.

    Args:
        now: the clock.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._devices: dict[str, _Device] = {}

    def woke(self, name: str) -> None:
        """A device in queue mode has sent a Register or an Update, which is about to be answered."""
        device = self._devices.setdefault(name, _Device())
        device.heard_at = self._now()
        if device.waiting:
            # After the answer, which a device may need before it listens for anything else.
            asyncio.get_running_loop().call_soon(self._go_on, device)

    def left(self, name: str, *, gone: bool) -> None:
        """A registration is over: what the device was asked by it is asked again when it comes back, or lost.

        Args:
            name: of the device.
            gone: whether there is no other registration of it.
        """
        device = self._devices.get(name)
        if device is None:
            return
        self._lose(device)
        if gone and not device.waiting:
            del self._devices[name]  # a server is not to remember all who ever came

    @staticmethod
    def _lose(device: _Device) -> None:
        kept, device.asked = device.asked, None
        if kept is None:
            return
        if kept.stop is not None:
            kept.stop()
        if kept.repeatable:
            device.waiting.appendleft(kept)
        else:
            kept.done(NO_CONNECTION)

    def ask(self, name: str, send: Send, done: Done, *, repeatable: bool) -> Callable[[], None]:
        """Make a request now, or when the device is awake; returns what gives it up.

        Args:
            name: of the device.
            send: makes it.
            done: takes its results, the first of which is its answer.
            repeatable: whether it may be made again where nobody answered.
        """
        kept = _Kept(send, done, repeatable=repeatable)
        device = self._devices.setdefault(name, _Device())
        device.waiting.append(kept)
        self._go_on(device)
        return lambda: self._give_up(device, kept)

    def waiting(self, name: str) -> int:
        """How many requests wait for a device."""
        device = self._devices.get(name)
        return len(device.waiting) if device is not None else 0

    def __len__(self) -> int:
        """How many devices are known."""
        return len(self._devices)

    def _go_on(self, device: _Device) -> None:
        now = self._now()
        if device.asked is not None or not device.waiting or now - device.heard_at >= device.awake_s:
            return
        kept = device.asked = device.waiting.popleft()
        kept.after_s = now - device.heard_at
        kept.stop = kept.send(lambda result: self._take(device, kept, result))

    def _take(self, device: _Device, kept: _Kept, result: Result) -> None:
        silent = result.failure in NOBODY_THERE
        if silent:
            device.awake_s = max(min(device.awake_s, kept.after_s), AWAKE_LEAST_S)
        device.heard_at = -inf if silent else self._now()
        if device.asked is not kept:
            kept.done(result)  # a notification
            return
        device.asked = None
        if silent and kept.repeatable:
            device.waiting.appendleft(kept)
            return
        kept.done(result)
        self._go_on(device)

    def _give_up(self, device: _Device, kept: _Kept) -> None:
        if kept in device.waiting:
            device.waiting.remove(kept)
            return
        if kept.stop is not None:
            kept.stop()
        if device.asked is kept:
            device.asked = None
            self._go_on(device)


__all__ = ["RequestQueues"]
