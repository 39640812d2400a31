"""What a server did wrong with one device, by class; each rule is a function from a case to what it finds.

A rule accuses where nothing but the server explains what is in the record. What the protocols allow is no finding: a
State that another followed at once need not be told (RFC 7641 §1.3), an answer may take as long as the network does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from reports.case import Case, Held, Registration
from reports.units import seconds

STATES: Final = {1: "Downloading", 2: "Downloaded", 3: "Updating"}
RESTARTS_MOST: Final = 3
"""Downloads beyond those that the operator ordered before a server is said to retry for ever."""
RETRIES_MOST: Final = 10
"""The same after failures, where the server gives its own orders: nobody knows how many were meant."""
ALIVE_S: Final = 2.0
"""A sender waits as long before it repeats (ACK_TIMEOUT, RFC 7252 §4.8): till then nothing is late."""
IN_TIME: Final = 0.9
"""Share of the time that a push had, before which it is given up early."""
REPLIES: Final = frozenset({"notify", "observe"})
SPOILT: Final = {5: "the integrity check failed", 6: "no package that it knows"}


NO_ANSWERS: Final = frozenset({"push-block-misnumbered"})
"""Faults of a device that answers what nobody sent: there a server has to give up."""


class Finding(NamedTuple):
    """Something that looks like a server's fault."""

    t: float
    message: str
    clear: bool
    """Whether nothing but the server explains it."""


Rule = Callable[[Case], Iterator[Finding]]


def missed_state(case: Case) -> Iterator[Finding]:
    """A State that the device held for long while it was observed, and that no notification brought to light."""
    told = [report for report in case.states if report.source in REPLIES]
    for at, row in enumerate(case.held):
        if row.state not in STATES or (row.state == 1 and case.hides_downloading):
            continue
        until = _left(case, at)
        if until is None or until - row.t < case.grace_s or (at and case.held[at - 1].state == row.state):
            continue
        # Observations end with a registration, so what counts is when this one's was answered.
        registers = [r.t for r in case.registrations if _is_register(r) and r.t < until]
        observed = next((report.t for report in told if registers and report.t >= registers[-1]), None)
        if observed is None or until - max(row.t, observed) < case.grace_s:
            continue
        if not any(report.t >= row.t and report.value == row.state for report in told):
            yield Finding(
                row.t,
                f"State {row.state} ({STATES[row.state]}), which the device held for {seconds(until - row.t)}, was in "
                "no notification",
                not case.shaped and not case.struck and _is_registered(case, until),
            )


def stale_result(case: Case) -> Iterator[Finding]:
    """An Update Result that the server told when the device had had another for long."""
    if not case.held:
        return
    for report in case.results:
        since = report.t - case.grace_s
        if since < case.held[0].t:
            continue
        at = max(k for k, row in enumerate(case.held) if row.t <= since)
        window = [row for row in case.held[at:] if row.t <= report.t]
        if report.value not in {row.result for row in window}:
            had = window[0]
            changed = next(row for row in reversed(case.held[: at + 1]) if _began(case, row))
            earlier = any(row.result == report.value for row in case.held[:at])
            what = "which was an earlier one" if earlier or report.value == 0 else "which the device never had"
            yield Finding(
                report.t,
                f"Update Result {report.value} was reported ({report.source}), {what}: the device had {had.result} "
                f"for {seconds(report.t - changed.t)}",
                not case.shaped and not case.struck,
            )
            return


def never_noticed(case: Case) -> Iterator[Finding]:
    """An Update Result that stood while the operator looked on, and that the server never told."""
    if case.judged_at is None or not case.held:
        return
    last = next((row for row in reversed(case.held) if row.result > 0 and _began(case, row)), None)
    if last is None or case.held[-1].result != last.result:
        return
    registers = [r for r in case.registrations if r.operation == "register" and r.t <= case.judged_at]
    # After a successful update the device has restarted, and is there for the server when it has registered.
    since = max([last.t, *(r.t for r in registers if r.outcome == "ok")])
    there = bool(registers) and registers[-1].outcome == "ok" and (last.result != 1 or registers[-1].t >= last.t)
    told = any(report.value == last.result and report.t >= last.t for report in case.results)
    if there and not told and case.judged_at - since >= case.grace_s:
        yield Finding(
            since,
            f"Update Result {last.result}, which the device had {seconds(case.judged_at - since)} before the operator "
            "stopped looking, was never reported",
            not case.shaped and not case.struck and _is_registered(case, case.judged_at),
        )


def endless_retry(case: Case) -> Iterator[Finding]:
    """Downloads that were begun again and again after the device had told how it ended."""
    least = 1 if case.driven else 2
    again = [row for before, row in pairwise(case.held) if row.state == 1 and before.result >= least]
    allowed = RESTARTS_MOST + max(0, len(case.orders) - 1) if case.driven else RETRIES_MOST
    if len(again) > allowed:
        place = case.held.index(again[allowed])
        result = case.held[place - 1].result
        yield Finding(
            again[allowed].t,
            f"the device was told to download {len(again)} times more after it had ended, here after Update Result "
            f"{result}; the last time at {seconds(again[-1].t)}",
            True,
        )


def gave_up_early(case: Case) -> Iterator[Finding]:
    """A push that the server gave up before its time, while the device was still answering."""
    for order in case.orders:
        if order.step != "write_package" or order.outcome == "ok" or order.code or case.request_s is None:
            continue
        took = order.t - order.started
        for transfer in case.transfers:
            silent = order.t - transfer.last_block
            under_way = transfer.delivery == "push" and order.started <= transfer.started <= order.t < transfer.t
            anew = any(transfer.started <= r.t <= order.t and r.operation != "update" for r in case.registrations)
            early = silent <= ALIVE_S and took < IN_TIME * case.request_s
            if under_way and not anew and early and NO_ANSWERS.isdisjoint(case.fault.split("+")):
                yield Finding(
                    order.t,
                    f"the push was given up after {seconds(took)} of the {seconds(case.request_s)} that it had, at "
                    f"block {transfer.blocks}, {seconds(max(0.0, silent))} after the device had answered",
                    not case.struck,
                )


def forgot_registration(case: Case) -> Iterator[Finding]:
    """A registration that the server no longer knew, though its lifetime was not over."""
    if case.lifetime_s is None:
        return
    good: float | None = None
    for row in case.registrations:
        if row.outcome == "ok":
            good = None if row.operation == "deregister" else row.t
        elif row.operation == "register":
            good = None
        elif row.code == "4.04" and good is not None and row.t - good < case.lifetime_s:
            what = "an Update" if row.operation == "update" else "a De-register"
            yield Finding(
                row.t,
                f"{what} was answered with 4.04, {seconds(row.t - good)} after the registration had been accepted "
                f"for {seconds(case.lifetime_s)}",
                not case.struck,
            )
    for gone in case.ended:
        fresh = [r.t for r in case.registrations if r.t <= gone.t and r.outcome == "ok" and r.operation != "deregister"]
        if gone.cause == "expired" and fresh and gone.t - fresh[-1] < case.lifetime_s - case.grace_s:
            yield Finding(
                gone.t,
                f"the registration was called expired {seconds(gone.t - fresh[-1])} after it had been accepted for "
                f"{seconds(case.lifetime_s)}",
                not case.struck,
            )


def altered_package(case: Case) -> Iterator[Finding]:
    """A push to a device without a fault that arrived as something else than the package."""
    if case.delivery != "push" or case.fault or case.declared.endswith(tuple(f"/{result}" for result in SPOILT)):
        return
    for before, row in pairwise(case.held):
        if row.result in SPOILT and row.result != before.result and before.state == 1:
            yield Finding(
                row.t,
                f"what was pushed is not the package: a device without a fault ended in Update Result {row.result} "
                f"({SPOILT[row.result]})",
                True,
            )


CLASSES: Final[tuple[tuple[str, str, Rule], ...]] = (
    ("S1", "missed-state", missed_state),
    ("S2", "stale-result", stale_result),
    ("S3", "never-noticed", never_noticed),
    ("S4", "endless-retry", endless_retry),
    ("S5", "gave-up-early", gave_up_early),
    ("S6", "forgot-registration", forgot_registration),
    ("S7", "altered-package", altered_package),
)
"""Id, name and rule of each class."""


def _left(case: Case, at: int) -> float | None:
    """When the device left the State of a row, or else when the operator stopped looking."""
    return next((row.t for row in case.held[at + 1 :] if row.state != case.held[at].state), case.judged_at)


def _began(case: Case, row: Held) -> bool:
    """Whether the Update Result of a row was new with it."""
    at = case.held.index(row)
    return at == 0 or case.held[at - 1].result != row.result


def _is_register(row: Registration) -> bool:
    return row.operation == "register" and row.outcome == "ok"


def _is_registered(case: Case, t: float) -> bool:
    """Whether the device's own account has it registered at ``t``."""
    known = [row for row in case.registrations if row.t <= t and row.operation != "update"]
    return bool(known) and _is_register(known[-1])
