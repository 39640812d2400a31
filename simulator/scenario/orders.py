"""Checks of faults that are orders of the operator: which of them a group of devices can be given at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from simulator.faults.order import INTERFERENCES, cannot
from simulator.scenario.problems import Finding, Key

if TYPE_CHECKING:
    from simulator.scenario.devices import Fault, Group

PLAIN: Final = ("coap", "coap+tcp", "http")
"""The schemes by which every package origin of a run gives out its packages."""


def check_order(key: Key, order: str, fault: Fault, group: Group) -> Iterator[Finding]:
    """What keeps an order from being what it is meant to be.

    Args:
        key: of the fault.
        order: of its kind.
        fault: the fault.
        group: whose devices carry it.
    """
    if order in INTERFERENCES and group.delivery != "none":
        state = str(fault.parameters["state"])
        reason = cannot(order, state, group.delivery, group.habits, group.lwm2m)
        if reason:
            yield Finding((*key, "state"), f"{fault.kind} in state {state}: {reason}", "choose another state or group")
    listed = group.protocols if group.protocols is not None else (group.transport,)
    if order == "unlisted" and all(scheme in listed for scheme in PLAIN):
        problem = f"the devices can pull by {', '.join(PLAIN)}, so that there is no origin that they cannot use"
        yield Finding((*key, "kind"), problem, "shorten `protocols`")


__all__ = ["check_order"]
