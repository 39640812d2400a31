"""One firmware update as the person at the console sees it: order it, follow it, read how it ended.

Every request has a time-out and the whole has one; what cannot be found out by then is ``unknown``, not a failure. A
missed notification costs a poll interval, not the update: while nothing is heard, State and Update Result are read.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from simulator.events import OperatorStepEnded, ServerReported, UpdateEnded
from simulator.operator.driver import Answer, DriverError, NoAnswerError
from simulator.operator.watch import RESULT, STATE, UNKNOWN, VERSION

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from simulator.events import EventSink
    from simulator.operator.driver import Driver
    from simulator.operator.watch import Watch

PACKAGE: Final = "/5/0/0"
PACKAGE_URI: Final = "/5/0/1"
UPDATE: Final = "/5/0/2"

DOWNLOADED: Final = 2
FAILED_AFTER_EXECUTE: Final = frozenset({5, 8})


@dataclass(frozen=True, slots=True)
class Order:
    """What one device is told to install, and how that is declared to end."""

    delivery: str
    """``pull`` or ``push``."""
    uri: str
    """Package URI of a pull."""
    package: Path
    """File of a push."""
    version: str
    """Firmware Version (/3/0/3) that a successful update leads to."""
    expected_state: int
    expected_result: int


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the operator waits, in seconds."""

    update_s: float
    """For a whole update, from its start."""
    request_s: float
    """For the answer to one request; a push gets ``update_s``, because it is one request of many blocks."""
    poll_s: float
    """Without news for this long, State and Update Result are read."""


class Console(NamedTuple):
    """What an update works with."""

    driver: Driver
    sink: EventSink
    now: Callable[[], float]
    requests: asyncio.Semaphore
    """How many requests may be under way at the server at once."""
    patience: Patience


class StepFailedError(Exception):
    """An update cannot go on; ``outcome`` is ``fail`` or ``unknown``."""

    def __init__(self, outcome: str, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome


async def ask(console: Console, watch: Watch, step: str, request: Callable[[], Awaitable[Answer]]) -> Answer | None:
    """One request to the server, recorded as a step; None where no answer came."""
    async with console.requests:
        started = console.now()
        outcome, code, detail, answer = "ok", "", "", None
        try:
            answer = await request()
            code = answer.code
            if not code.startswith("2."):
                outcome = "fail"
        except NoAnswerError as error:
            outcome, detail = "unknown", str(error)
        except DriverError as error:
            outcome, detail = "fail", str(error)
    console.sink.emit(OperatorStepEnded(console.now(), watch.device, step, started, outcome, code, detail))
    return answer


async def read(console: Console, watch: Watch, path: str) -> str | None:
    """Read one resource at the server and note what it told."""
    answer = await ask(
        console, watch, "read", lambda: console.driver.read(watch.endpoint, path, console.patience.request_s)
    )
    return note(console, watch, path, answer, "read")


async def observe(console: Console, watch: Watch) -> None:
    """Observe Update Result and State, in the order in which a device changes them."""
    registration = watch.registrations
    for path in (RESULT, STATE):
        answer = await ask(
            console,
            watch,
            "observe",
            lambda path=path: console.driver.observe(watch.endpoint, path, console.patience.request_s),  # type: ignore[misc]
        )
        note(console, watch, path, answer, "observe")
    watch.is_observed(registration)


def note(console: Console, watch: Watch, path: str, answer: Answer | None, source: str) -> str | None:
    """Record the value in an answer, if it has one."""
    if answer is None or not answer.code.startswith("2."):
        return None
    console.sink.emit(ServerReported(console.now(), watch.device, path, answer.value, source))
    watch.reported(path, answer.value)
    return answer.value


async def follow(console: Console, watch: Watch, step: str, reached: Callable[[Watch], bool], end: float) -> None:
    """Wait for a stage to be over, reading when nothing is heard.

    Raises:
        StepFailedError: it was not over by ``end``.
    """
    started = console.now()
    while not await watch.until(reached, min(console.patience.poll_s, end - console.now())):
        if console.now() >= end:
            reason = f"{step}: not reached in time; the server last told State {watch.state}, Result {watch.result}"
            console.sink.emit(OperatorStepEnded(console.now(), watch.device, step, started, "unknown", "", reason))
            raise StepFailedError("unknown", reason)
        for path in (RESULT, STATE):
            await read(console, watch, path)
    console.sink.emit(OperatorStepEnded(console.now(), watch.device, step, started, "ok", "", ""))


def _downloaded(watch: Watch) -> bool:
    return (STATE, DOWNLOADED) in watch.seen or watch.result > 0


class Update:
    """The update of one device, cut where a campaign may make devices wait for one another."""

    def __init__(self, console: Console, watch: Watch, order: Order, due: float) -> None:
        self.console = console
        self.watch = watch
        self.order = order
        self.due = due
        self.started = 0.0
        self.end = 0.0
        self.verdict: UpdateEnded | None = None

    async def deliver(self) -> bool:
        """Write the Package or its URI and wait until it is downloaded; whether there is something to execute."""
        self.started = self.console.now()
        self.end = self.started + self.console.patience.update_s
        try:
            # A Write before the observations stand would hide the first states from the server.
            await self.watch.until(lambda w: w.observed >= w.registrations, 2 * self.console.patience.request_s)
            self.started = self.console.now()
            self.watch.mark()
            await self._write()
            await follow(self.console, self.watch, "wait_downloaded", _downloaded, self.end)
            if (STATE, DOWNLOADED) in self.watch.seen:
                return True
            await self.judge("")
        except StepFailedError as error:
            await self.judge(str(error), error.outcome)
        return False

    async def _write(self) -> None:
        driver, order, endpoint = self.console.driver, self.order, self.watch.endpoint
        patience = self.console.patience
        # What the server knew of an earlier attempt is not this one's result.
        self.watch.result = UNKNOWN
        if order.delivery == "pull":
            answer = await ask(
                self.console,
                self.watch,
                "write_uri",
                lambda: driver.write_text(endpoint, PACKAGE_URI, order.uri, patience.request_s),
            )
        else:
            answer = await ask(
                self.console,
                self.watch,
                "write_package",
                lambda: driver.write_file(endpoint, PACKAGE, order.package, patience.update_s),
            )
        if answer is not None and not answer.code.startswith("2."):
            # A refused Write may still have left an Update Result behind (2, 5, 6 or 9): read, then judge.
            for path in (RESULT, STATE):
                await read(self.console, self.watch, path)

    async def execute(self) -> None:
        """Execute Update, wait for the end and judge it."""
        try:
            self.watch.mark()
            registrations = self.watch.registrations
            answer = await ask(
                self.console,
                self.watch,
                "execute",
                lambda: self.console.driver.execute(self.watch.endpoint, UPDATE, "", self.console.patience.request_s),
            )
            if answer is not None and not answer.code.startswith("2."):
                raise StepFailedError("fail", f"Execute of Update was refused with {answer.code}")
            await follow(self.console, self.watch, "wait_result", lambda w: _installed(w, registrations), self.end)
            await self.judge("")
        except StepFailedError as error:
            await self.judge(str(error), error.outcome)

    async def judge(self, reason: str, outcome: str = "") -> None:
        """Read how it ended and hold it against what was declared."""
        watch = self.watch
        values = [await read(self.console, watch, path) for path in (RESULT, STATE, VERSION)]
        if not outcome and None in values:
            outcome, reason = "unknown", "the server could not read State, Update Result and Firmware Version"
        if not outcome:
            outcome, reason = self._compare()
        self._close(outcome, reason)

    def give_up(self, reason: str) -> None:
        """Judge as unknown without asking the server; nothing where there is a verdict."""
        if self.verdict is None:
            self._close("unknown", reason)

    def _close(self, outcome: str, reason: str) -> None:
        watch, order = self.watch, self.order
        self.verdict = UpdateEnded(
            self.console.now(),
            watch.device,
            order.delivery,
            self.due,
            self.started,
            outcome,
            watch.state,
            watch.result,
            watch.version,
            reason,
        )
        self.console.sink.emit(self.verdict)

    def _compare(self) -> tuple[str, str]:
        watch, order = self.watch, self.order
        if (watch.state, watch.result) != (order.expected_state, order.expected_result):
            return "fail", (
                f"ended in State {watch.state}, Result {watch.result}; "
                f"declared were {order.expected_state}, {order.expected_result}"
            )
        if order.expected_result == 1 and watch.version != order.version:
            return "fail", f"Result 1, but Firmware Version is {watch.version!r} and not {order.version!r}"
        return "ok", ""


def _installed(watch: Watch, registrations: int) -> bool:
    if any((RESULT, result) in watch.seen for result in FAILED_AFTER_EXECUTE):
        return True
    # A success is seen after the reboot: the device is registered anew and tells Result 1.
    return (RESULT, 1) in watch.seen and (watch.registrations > registrations or watch.state == 0)
