"""Checks of servers and origins that misbehave on purpose: whom what they do can meet."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from simulator.scenario.fault_check import DATAGRAMS
from simulator.scenario.problems import Finding, Key
from simulator.scenario.server import ExternalServer, LeshanDemo

if TYPE_CHECKING:
    from simulator.scenario.check import Draft
    from simulator.scenario.devices import Group


def _pushed(group: Group) -> bool:
    return group.delivery == "push"


def _pushed_in_datagrams(group: Group) -> bool:
    return group.delivery == "push" and group.management in DATAGRAMS


def _managed_in_datagrams(group: Group) -> bool:
    return group.management in DATAGRAMS


def _pulled_in_datagrams(group: Group) -> bool:
    return group.delivery == "pull" and group.transport in DATAGRAMS


def _pulled_by_stream(group: Group) -> bool:
    return group.delivery == "pull" and group.transport not in DATAGRAMS


Meetings = Mapping[str, tuple[Callable[["Group"], bool], str]]

OF_SERVER: Final[Meetings] = {
    "gives_up_after": (_pushed, "no group is pushed to"),
    "alters_push": (_pushed, "no group is pushed to"),
    "drops": (_managed_in_datagrams, "no group is managed over coap or coaps"),
    "skips_block": (_pushed_in_datagrams, "no group is pushed to over coap or coaps"),
    "ignores_413": (_pushed_in_datagrams, "no group is pushed to over coap or coaps"),
}
"""What a server can do wrong with some groups alone, and what is said where there is none."""
OF_ORIGIN: Final[Meetings] = {
    "drops": (_pulled_in_datagrams, "no group pulls over coap or coaps"),
    "breaks": (_pulled_by_stream, "no group pulls over a stream"),
}
"""The same of an origin."""


def check_chaos(draft: Draft) -> Iterator[Finding]:
    """Chaos that nobody meets."""
    if len(draft.groups) < len(draft.group_names):
        return  # a group that cannot be read may be the one that meets it
    groups = draft.groups.values()
    server = draft.server
    chaos = (
        None if server is None or isinstance(server, ExternalServer | LeshanDemo) else getattr(server, "chaos", None)
    )
    if chaos is not None:
        yield from _met_by_nobody(("server", "chaos"), chaos, OF_SERVER, groups)
    origin = None if draft.firmware is None else draft.firmware.chaos
    if origin is None:
        return
    if not any(group.delivery == "pull" for group in groups):
        yield Finding(("firmware", "chaos"), "no group pulls, so that nobody meets it", "drop it, or add a group")
        return
    yield from _met_by_nobody(("firmware", "chaos"), origin, OF_ORIGIN, groups)


def _met_by_nobody(key: Key, chaos: object, meetings: Meetings, groups: Collection[Group]) -> Iterator[Finding]:
    """The acts of a chaos that no group can meet."""
    for act, (meets, problem) in meetings.items():
        if getattr(chaos, act) and not any(meets(group) for group in groups):
            yield Finding((*key, act), f"{problem}, so that nobody meets it", "drop it, or add a group")


__all__ = ["check_chaos"]
