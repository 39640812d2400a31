"""Checks of ``[criteria]``: kinds of transfer that no group has, and expressions that could never be judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from simulator.criteria import Known, check
from simulator.criteria.metrics import NONE, ROLES
from simulator.scenario.campaign import Criteria
from simulator.scenario.devices import Group
from simulator.scenario.problems import Finding, did_you_mean


def check_criteria(criteria: Criteria | None, groups: Mapping[str, Group], *, whole: bool) -> Iterator[Finding]:
    """Everything that is wrong with the criteria; ``whole``: whether ``groups`` are all groups of the file."""
    if criteria is None:
        return
    if isinstance(criteria.throughput_min, dict) and whole:
        yield from _kinds(criteria.throughput_min, groups)
    known = known_labels(groups) if whole else {}
    for position, text in enumerate(criteria.expressions or ()):
        for trouble in check(text, known):
            at = ("criteria", "expressions", position)
            yield Finding(at, f"column {trouble.at + 1} of {text!r}: {trouble.message}", trouble.mend)


def known_labels(groups: Mapping[str, Group]) -> Known:
    """The values that the labels of metrics have with these groups."""
    moved = [group for group in groups.values() if group.delivery != "none"]
    return {
        "group": sorted(groups),
        "transport": sorted({group.scheme for group in moved}),
        "delivery": sorted({group.delivery for group in moved}),
        "management": sorted({group.management for group in groups.values()}),
        "network": sorted({_network(group) for group in groups.values()}),
        "stack": sorted({group.stack for group in groups.values()}),
        "fault": sorted({NONE} | {fault.kind for group in groups.values() for fault in group.faults}),
        "role": ROLES,
    }


def _network(group: Group) -> str:
    """As the devices record it: a profile with figures of one's own has a ``*``."""
    resolved = group.network.resolved
    return NONE if resolved.transparent else resolved.name


def _kinds(throughput: Mapping[str, float], groups: Mapping[str, Group]) -> Iterator[Finding]:
    known = sorted({f"{g.scheme}/{g.delivery}" for g in groups.values() if g.delivery != "none"})
    for pair in throughput:
        if pair not in known:
            at = ("criteria", "throughput_min", pair)
            yield Finding(at, f"no group transfers by {pair!r}", did_you_mean(pair, known))
