"""Checks of faults that would do nothing, or whose end nobody would see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from simulator.faults.triggers import BLOCK, BYTES
from simulator.scenario.devices import SUCCESS
from simulator.scenario.problems import Finding, Key
from simulator.scenario.server import ExternalServer

if TYPE_CHECKING:
    from simulator.scenario.check import Draft
    from simulator.scenario.devices import Fault, Group
    from simulator.scenario.faults import FaultKind

NEEDED: Final = {
    "connection-lost": "lasts",
    "link-partition": "lasts",
    "device-sleeps": "lasts",
    "packet-delay": "time",
    "answers-late": "time",
    "push-answer-late": "time",
    "install-slow": "time",
    "flash-slow": "takes",
    "clock-jump": "by",
}
"""Parameters of kinds that do nothing where these are 0."""
RESTARTS: Final = frozenset({"power-cut"})
"""Kinds that restart a device in the middle of a download."""
RESUMES: Final = frozenset({"resume-misplaced", "resume-etag-differs"})
"""Kinds that need one of these."""
LASTING: Final = frozenset({"link", "power", "registration", "installer"})
"""Seams of faults after whose end the update goes on."""
TIMES: Final = ("lasts", "time")
"""Parameters that say when that is."""


def check_strike(key: Key, kind: FaultKind, fault: Fault, group: Group, draft: Draft) -> Iterator[Finding]:
    """A fault that never strikes, does nothing when it strikes, or is not over when the operator leaves."""
    yield from _nothing(key, fault)
    yield from _no_such_bytes(key, kind, fault, group, draft)
    yield from _no_cause(key, fault, group, draft)
    campaign = draft.campaign
    if campaign is None or kind.seam not in LASTING or fault.expected not in (None, SUCCESS):
        return
    for name in TIMES:
        lasts = fault.parameters.get(name)
        if isinstance(lasts, int | float) and lasts > campaign.timeout:
            problem = f"it lasts {lasts:g} s, the operator looks for {campaign.timeout:g} s only, and sees no end"
            yield Finding((*key, name), problem, "choose less, or raise campaign.timeout")


def _no_cause(key: Key, fault: Fault, group: Group, draft: Draft) -> Iterator[Finding]:
    """What strikes only after something else, which nothing brings about."""
    kinds = {other.kind for other in group.faults}
    if fault.kind in RESUMES and not kinds & RESTARTS:
        problem = "these devices do not restart in the middle of a download, the fault never strikes"
        yield Finding((*key, "kind"), problem, "give the group a fault power-cut, too")
    again = draft.campaign is not None and (draft.campaign.retries or isinstance(draft.server, ExternalServer))
    if fault.kind == "push-restart-ignored" and not again and "push-block-refused" not in kinds:
        problem = "no push begins anew, the fault never strikes"
        yield Finding(
            (*key, "kind"), problem, "set campaign.retries, or give the group a fault push-block-refused, too"
        )


def known_size(draft: Draft) -> int | None:
    """Bytes of the package; None where nobody knows: an external server has its own, unless the scenario says."""
    firmware = draft.firmware
    if firmware is None:
        return None
    told = {"size", "file"} & firmware.model_fields_set
    return firmware.size if told or not isinstance(draft.server, ExternalServer) else None


def _nothing(key: Key, fault: Fault) -> Iterator[Finding]:
    for name in ("probability", "rate"):
        if fault.parameters.get(name) == 0:
            yield Finding((*key, name), f"with a {name} of 0 the fault never strikes", "raise it")
    needed = NEEDED.get(fault.kind, "")
    if fault.parameters.get(needed) == 0:
        yield Finding((*key, needed), f"with `{needed}` of 0 s the fault does nothing", "raise it")


def _no_such_bytes(key: Key, kind: FaultKind, fault: Fault, group: Group, draft: Draft) -> Iterator[Finding]:
    """What the package has not got."""
    size = known_size(draft)
    if size is None:
        return
    capacity = fault.parameters.get("capacity")
    if isinstance(capacity, int) and capacity >= size:
        mend = f"choose less than the {size} bytes of the package"
        yield Finding((*key, "capacity"), f"the package fits into {capacity} bytes, the fault never strikes", mend)
    place = kind.timing(fault.parameters).place
    if place is None:
        return
    written = "at" if "at" in fault.parameters else "after"
    blocks = -(-size // group.block_size)
    if place.unit == BYTES and float(place.value) >= size:
        yield Finding((*key, written), f"the package has {size} bytes, the fault never strikes", "choose less")
    elif place.unit == BLOCK and group.scheme.startswith("coap") and float(place.value) > blocks:
        problem = f"the package has {blocks} blocks of {group.block_size} bytes, the fault never strikes"
        yield Finding((*key, written), problem, "choose less")


__all__ = ["check_strike", "known_size"]
