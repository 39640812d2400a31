"""The events of Leshan's demo server: one stream, opened again when it breaks, and what it missed made good."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from simulator.operator import leshan_rest as rest
from simulator.operator.driver import Deregistered, DriverError, Registered, Updated
from simulator.operator.sse import SseError, SseEvent, SseParser

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from simulator.operator.driver import OnEvent
    from simulator.operator.leshan_web import WebApi

log = logging.getLogger(__name__)

HOLD_S: Final = 0.1
"""How long a DEREGISTRATION is held back: a REGISTRATION that follows at once says that it was a Register again."""
AGAIN_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0)
"""Waits between attempts to open the stream; the last one is repeated."""
GONE_S: Final = 30.0
"""A server that cannot be reached for this long is taken to be gone."""

BROKEN: Final = (aiohttp.ClientError, OSError, TimeoutError, SseError, DriverError)


class Registry:
    """Follows who is registered, and makes of the server's events those of the driver.

    The server tells of a Register of an endpoint that is registered already as DEREGISTRATION and REGISTRATION, and of
    an expiry as of a De-register, so the cause of an end is not known.

    Args:
        emit: takes the events of the driver.
    """

    def __init__(self, emit: OnEvent) -> None:
        self._emit = emit
        self._known: dict[str, str] = {}
        self._held: dict[str, asyncio.TimerHandle] = {}

    def take(self, event: str, data: dict[str, Any]) -> None:
        """Take one event of the stream; kinds that say nothing of updates are passed over.

        Raises:
            KeyError: it is not understood.
        """
        if event == "REGISTRATION":
            self._registered(str(data["endpoint"]), str(data["registrationId"]))
        elif event == "UPDATED":
            registration = data["registration"]
            self._updated(str(registration["endpoint"]), str(registration["registrationId"]))
        elif event == "DEREGISTRATION":
            self._deregistered(str(data["endpoint"]), str(data["registrationId"]))
        elif event == "NOTIFICATION":
            notification = rest.notified(data)
            if notification is not None:
                self._emit(notification)

    def begin(self, clients: dict[str, str]) -> None:
        """Take who is registered when the stream opens first: left from before, and no news."""
        self._known = dict(clients)

    def resume(self, clients: dict[str, str]) -> None:
        """Take who is registered when the stream opens again, and tell of what it missed."""
        for endpoint in [name for name in self._known if name not in clients]:
            self._deregistered(endpoint, self._known[endpoint])
        for endpoint, number in clients.items():
            self._registered(endpoint, number)

    def close(self) -> None:
        """Tell nothing more."""
        for timer in self._held.values():
            timer.cancel()
        self._held.clear()

    def _registered(self, endpoint: str, number: str) -> None:
        before = self._known.get(endpoint, "")
        if before == number:
            return
        timer = self._held.pop(endpoint, None)
        if timer is not None:
            timer.cancel()
        self._known[endpoint] = number
        self._emit(Registered(endpoint, number, before))

    def _updated(self, endpoint: str, number: str) -> None:
        self._registered(endpoint, number)
        self._emit(Updated(endpoint, number))

    def _deregistered(self, endpoint: str, number: str) -> None:
        if self._known.get(endpoint) == number and endpoint not in self._held:
            later = asyncio.get_running_loop().call_later
            self._held[endpoint] = later(HOLD_S, self._gone, endpoint, number)

    def _gone(self, endpoint: str, number: str) -> None:
        del self._held[endpoint]
        del self._known[endpoint]
        self._emit(Deregistered(endpoint, number, ""))


async def follow_events(web: WebApi, registry: Registry, opened: Callable[[], None]) -> str:
    """Read the stream of events until the server is gone; the reason.

    Args:
        web: the server.
        registry: takes the events.
        opened: called whenever the stream is open and ``registry`` knows who is registered.
    """
    loop = asyncio.get_running_loop()
    started = False
    attempt, lost = 0, loop.time()
    while True:
        try:
            async with web.events() as stream:
                # Asked after the stream is open, so that nothing falls between the two.
                (registry.resume if started else registry.begin)(await web.registrations())
                started, attempt = True, 0
                opened()
                await _read(stream, registry)
                reason = "the server ended the stream"
        except BROKEN as error:
            reason = str(error) or type(error).__name__
        if attempt == 0:
            lost = loop.time()
            log.info("no stream of events (%s); it is opened again", reason)
        elif loop.time() - lost > GONE_S:
            return f"its events could not be had for {GONE_S:g} s: {reason}"
        await asyncio.sleep(AGAIN_S[min(attempt, len(AGAIN_S) - 1)])
        attempt += 1


async def _read(stream: AsyncIterator[bytes], registry: Registry) -> None:
    parser = SseParser()
    async for chunk in stream:
        for event in parser.feed(chunk):
            _take(registry, event)


def _take(registry: Registry, event: SseEvent) -> None:
    try:
        registry.take(event.event, json.loads(event.data))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        log.warning("event %s not understood (%r): %s", event.event, error, event.data[:200])
