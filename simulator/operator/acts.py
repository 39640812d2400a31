"""What a person at the console does in the middle of an update: cancels or clears it, orders another one, or too soon.

An act is data. It is done once, when the server has told the State that it is for, and the device's answer is held
against the declared one: what is refused has to be refused with that code, and to change nothing.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from simulator.events import FaultApplied
from simulator.operator.driver import Answer
from simulator.operator.requests import ask, read_progress
from simulator.operator.watch import STATE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from simulator.operator.requests import Console
    from simulator.operator.watch import Watch

PACKAGE: Final = "/5/0/0"
PACKAGE_URI: Final = "/5/0/1"
UPDATE: Final = "/5/0/2"
CANCEL: Final = "/5/0/10"

IDLE: Final = 0
NEVER_S: Final = 1e9
"""Longer than any run, in seconds."""


@dataclass(frozen=True, slots=True)
class Act:
    """One request in the middle of an update."""

    fault: str
    """The kind of fault that it belongs to."""
    state: int
    """The State (/5/0/3) in which it is made."""
    do: str
    """``cancel``, ``update``, ``uri`` or ``package``."""
    uri: str
    """What a ``uri`` writes; empty to clear."""
    file: Path
    """What a ``package`` writes."""
    code: str
    """Response code that the device is declared to answer with, such as ``4.05``."""


class Acts:
    """The acts of one update.

    Attributes:
        over: one of them brought the device back to Idle, so that nothing more comes of the update.
        wrong: what an answer was other than declared; empty where there is nothing.
    """

    def __init__(self, console: Console, watch: Watch, acts: tuple[Act, ...]) -> None:
        self._console = console
        self._watch = watch
        self._acts = acts
        self._asking = False
        self.over = False
        self.wrong = ""

    async def do(self, state: int) -> None:
        """Do what is for this State, which the device is in now; nothing after the end of the update."""
        for act in self._acts:
            if act.state == state and not self.over:
                await self._do(act)

    @asynccontextmanager
    async def while_in(self, state: int) -> AsyncIterator[None]:
        """Do what is for this State as soon as the server tells it, beside what else is done meanwhile."""
        if not any(act.state == state for act in self._acts):
            yield
            return
        task = asyncio.get_running_loop().create_task(self._when(state))
        try:
            yield
            if self._asking:
                await task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _when(self, state: int) -> None:
        await self._watch.until(lambda w: w.state == state or (STATE, state) in w.seen, NEVER_S)
        self._asking = True
        await self.do(state)
        self._asking = False

    async def _do(self, act: Act) -> None:
        console, watch = self._console, self._watch
        reply = await ask(console, watch, act.do, self._request(act))
        told = reply.code if isinstance(reply, Answer) else "no answer"
        detail = f"{act.do} in State {act.state}: {told}"
        console.sink.emit(FaultApplied(console.now(), watch.device, act.fault, "order", detail))
        if isinstance(reply, Answer) and reply.code != act.code:
            self.wrong = f"{act.do} in State {act.state} was answered with {reply.code}; declared was {act.code}"
        if await read_progress(console, watch) and act.state != IDLE:
            self.over = watch.state == IDLE
            watch.wake()

    def _request(self, act: Act) -> Callable[[], Awaitable[Answer]]:
        driver, endpoint = self._console.driver, self._watch.endpoint
        timeout_s = self._console.patience.request_s
        if act.do == "uri":
            return lambda: driver.write_text(endpoint, PACKAGE_URI, act.uri, timeout_s)
        if act.do == "package":
            return lambda: driver.write_file(endpoint, PACKAGE, act.file, timeout_s)
        path = CANCEL if act.do == "cancel" else UPDATE
        return lambda: driver.execute(endpoint, path, "", timeout_s)


__all__ = ["CANCEL", "IDLE", "PACKAGE", "PACKAGE_URI", "UPDATE", "Act", "Acts"]
