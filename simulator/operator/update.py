"""One firmware update as the person at the console sees it: order it, follow it, read how it ended.

Every request has a time-out and the whole has one; what cannot be found out by then is ``unknown``, not a failure. A
missed notification costs a poll interval, not the update: while nothing is heard, State and Update Result are read.
And a refusal is no verdict: an answer may have been lost and the request said again, so what counts is how it ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from simulator.events import NOT_KNOWN, FaultApplied, UpdateEnded
from simulator.lwm2m.formats.packed import OPAQUE
from simulator.operator.acts import AT_END, IDLE, PACKAGE, PACKAGE_URI, UPDATE, Act, Acts
from simulator.operator.course import Course, answered
from simulator.operator.driver import Answer, NoAnswerError, UnknownEndpointError
from simulator.operator.requests import Reply, StepFailedError, ask, follow, is_success, read, read_progress
from simulator.operator.watch import RESULT, STATE, UNKNOWN, VERSION

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from simulator.operator.requests import Console
    from simulator.operator.watch import Watch

# Values of State (/5/0/3) and Update Result (/5/0/5) that the operator has to know.
DOWNLOADING: Final = 1
DOWNLOADED: Final = 2
UPDATING: Final = 3
INITIAL: Final = 0
SUCCESS: Final = 1
DEFERRED: Final = 11


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
    """Firmware Version (/3/0/3) that a success is declared to lead to; another than ordered where a fault says so."""
    expected_state: int
    expected_result: int
    fault: str = ""
    """The kind of fault that what is handed out belongs to; empty where nothing is wrong with it."""
    acts: tuple[Act, ...] = ()
    """What else is asked of the device meanwhile."""
    course: Course | None = None
    """What is declared of the way to the end; None where nothing is."""
    form: str = OPAQUE
    """Content format of a push, one of ``packed.FORMS``."""
    automatic: bool = False
    """Whether the device is to update by itself (Automatic Upgrade at Download, /5/0/14), so that nobody executes."""


def _downloaded(watch: Watch) -> bool:
    return (STATE, DOWNLOADED) in watch.seen or watch.result > 0


class Update:
    """The update of one device, cut where a campaign may make devices wait for one another.

    Args:
        judged: told the outcome, once.
    """

    def __init__(self, console: Console, watch: Watch, order: Order, judged: Callable[[str], None]) -> None:
        self.console = console
        self.watch = watch
        self.order = order
        self.due = float(NOT_KNOWN)
        """When the campaign meant to start it, in seconds since the start of the run."""
        self.started = float(NOT_KNOWN)
        """When the first Write was sent."""
        self.verdict: UpdateEnded | None = None
        self._acts = Acts(console, watch, order.acts)
        self._judged = judged
        self._refusal = ""
        self._course = order.course or Course()
        self._amiss = ""
        if order.course is not None:
            watch.told = {}

    async def deliver(self) -> bool:
        """Write the Package or its URI and wait until it is downloaded; whether there is something to execute."""
        self.watch.leave_at = self.console.now() + self.console.patience.update_s
        try:
            # A Write before the observations stand would hide the first states from the server, and what they begin
            # with is of the time before it. An order may have restarted the device, so that they are made anew.
            await self.watch.until_observed(2 * self.console.patience.request_s)
            await self._acts.do(IDLE)
            await self.watch.until_observed(2 * self.console.patience.request_s)
            registrations = self.watch.registrations
            self.started = self.console.now()
            self.watch.mark()
            # What the server knew of an earlier attempt is not this one's result.
            self.watch.result = UNKNOWN
            async with self._acts.while_in(DOWNLOADING):
                for left in range(self.console.patience.retries, -1, -1):
                    if not await self._give_order(left):
                        break
            if self.order.automatic:
                await self._watch_upgrade(registrations)
                return False
            if (STATE, DOWNLOADED) in self.watch.seen and self.watch.result <= 0:
                await self._acts.do(DOWNLOADED)
                if not self._acts.over:
                    return True
            await self._judge()
        except StepFailedError as error:
            await self._judge(str(error))
        return False

    async def _give_order(self, left: int) -> bool:
        """Order the package and wait until it is downloaded; whether nothing came of it, and it is to be ordered again.

        A push that was not answered is written again from its first block, and whatever a device forgot over a restart.
        """
        registrations = self.watch.registrations
        what, reply = await self._write()
        self._amiss = answered(what, reply, self._course.write)
        unanswered = self.order.delivery == "push" and isinstance(reply, NoAnswerError)
        if left and unanswered and not self._delivered(self.watch) and self.console.now() < self.watch.leave_at:
            return True

        def lost(watch: Watch) -> bool:
            anew = watch.registrations > registrations and watch.observed >= watch.registrations
            return left > 0 and anew and (watch.state, watch.result) == (IDLE, INITIAL)

        await self._see_through(what, reply, "wait_downloaded", DOWNLOADING, lambda w: self._delivered(w) or lost(w))
        if lost(self.watch):
            # The two are observed one after the other: a Result of before its end may stand beside the State of after.
            await read(self.console, self.watch, RESULT)
        return lost(self.watch)

    async def execute(self) -> None:
        """Execute Update, wait for the end and judge it."""
        registrations, endpoint, patience = self.watch.registrations, self.watch.endpoint, self.console.patience
        driver = self.console.driver
        try:
            self.watch.mark()
            reply = await self._order("execute", lambda: driver.execute(endpoint, UPDATE, "", patience.request_s))
            self._amiss = self._amiss or answered("Execute of Update", reply, self._course.execute)
            async with self._acts.while_in(UPDATING):
                await self._see_through(
                    "Execute of Update", reply, "wait_result", UPDATING, lambda w: self._installed(w, registrations)
                )
            await self._judge()
        except StepFailedError as error:
            await self._judge(str(error))

    async def _watch_upgrade(self, registrations: int) -> None:
        """Wait for the end of what the device does by itself, where it has got the package, and judge it."""
        console, watch = self.console, self.watch
        if self._delivered(watch) and not (self._acts.over or self._acts.wrong):
            async with self._acts.while_in(UPDATING):
                await follow(console, watch, "wait_result", lambda w: self._installed(w, registrations))
        await self._judge()

    async def leave(self) -> None:
        """Judge an update that has been downloaded and that nobody executes."""
        await self._judge()

    async def _write(self) -> tuple[str, Reply]:
        driver, order, endpoint = self.console.driver, self.order, self.watch.endpoint
        timeout_s = self.console.patience.request_s
        if order.fault:
            what = order.uri if order.delivery == "pull" else order.package.name
            self.console.sink.emit(FaultApplied(self.console.now(), self.watch.device, order.fault, "order", what))
        if order.delivery == "pull":
            reply = await self._order(
                "write_uri", lambda: driver.write_text(endpoint, PACKAGE_URI, order.uri, timeout_s)
            )
            return "Write of Package URI", reply
        reply = await self._order(
            "write_package", lambda: driver.write_file(endpoint, PACKAGE, order.package, timeout_s, order.form)
        )
        return "Write of Package", reply

    async def _order(self, step: str, request: Callable[[], Awaitable[Answer]]) -> Reply:
        """Make a request that changes something; again after the next Register where the device was not registered.

        Raises:
            StepFailedError: it did not register again in time.
        """
        while True:
            registrations = self.watch.registrations
            reply = await ask(self.console, self.watch, step, request)
            if not isinstance(reply, UnknownEndpointError):
                return reply
            left = self.watch.leave_at - self.console.now()
            if left <= 0 or not await self.watch.until(lambda w, n=registrations: w.observed > n, left):  # type: ignore[misc]
                msg = f"{step}: the device is not registered at the server"
                raise StepFailedError(msg)

    async def _see_through(
        self, what: str, reply: Reply, step: str, busy: int, reached: Callable[[Watch], bool]
    ) -> None:
        """Follow an order to the end of its stage, unless the device refused it and does not work on it."""
        if isinstance(reply, Answer) and not is_success(reply):
            # It may still have left an Update Result behind (2, 5, 6 or 9), or be the refusal of a repetition.
            self._refusal = f"; {what} was refused with {reply.code}"
            if await read_progress(self.console, self.watch) and self.watch.state != busy:
                return
        await follow(self.console, self.watch, step, reached)

    def _delivered(self, watch: Watch) -> bool:
        return self._acts.over or _downloaded(watch)

    def _installed(self, watch: Watch, registrations: int) -> bool:
        results = {number for path, number in watch.seen if path == RESULT}
        if any(number not in (INITIAL, SUCCESS, DEFERRED) for number in results):
            return True
        if DEFERRED in results and self.order.expected_result == DEFERRED:
            return True
        # A success is seen after the reboot: the device is registered anew and tells Result 1.
        return SUCCESS in results and (watch.registrations > registrations or watch.state == IDLE)

    # -- the verdict -----------------------------------------------------------------------------------------------

    async def _judge(self, unknown: str = "") -> None:
        """Read how it ended and hold it against what was declared; ``unknown`` says why the end was not seen."""
        problem = await self._read_end()
        reason = self._acts.unheard or unknown or problem
        if not reason:
            await self._acts.do(AT_END)
            reason = self._acts.unheard
        if reason:
            self._close("unknown", reason)
        else:
            self._close(*self._compare())

    async def _read_end(self) -> str:
        """Read State, Update Result and Firmware Version; why they cannot be had, or nothing.

        A device that does not answer may be rebooting: it is asked again until the time is over.
        """
        while True:
            registrations = self.watch.registrations
            for path in (RESULT, STATE, VERSION):
                reply = await read(self.console, self.watch, path)
                if not is_success(reply):
                    break
            else:
                return ""
            left = self.watch.leave_at - self.console.now()
            if isinstance(reply, Answer) or left <= 0:
                why = f"answered with {reply.code}" if isinstance(reply, Answer) else f"not had: {reply}"
                return f"the end could not be read: {path} was {why}"
            await self.watch.until(
                lambda w, n=registrations: w.registrations > n,  # type: ignore[misc]
                min(self.console.patience.poll_s, left),
            )

    def give_up(self, reason: str) -> None:
        """Judge as unknown without asking the server; nothing where there is a verdict."""
        self._close("unknown", reason)

    def _close(self, outcome: str, reason: str) -> None:
        watch = self.watch
        if self.verdict is not None:
            return
        self.verdict = UpdateEnded(
            t=self.console.now(),
            device=watch.device,
            delivery=self.order.delivery,
            due=self.due,
            started=self.started,
            outcome=outcome,
            state=watch.state,
            result=watch.result,
            version=watch.version,
            reason=reason,
        )
        self.console.sink.emit(self.verdict)
        self._judged(outcome)

    def _compare(self) -> tuple[str, str]:
        watch, order = self.watch, self.order
        amiss = self._acts.wrong or self._amiss
        if amiss:
            return "fail", amiss
        if (watch.state, watch.result) != (order.expected_state, order.expected_result):
            return "fail", (
                f"ended in State {watch.state}, Result {watch.result}; "
                f"declared were {order.expected_state}, {order.expected_result}{self._refusal}"
            )
        if order.expected_result == SUCCESS and watch.version != order.version:
            return "fail", f"Result 1, but Firmware Version is {watch.version!r} and not {order.version!r}"
        amiss = self._course.differs(watch)
        if not amiss and self._acts.left:
            amiss = f"{self._acts.left} was never asked: the server did not tell that State in time"
        return ("fail", amiss) if amiss else ("ok", "")
