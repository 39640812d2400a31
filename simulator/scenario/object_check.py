"""Checks of the Firmware Update object of a group: its version, and what a server can see of its States."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from simulator.faults.order import not_seen
from simulator.faults.triggers import STATE
from simulator.lwm2m.firmware_habits import Notified
from simulator.scenario.problems import Finding, Key

if TYPE_CHECKING:
    from simulator.scenario.devices import Group
    from simulator.scenario.faults import Kinds


def check_object(name: str, group: Group, kinds: Kinds, *, external: bool) -> Iterator[Finding]:
    """What keeps the devices of a group from having their version of object 5, and from updating by themselves."""
    key: Key = ("groups", name)
    yield from _unseen(key, group)
    if group.lwm2m == "1.0" and group.object_version not in (None, "1.0"):
        problem = f"object 5 in version {group.object_version} needs LwM2M 1.1"
        yield Finding((*key, "object_version"), problem, 'set lwm2m = "1.1"')
    if group.lwm2m == "1.0" and group.push_format == "cbor":
        yield Finding((*key, "push_format"), "CBOR needs LwM2M 1.1", 'set lwm2m = "1.1", or push_format = "tlv"')
    if not group.automatic_upgrade:
        return
    if external:
        mend = "drop `automatic_upgrade`"
        yield Finding((*key, "automatic_upgrade"), "an external server gives its own orders", mend)
    if group.object_version != "1.2":
        problem = "only object 5 in version 1.2 has Automatic Upgrade at Download"
        yield Finding((*key, "automatic_upgrade"), problem, 'set object_version = "1.2"')
    passes = "a device that updates by itself does not stay in State 2, so nobody can ask for something there"
    for position, order in enumerate(group.orders):
        if order.when == "downloaded":
            yield Finding((*key, "orders", position, "when"), passes, "choose another")
    if group.course.execute:
        yield Finding((*key, "course", "execute"), "nobody executes Update with `automatic_upgrade`", "drop it")
    for position, fault in enumerate(group.faults):
        at: Key = (*key, "faults", position)
        place = kinds[fault.kind].timing(fault.parameters).place
        if fault.parameters.get("state") == "downloaded":
            yield Finding((*at, "state"), passes, "choose another state, or use one more group")
        elif place is not None and (place.unit, place.value) == (STATE, "downloaded"):
            written = next((word for word in ("at", "after") if word in fault.parameters), "kind")
            yield Finding((*at, written), passes, "choose another place, or use one more group")


def _unseen(key: Key, group: Group) -> Iterator[Finding]:
    """Orders for a State that nobody hears of in time, and a course that nobody can follow."""
    for position, order in enumerate(group.orders):
        reason = not_seen(order.when, group.delivery, group.habits)
        if reason:
            yield Finding((*key, "orders", position, "when"), reason, "choose another `when`, or drop a switch")
    if group.course.states and group.habits.notified is not Notified.EVERY_CHANGE:
        problem = "these devices do not notify every State that they pass through"
        yield Finding((*key, "course", "states"), problem, "drop it, or drop a switch")
