"""Did the server see an update happen: State and Update Result 1/0, 2/0, 3/0, 0/1, from its own reports.

The values of /5/0/3 and of /5/0/5 are each followed in order of time and held against the pattern apart: a client may
set the Result before the State or after it, and a server may pass the two notifications on in either order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pandas as pd

from reports.devices import UNKNOWN
from reports.read import Run, section
from reports.summary import Pattern

STATE_PATH: Final = "/5/0/3"
RESULT_PATH: Final = "/5/0/5"
SEEN_MOST: Final = 20

COMPLETE: Final = "complete"
OUT_OF_ORDER: Final = "out of order"
INCOMPLETE: Final = "incomplete"

_STATES: Final = ("1", "2", "3", "0")
UPDATED: Final = "0/1"
"""The end of an update that goes well."""


def pattern(run: Run, devices: pd.DataFrame) -> Pattern:
    """The pattern check over the devices in the campaign that carry no fault, and notify whatever changes.

    Those that are declared to end otherwise than updated, as with a flash that is too small, have another course.
    """
    groups = {group: _plan(run, group) for group in set(devices["group"])}
    telling = [group for group, plan in groups.items() if notifies_every_change(plan)]
    updated = devices["declared"].isin([UPDATED, UNKNOWN])
    sound = devices[(devices["fault"] == "") & devices["campaign"] & updated & devices["group"].isin(telling)]
    reports = _reports(run, sound)
    verdicts: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    without_downloading = 0
    silent = {group for group, plan in groups.items() if hides_downloading(plan)}
    for device, group, kind in zip(sound.index, sound["group"], sound["kind"], strict=True):
        states, results = reports.get(int(device), ([], []))
        may_skip = group in silent and kind.endswith("/push")
        verdict = judge(states, results, downloading=not (may_skip and "1" not in states))
        without_downloading += verdict == COMPLETE and "1" not in states
        verdicts[verdict] += 1
        seen[f"State {_arrows(states)}, Result {_arrows(results)}"] += 1
    return Pattern(
        devices=len(sound),
        complete=verdicts[COMPLETE],
        out_of_order=verdicts[OUT_OF_ORDER],
        incomplete=verdicts[INCOMPLETE],
        without_downloading=without_downloading,
        seen=dict(seen.most_common(SEEN_MOST)),
    )


def judge(states: Sequence[str], results: Sequence[str], *, downloading: bool = True) -> str:
    """Hold the values that a server reported for one device, each in order of time, against the pattern.

    Args:
        states: values of /5/0/3.
        results: values of /5/0/5.
        downloading: whether State 1 must be among them.
    """
    wanted = _STATES if downloading else _STATES[1:]
    if not results or results[-1] != "1" or not states or states[-1] != "0" or not set(wanted) <= set(states):
        return INCOMPLETE
    remaining = iter(states)
    return COMPLETE if all(state in remaining for state in wanted) else OUT_OF_ORDER


def _reports(run: Run, sound: pd.DataFrame) -> dict[int, tuple[list[str], list[str]]]:
    """The values of State and of Update Result by device, in order of time, without immediate repetitions."""
    rows = run.tables["server_reports"]
    rows = rows[rows["device"].isin(sound.index) & rows["path"].isin([STATE_PATH, RESULT_PATH])]
    found: dict[int, tuple[list[str], list[str]]] = {}
    for device, path, value in _triples(rows):
        values = found.setdefault(device, ([], []))[path == RESULT_PATH]
        if not values or values[-1] != value:
            values.append(value)
    return found


def _triples(rows: pd.DataFrame) -> Iterator[tuple[int, str, str]]:
    return zip(rows["device"].tolist(), rows["path"].tolist(), rows["value"].tolist(), strict=True)


def _plan(run: Run, group: str) -> dict[str, Any]:
    """What the scenario in the manifest says of a group."""
    scenario = section(run.manifest.get("scenario"))
    return {**section(scenario.get("devices")), **section(section(scenario.get("groups")).get(group))}


def hides_downloading(plan: Mapping[str, Any]) -> bool:
    """Whether the devices of a group do not show State 1 on a push; runs of version 0.1 tell by the profile alone."""
    return not plan.get("shows_downloading_on_push", plan.get("profile") != "anjay")


def notifies_every_change(plan: Mapping[str, Any]) -> bool:
    """Whether the devices of a group notify every State that they pass through."""
    return plan.get("notifies_every_change", True) is not False


def _arrows(values: Sequence[str]) -> str:
    return " → ".join(values) if values else "never reported"
