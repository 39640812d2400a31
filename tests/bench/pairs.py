"""Two fleets side by side, which do the same in turn, round by round: what one costs more than the other.

Both live for the whole measurement, each with a server of its own, and one of them idles while the other works. So both
meet the machine as it is in the same second, and a ratio of two rounds is worth much more than one of two runs.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from math import comb
from pathlib import Path
from typing import Any, Final, NamedTuple

from simulator.operator.driver import Notified, Registered, ServerEvent
from tests.bench import c_peers
from tests.bench.orders import DOWNLOADED, REQUEST_S, STATE, origin_uri
from tests.bench.rig import WAIT_S, BenchError, Load, Rig, rig

IDLE: Final = "0"
AT_ONCE: Final = 4_000
"""Devices that download at the same time: each has two sockets then, and a process may open 20,000 files."""
CERTAINTY: Final = 0.95


class Spent(NamedTuple):
    """CPU seconds of one fleet in one round."""

    download: float
    """From the first Write of Package URI to the last State 2."""
    update: float
    """From there to the last Register of the new firmware; 0 where nobody executes."""


class Interval(NamedTuple):
    """Where the median of what was sampled lies, with a certainty of 95 % at least."""

    low: float
    high: float


def interval(values: Sequence[float]) -> Interval | None:
    """The interval between two order statistics, whatever the distribution is; None for fewer than six values."""
    ranked, n = sorted(values), len(values)
    missed, k = 0.0, 0
    while k < n // 2 and missed + 2 * comb(n, k) / 2**n <= 1 - CERTAINTY:
        missed += 2 * comb(n, k) / 2**n
        k += 1
    return Interval(ranked[k - 1], ranked[n - k]) if k else None


def spread(values: Sequence[float]) -> str:
    """The median's interval in words."""
    found = interval(values)
    return f"median between {found.low:.3f} and {found.high:.3f} (95 %)" if found else "too few rounds for an interval"


class Fleet:
    """One of the two fleets, registered and observed."""

    def __init__(self, under_test: Rig, uri: str) -> None:
        self._rig = under_test
        self._uri = uri
        self._states: dict[str, str] = {}
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._fetched: dict[str, asyncio.Event] = {}
        self._registered: Counter[str] = Counter()
        under_test.listeners.append(self._on_event)

    def _on_event(self, event: ServerEvent) -> None:
        if isinstance(event, Notified) and event.path == STATE:
            self._states[event.endpoint] = event.value
            if event.value == DOWNLOADED and event.endpoint in self._fetched:
                self._fetched[event.endpoint].set()
        elif isinstance(event, Registered):
            self._registered[event.endpoint] += 1

    async def begin(self) -> None:
        """Register all devices."""
        await self._rig.go()
        await self._rig.until_counted("registered", self._rig.load.devices)
        await self._rig.until(lambda: len(self._registered) == self._rig.load.devices, "registrations")

    async def round(self, *, update: bool) -> Spent:
        """Download the package everywhere, then install it or give it up.

        Raises:
            BenchError: a device refused something, or did not come so far in time.
        """
        driver = self._rig.driver
        begun = self._rig.cpu_s()
        await self._all(lambda endpoint: driver.observe(endpoint, STATE, REQUEST_S), "2.05")
        await self._all(self._fetch, "2.04")
        downloaded = self._rig.cpu_s()
        if not update:
            await self._all(lambda endpoint: driver.write_text(endpoint, "/5/0/1", "", REQUEST_S), "2.04")
            await self._until(IDLE)
            return Spent(downloaded - begun, 0.0)
        before = self._registered.copy()
        await self._all(lambda endpoint: driver.execute(endpoint, "/5/0/2", "", REQUEST_S), "2.04")
        await self._rig.until(
            lambda: all(self._registered[e] > before[e] for e in self._rig.endpoints), "new Registers"
        )
        return Spent(downloaded - begun, self._rig.cpu_s() - downloaded)

    async def _fetch(self, endpoint: str) -> Any:
        """Have one device download, when it is its turn."""
        async with self._gate:
            done = self._fetched[endpoint] = asyncio.Event()
            answer = await self._rig.driver.write_text(endpoint, "/5/0/1", self._uri, REQUEST_S)
            if answer.code == "2.04":
                await asyncio.wait_for(done.wait(), WAIT_S)
            return answer

    async def _all(self, ask: Callable[[str], Coroutine[Any, Any, Any]], code: str) -> None:
        answers = await asyncio.gather(*map(ask, self._rig.endpoints))
        other = Counter(answer.code for answer in answers if answer.code != code)
        if other:
            msg = f"devices answered {dict(other)}, and not {code}"
            raise BenchError(msg)

    async def _until(self, state: str) -> None:
        endpoints = self._rig.endpoints
        await self._rig.until(lambda: all(self._states.get(e) == state for e in endpoints), f"State {state} of all")


async def rounds(
    directory: Path, one: Load, other: Load, count: int, *, update: bool, say: Callable[[int], None]
) -> list[tuple[Spent, Spent]]:
    """What each of two fleets spends in each round; who begins alternates. A first round of each is not counted.

    Args:
        directory: for the files of the processes.
        update: install what was downloaded; otherwise it is given up again.
        say: told of the number of each round.

    Raises:
        BenchError: a fleet did not do what it should.
    """
    async with AsyncExitStack() as stack:
        rigs = [
            await stack.enter_async_context(rig(directory / name, load))
            for name, load in zip("ab", (one, other), strict=True)
        ]
        port = stack.enter_context(c_peers.server(one.package_bytes, rigs[0].package))
        fleets = [Fleet(under_test, origin_uri(port)) for under_test in rigs]
        for fleet in fleets:
            await fleet.begin()
        found = []
        for number in range(count + 1):
            say(number)
            spent = {k: await fleets[k].round(update=update) for k in ((0, 1) if number % 2 else (1, 0))}
            found.append((spent[0], spent[1]))
        return found[1:]
