"""What the operator asks of a device through the server: single steps, each recorded and each with a time-out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from simulator.events import OperatorStepEnded, ServerReported
from simulator.operator.driver import Answer, DriverError, NoAnswerError
from simulator.operator.watch import RESULT, STATE

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from simulator.events import EventSink
    from simulator.operator.driver import Driver
    from simulator.operator.watch import Watch


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the operator waits, in seconds."""

    update_s: float
    """For a whole update, from its start."""
    request_s: float
    """For the answer to one request; the push of a whole package is one."""
    poll_s: float
    """When a stage takes this long, State and Update Result are read; then again after twice as long, and so on."""
    retries: int = 0
    """How often an order is given again of which nothing came."""


class Console(NamedTuple):
    """What an update works with."""

    driver: Driver
    sink: EventSink
    now: Callable[[], float]
    requests: asyncio.Semaphore
    """How many requests may be under way at the server at once."""
    patience: Patience


LAST_LOOK_S: Final = 10.0
"""How much longer than its time an update is looked at, by requests that were or are made to see its end."""
POLL_FACTOR_MAX: Final = 8
"""How much longer than the first the pause between two polls becomes at most."""

Reply = Answer | DriverError
"""What came of a request: the device's answer, whatever its code, or why there is none."""


class StepFailedError(Exception):
    """An update cannot be followed to its end: its outcome is unknown."""


def is_success(reply: Reply) -> bool:
    """Whether a device did what it was asked."""
    return isinstance(reply, Answer) and reply.code.startswith("2.")


async def ask(console: Console, watch: Watch, step: str, request: Callable[[], Awaitable[Answer]]) -> Reply:
    """Make one request and record how it ended: ``ok``, ``fail``, or ``unknown`` where no answer came in time."""
    reply: Reply
    async with console.requests:
        started = console.now()
        try:
            reply = await request()
        except DriverError as error:
            reply = error
    if isinstance(reply, Answer):
        outcome, code, detail = "ok" if is_success(reply) else "fail", reply.code, ""
    else:
        outcome, code, detail = "unknown" if isinstance(reply, NoAnswerError) else "fail", "", str(reply)
    console.sink.emit(OperatorStepEnded(console.now(), watch.device, step, started, outcome, code, detail))
    return reply


async def read(console: Console, watch: Watch, path: str) -> Reply:
    """Read one resource at the server and note what it told.

    When the time of the update is over there is a last look, and then no more.
    """
    driver, left = console.driver, watch.leave_at + LAST_LOOK_S - console.now()
    if left <= 0:
        return NoAnswerError("the time of the update is over")
    timeout_s = min(console.patience.request_s, left)
    reply = await ask(
        console, watch, "read", lambda: watch.while_registered(driver.read(watch.endpoint, path, timeout_s))
    )
    note(console, watch, path, reply, "read")
    return reply


async def read_progress(console: Console, watch: Watch) -> bool:
    """Read Update Result and State, in the order in which a device changes them; whether both could be had."""
    return all([is_success(await read(console, watch, path)) for path in (RESULT, STATE)])


async def observe(console: Console, watch: Watch) -> None:
    """Observe Update Result and State, in the order in which a device changes them.

    An observation that cannot be had is no end of anything: the values are then read. A registration that another has
    replaced is not observed any further.
    """
    registration = watch.registrations
    driver, patience = console.driver, console.patience
    for path in (RESULT, STATE):

        def request(path: str = path) -> Awaitable[Answer]:
            return driver.observe(watch.endpoint, path, patience.request_s)

        if watch.registrations != registration:
            return
        note(console, watch, path, await ask(console, watch, "observe", request), "observe")
    watch.is_observed(registration)


def note(console: Console, watch: Watch, path: str, reply: Reply, source: str) -> None:
    """Record the value in an answer, if it has one."""
    if isinstance(reply, Answer) and is_success(reply):
        console.sink.emit(ServerReported(console.now(), watch.device, path, reply.value, source))
        watch.reported(path, reply.value)


async def follow(console: Console, watch: Watch, step: str, reached: Callable[[Watch], bool]) -> None:
    """Wait for a stage to be over, reading when it takes long, and once more before giving up.

    Raises:
        StepFailedError: it was not over when the operator stops looking (``leave_at``).
    """
    started, end = console.now(), watch.leave_at
    poll_s = console.patience.poll_s
    while not await watch.until(reached, max(0.0, min(poll_s, end - console.now()))):
        # Ever more rarely, or thousands of slow downloads would be asked more than they tell.
        poll_s = min(2 * poll_s, POLL_FACTOR_MAX * console.patience.poll_s)
        last = console.now() >= end
        await read_progress(console, watch)
        if last and not reached(watch):
            reason = f"{step}: not reached in time; the server last told State {watch.state}, Result {watch.result}"
            console.sink.emit(OperatorStepEnded(console.now(), watch.device, step, started, "unknown", "", reason))
            raise StepFailedError(reason)
    console.sink.emit(OperatorStepEnded(console.now(), watch.device, step, started, "ok", "", ""))
