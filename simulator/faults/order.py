"""Faults of the order: the operator hands out a URI or a package that the device cannot use, or disturbs the update.

The device is sound. What is wrong is what it is told: a URI that leads nowhere, an origin in trouble
(``simulator.servers.troubles``), or one more request of the person at the console in the middle of the update.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from simulator.coap.codes import code_text
from simulator.faults.kinds import BOTH, PULL, FaultKind, Parameter, sound
from simulator.lwm2m.firmware_habits import Notified
from simulator.lwm2m.firmware_table import Event, Row, State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from simulator.lwm2m.profiles import Profile

IDLE: Final = "idle"
STATES: Final = {state.name.lower(): state for state in State}
LOST: Final = (0, 4)


class Interference(NamedTuple):
    """A request in the middle of an update."""

    do: str
    """``cancel``, ``update``, ``uri`` or ``package``, as the operator knows them."""
    event: Event
    """What it is to the device."""
    clears: bool = False
    """Whether it writes nothing: an empty URI, or a package of one NUL."""


INTERFERENCES: Final[Mapping[str, Interference]] = {
    "cancel": Interference("cancel", Event.CANCEL_EXECUTED),
    "clear-uri": Interference("uri", Event.URI_CLEARED, clears=True),
    "clear-package": Interference("package", Event.PACKAGE_CLEARED, clears=True),
    "second-uri": Interference("uri", Event.URI_WRITTEN),
    "second-package": Interference("package", Event.PACKAGE_STARTED),
    "early-update": Interference("update", Event.UPDATE_EXECUTED),
}
"""By the ``order`` of a kind."""


def declared(order: str, state: str, profile: Profile) -> tuple[str, bool]:
    """What a device answers to an interference, and whether that ends the update.

    Args:
        order: a name of ``INTERFERENCES``.
        state: a name of ``STATES``.
        profile: of the device.
    """
    at, event = STATES[state], INTERFERENCES[order].event
    if event is Event.PACKAGE_CLEARED and at not in profile.nul_clears_in:
        event = Event.PACKAGE_STARTED
    row = profile.table[at, event]
    if not isinstance(row, Row):
        return code_text(row), False
    return code_text(row.code), at is not State.IDLE and row.state is State.IDLE


def not_seen(state: str, delivery: str, profile: Profile) -> str:
    """Why an operator does not meet a device in a State, or does not learn of it in time; empty where it does."""
    if state == "downloading" and delivery == "pull" and profile.leaves_while_pulling:
        return "these devices are not registered while they pull"
    if state in ("downloading", "updating") and profile.notified is not Notified.EVERY_CHANGE:
        return "these devices do not notify every State that they pass through, so that nobody knows when to ask"
    return ""


def cannot(order: str, state: str, delivery: str, profile: Profile, lwm2m: str) -> str:
    """Why an interference makes no sense with such a device; empty where it does."""
    if order == "cancel" and profile.object_version(lwm2m) == "1.0":
        return "Cancel (/5/0/10) needs object 5 in version 1.1, which these devices lack"
    if delivery == "push" and state == "downloading" and order not in ("early-update", "second-uri"):
        return "a Package is being written, and a server writes it again from its first block when it is stopped (4.08)"
    if delivery == "push" and state == "downloading" and not profile.shows_downloading_on_push:
        return f"the profile {profile.name} does not show this state during a push"
    if unseen := not_seen(state, delivery, profile):
        return unseen
    if order == "clear-package" and state == IDLE and State.IDLE not in profile.nul_clears_in:
        return f"the profile {profile.name} takes one NUL for an image"
    return ""


def _kind(
    name: str,
    order: str,
    summary: str,
    expected: tuple[int, int] | None,
    deliveries: frozenset[str] = PULL,
    *,
    ends: Callable[[str, int, Mapping[str, Any]], tuple[int, int] | None] | None = None,
    **parameters: Parameter,
) -> FaultKind:
    return FaultKind(
        name,
        "order",
        summary,
        sound,
        expected=expected,
        ends=ends,
        deliveries=deliveries,
        order=order,
        parameters=parameters,
    )


def _ending(name: str, order: str, summary: str, expected: tuple[int, int]) -> FaultKind:
    """An interference that ends the update where it comes in time, and is refused elsewhere."""

    def ends(scheme: str, retries: int, parameters: Mapping[str, Any]) -> tuple[int, int] | None:  # noqa: ARG001
        return expected if parameters["state"] in ("downloading", "downloaded") else None

    return _kind(name, order, summary, expected, BOTH, ends=ends, state=_in_state(*STATES))


def _in_state(*choices: str) -> Parameter:
    return Parameter(
        "str",
        "State (/5/0/3) in which it is asked.",
        default="downloaded" if "downloaded" in choices else choices[0],
        choices=choices,
    )


def _end_of_replaced(scheme: str, retries: int, parameters: Mapping[str, Any]) -> tuple[int, int] | None:  # noqa: ARG001
    """Blocks tell it by their ETag; a connection of HTTP is over, and another one needed."""
    return None if scheme.startswith("coap") or retries else LOST


KINDS: Final = (
    _kind("uri-not-found", "not-found", "Package URI names what the origin does not have (4.04).", (0, 7)),
    _kind("uri-unparsable", "unparsable", "Package URI is no URI.", (0, 7)),
    _kind("host-unknown", "unresolved", "The host of Package URI has no address.", (0, 7)),
    _kind("unsupported-scheme", "bad-scheme", "Package URI has the scheme ftp.", (0, 9)),
    _kind(
        "scheme-not-listed",
        "unlisted",
        "Package URI leads to the package by a scheme that Protocol Support (/5/0/8) does not list.",
        (0, 9),
    ),
    _kind("origin-refuses", "refused", "Nobody listens at the port of Package URI.", LOST),
    _kind("origin-forbidden", "forbidden", "The origin refuses the package (4.03).", LOST),
    _kind("origin-unavailable", "unavailable", "The origin is overloaded (5.03).", LOST),
    _kind(
        "origin-stalls",
        "stalls",
        "The origin gives out no more from a share of the package on, and keeps connections open.",
        LOST,
        after=Parameter("share", "After this share of the package.", default=0.5, minimum=0.01, maximum=0.99),
    ),
    _kind(
        "package-replaced",
        "replaced",
        "The origin exchanges the package in the middle of the download: another ETag, and the device begins anew. "
        "Over HTTP the connection is closed with it (0 / 4, or as without it where the pull is taken up again).",
        None,
        ends=_end_of_replaced,
    ),
    _kind("wrong-model", "wrong-model", "The package is for another device model.", (0, 6), BOTH),
    _kind("bad-magic", "bad-magic", "What is delivered is no firmware package at all.", (0, 6), BOTH),
    _ending("update-cancelled", "cancel", "The operator executes Cancel (/5/0/10).", (0, 10)),
    _ending("uri-cleared", "clear-uri", "The operator writes an empty Package URI.", (0, 0)),
    _ending("package-cleared", "clear-package", "The operator writes a Package of one NUL.", (0, 0)),
    _kind(
        "second-uri",
        "second-uri",
        "The operator writes Package URI once more, and is refused.",
        None,
        BOTH,
        state=_in_state("downloading", "downloaded", "updating"),
    ),
    _kind(
        "second-package",
        "second-package",
        "The operator writes a second Package, and is refused.",
        None,
        BOTH,
        state=_in_state("downloading", "downloaded", "updating"),
    ),
    _kind(
        "update-early",
        "early-update",
        "The operator executes Update in a State that has nothing to install, and is refused.",
        None,
        BOTH,
        state=_in_state("downloading", "idle", "updating"),
    ),
)
