"""Single requests of the operator to a device through the server: each recorded as a step, each with a time-out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

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
    """Without news for this long, State and Update Result are read."""


class Console(NamedTuple):
    """What an update works with."""

    driver: Driver
    sink: EventSink
    now: Callable[[], float]
    requests: asyncio.Semaphore
    """How many requests may be under way at the server at once."""
    patience: Patience


Reply = Answer | DriverError
"""What came of a request: the device's answer, whatever its code, or why there is none."""


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
    """Read one resource at the server and note what it told."""
    reply = await ask(
        console, watch, "read", lambda: console.driver.read(watch.endpoint, path, console.patience.request_s)
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
