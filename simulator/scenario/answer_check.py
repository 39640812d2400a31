"""Checks of faults of what a device answers: whose CoAP they can change, and who is still there when answers come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from simulator.scenario.problems import Finding, Key
from simulator.scenario.server import ExternalServer

if TYPE_CHECKING:
    from simulator.scenario.check import Draft
    from simulator.scenario.devices import Fault, Group
    from simulator.scenario.faults import FaultKind


def check_answers(key: Key, kind: FaultKind, fault: Fault, group: Group, draft: Draft) -> Iterator[Finding]:
    """What keeps answers from being late or missing, or a push of late answers from ending in time."""
    if kind.seam != "answer":
        return
    if group.stack != "own":
        yield Finding((*key, "kind"), f"{fault.kind} cannot strike the stack {group.stack}", "set `stack` to own")
    campaign, firmware = draft.campaign, draft.firmware
    late = fault.parameters.get("time")
    if campaign is None or firmware is None or not isinstance(late, int | float):
        return
    if isinstance(draft.server, ExternalServer):
        return
    answers = -(-firmware.size // group.block_size) if group.delivery == "push" else 1
    if answers * late > campaign.request_timeout:
        problem = f"{answers} answers take {answers * late:g} s, the operator waits {campaign.request_timeout:g} s only"
        mend = "lower it, or raise `block_size` of the group or campaign.request_timeout"
        yield Finding((*key, "time"), problem, mend)


__all__ = ["check_answers"]
