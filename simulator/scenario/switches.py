"""``switches`` of a group: other readings of single points than those of its profile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from simulator.lwm2m.firmware_switches import SWITCHES, conflict_text, conflicts
from simulator.scenario.problems import Finding, Key, did_you_mean
from simulator.scenario.units import refuse

_NAMES: Final = tuple(SWITCHES)


def _switch(value: str) -> str:
    if value not in SWITCHES:
        refuse(f"{value!r} is no switch", did_you_mean(value, _NAMES))
    return value


Switch = Annotated[str, AfterValidator(_switch), Field(json_schema_extra={"enum": list(_NAMES)})]


def check_switches(raw: object, at: Key) -> Iterator[Finding]:
    """Switches that contradict each other, in a table ``at`` of which nobody has checked the other keys."""
    names = raw.get("switches") if isinstance(raw, dict) else None
    if isinstance(names, list):
        for pair in conflicts(name for name in names if isinstance(name, str)):
            yield Finding((*at, "switches"), conflict_text(*pair), "give one of them")
