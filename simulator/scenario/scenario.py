"""The scenario as the rest of the project sees it: complete, checked, in base units."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from simulator.faults.triggers import Place
from simulator.lwm2m.firmware_habits import Notified
from simulator.scenario.campaign import Campaign, Criteria, Moment
from simulator.scenario.devices import Fault, Group
from simulator.scenario.links import NetworkSettings
from simulator.scenario.sections import Arrivals, Firmware, Run
from simulator.scenario.server import ExternalServer, LeshanDemo, Server
from simulator.scenario.units import Range


@dataclass(frozen=True)
class Scenario:
    """Who the devices are, what is done to them, and what must hold."""

    run: Run
    server: Server
    firmware: Firmware
    groups: Mapping[str, Group]
    """By name, in the order of the file, each with the defaults of ``[devices]`` filled in."""
    arrivals: Arrivals
    campaign: Campaign
    criteria: Criteria

    @property
    def devices(self) -> int:
        """Number of devices in all groups."""
        return sum(group.count for group in self.groups.values())

    @property
    def campaign_groups(self) -> tuple[str, ...]:
        """Names of the groups that the campaign updates, in the order of the file."""
        chosen = self.campaign.groups
        return tuple(
            name
            for name, group in self.groups.items()
            if group.delivery != "none" and (chosen is None or name in chosen)
        )

    @property
    def target_hosts(self) -> tuple[str, ...]:
        """The hosts that the scenario names as targets, for ``is_public``."""
        if isinstance(self.server, LeshanDemo):
            return () if self.server.url is None else (urlsplit(self.server.url).hostname or "",)
        return (self.server.host,)

    @property
    def driven(self) -> bool:
        """Whether the operator gives the orders; an external server gives its own."""
        return not isinstance(self.server, ExternalServer)

    def scaled(self, devices: int) -> Scenario:
        """The same with ``devices`` devices in all, the groups in proportion.

        Largest remainders decide on the odd ones; a group that has devices keeps at least one as long as there are
        enough. Concurrency and rates stay as they are.

        Raises:
            ValueError: fewer than 1 device.
        """
        return dataclasses.replace(self, groups=scaled_groups(self.groups, devices))

    def to_dict(self) -> dict[str, Any]:
        """JSON-able and normalised: sizes in bytes, durations in seconds, shares as 0 to 1.

        A name gets the suffix of its base unit (``flash_bytes``, ``update_p95_max_s``, ``rate_per_s``). Parameters of
        faults keep their names. Criteria that are not set are left out. A group has two keys more for what a server can
        see of its updates, by profile and switches (``shows_downloading_on_push``, ``notifies_every_change``).
        """
        sections = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        result = {name: _normalised(value) for name, value in sections.items() if name != "groups"}
        result["criteria"] = {name: limit for name, limit in result["criteria"].items() if limit is not None}
        result["groups"] = {name: _normalised(group) | _seen(group) for name, group in self.groups.items()}
        return result


def _seen(group: Group) -> dict[str, bool]:
    """What a server can see of the updates of a group: a report must not accuse it of what it cannot."""
    return {
        "shows_downloading_on_push": group.habits.shows_downloading_on_push,
        "notifies_every_change": group.habits.notified is Notified.EVERY_CHANGE,
    }


def scaled_groups(groups: Mapping[str, Group], devices: int) -> dict[str, Group]:
    """The groups with other counts, as ``Scenario.scaled`` has them."""
    counts = _proportional({name: group.count for name, group in groups.items()}, devices)
    return {name: group.model_copy(update={"count": counts[name]}) for name, group in groups.items()}


def _proportional(counts: Mapping[str, int], total: int) -> dict[str, int]:
    """``total`` shared out in proportion to ``counts`` by largest remainders, at least 1 to each that had any."""
    whole = sum(counts.values())
    if total < 1 or whole < 1:
        msg = f"a fleet has at least one device, not {total}"
        raise ValueError(msg)
    shares = {name: divmod(count * total, whole) for name, count in counts.items()}
    result = {name: quotient for name, (quotient, _) in shares.items()}
    by_remainder = sorted(shares, key=lambda name: -shares[name][1])
    for name in by_remainder[: total - sum(result.values())]:
        result[name] += 1
    for name in counts:
        richest = max(result, key=lambda other: result[other])
        if counts[name] and not result[name] and result[richest] > 1:
            result[name] += 1
            result[richest] -= 1
    return result


def _suffix(field: FieldInfo) -> str:
    """The suffix of the base unit of a field's type, where it has one."""
    for mark in (*field.metadata, *_marks(field.annotation)):
        suffix = getattr(mark, "suffix", None)
        if isinstance(suffix, str):
            return suffix
    return ""


def _marks(annotation: Any) -> list[Any]:
    """The metadata inside a type such as ``Annotated[float, DURATION] | None``."""
    found = list(getattr(annotation, "__metadata__", ()))
    for argument in getattr(annotation, "__args__", ()):
        found += _marks(argument)
    return found


def _normalised(value: Any) -> Any:
    match value:
        case NetworkSettings():
            return value.normalised()
        case BaseModel():
            return {
                (field.alias or name) + _suffix(field): _normalised(getattr(value, name))
                for name, field in type(value).model_fields.items()
            }
        case Fault():
            expect = None if value.expected is None else {"state": value.expected[0], "result": value.expected[1]}
            parameters = {name: _normalised(each) for name, each in value.parameters.items()}
            carriers = {"share": value.share} if value.devices is None else {"count": value.devices}
            return {"kind": value.kind, **carriers, "expect": expect, "parameters": parameters}
        case Place():
            return {value.unit: value.value}
        case Range():
            return {"min": value.min, "max": value.max}
        case Moment():
            return {"event": value.event, "seconds": value.seconds}
        case tuple():
            return [_normalised(each) for each in value]
        case dict():
            return {name: _normalised(each) for name, each in value.items()}
        case _:
            return value
