"""What a person at the console does beside the update itself: what a fault wants, and what the scenario orders.

An act is data. It is done once, when the server has told the State that it is for, and the device's answer is held
against the declared one: what is refused has to be refused with that code, and to change nothing. A fault cancels or
clears an update, orders another one, or too soon; a scenario reads, writes and executes what it likes.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from simulator.events import FaultApplied
from simulator.operator.driver import Answer
from simulator.operator.requests import ask, note, read_progress
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
AT_END: Final = -1
"""Stands for a State: when the update is over and its end has been read."""
NEVER_S: Final = 1e9
"""Longer than any run, in seconds."""


@dataclass(frozen=True, slots=True)
class Act:
    """One request beside the update."""

    fault: str
    """The kind of fault that it belongs to; empty for an order of the scenario."""
    state: int
    """The State (/5/0/3) in which it is made: before the delivery for 0, and ``AT_END``."""
    do: str
    """``cancel``, ``update``, ``uri`` or ``package``; of a scenario ``read``, ``write`` or ``execute``."""
    uri: str
    """What a ``uri`` writes; empty to clear."""
    file: Path
    """What is written to Package (/5/0/0)."""
    code: str
    """Response code that the device is declared to answer with, such as ``4.05``."""
    path: str = ""
    """The resource that an order of the scenario is for."""
    value: str | None = None
    """What it writes, the arguments of an ``execute``, or what a ``read`` is declared to give; None for anything."""

    @property
    def label(self) -> str:
        """Names it in a reason."""
        what = f"{self.do} of {self.path}" if self.path else self.do
        return f"{what} at the end" if self.state == AT_END else f"{what} in State {self.state}"


class Acts:
    """The acts of one update.

    Attributes:
        over: one of them brought the device back to Idle, so that nothing more comes of the update.
        wrong: what an answer was other than declared; empty where there is nothing.
        unheard: which order of the scenario had no answer; empty where each had one.
    """

    def __init__(self, console: Console, watch: Watch, acts: tuple[Act, ...]) -> None:
        self._console = console
        self._watch = watch
        self._acts = acts
        self._asking = False
        self._done: set[Act] = set()
        self.over = False
        self.wrong = ""
        self.unheard = ""

    @property
    def left(self) -> str:
        """The first order of the scenario that was never given; empty where there is none."""
        return next((act.label for act in self._acts if not act.fault and act not in self._done), "")

    async def do(self, state: int) -> None:
        """Do what is for this State, which the device is in now; nothing after the end of the update."""
        for act in self._acts:
            if act.state == state and (state == AT_END or not self.over):
                self._done.add(act)
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
        reply = await ask(console, watch, act.do if act.fault else f"order_{act.do}", self._request(act))
        if act.do == "read":
            note(console, watch, act.path, reply, "read")
        if isinstance(reply, Answer):
            self._judge(act, reply)
        elif not act.fault:
            self.unheard = self.unheard or f"{act.label} had no answer: {reply}"
        if act.fault:
            told = reply.code if isinstance(reply, Answer) else "no answer"
            console.sink.emit(FaultApplied(console.now(), watch.device, act.fault, "order", f"{act.label}: {told}"))
        if act.do != "read" and await read_progress(console, watch) and act.state != IDLE:
            self.over = watch.state == IDLE
            watch.wake()

    def _judge(self, act: Act, reply: Answer) -> None:
        if self.wrong:
            return
        if reply.code != act.code:
            self.wrong = f"{act.label} was answered with {reply.code}; declared was {act.code}"
        elif act.do == "read" and act.value is not None and reply.value != act.value:
            self.wrong = f"{act.label} gave {reply.value!r}; declared was {act.value!r}"

    def _request(self, act: Act) -> Callable[[], Awaitable[Answer]]:
        driver, endpoint = self._console.driver, self._watch.endpoint
        timeout_s = self._console.patience.request_s
        path, text = act.path, act.value or ""
        if act.do == "read":
            return lambda: driver.read(endpoint, path, timeout_s)
        if act.do == "package" or (act.do == "write" and path == PACKAGE):
            return lambda: driver.write_file(endpoint, PACKAGE, act.file, timeout_s)
        if act.do == "write":
            return lambda: driver.write_text(endpoint, path, text, timeout_s)
        if act.do == "uri":
            return lambda: driver.write_text(endpoint, PACKAGE_URI, act.uri, timeout_s)
        path = path or (CANCEL if act.do == "cancel" else UPDATE)
        return lambda: driver.execute(endpoint, path, text, timeout_s)


__all__ = ["AT_END", "CANCEL", "IDLE", "PACKAGE", "PACKAGE_URI", "UPDATE", "Act", "Acts"]
