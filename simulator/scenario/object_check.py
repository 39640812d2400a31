"""Checks of the version of the Firmware Update object that a group announces, and of what needs one of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from simulator.faults.triggers import STATE
from simulator.scenario.problems import Finding, Key

if TYPE_CHECKING:
    from simulator.scenario.devices import Group
    from simulator.scenario.faults import Kinds


def check_object(name: str, group: Group, kinds: Kinds, *, external: bool) -> Iterator[Finding]:
    """What keeps the devices of a group from having their version of object 5, and from updating by themselves."""
    key: Key = ("groups", name)
    if group.lwm2m == "1.0" and group.object_version not in (None, "1.0"):
        problem = f"object 5 in version {group.object_version} needs LwM2M 1.1"
        yield Finding((*key, "object_version"), problem, 'set lwm2m = "1.1"')
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
