"""Did the server see an update happen: State and Update Result 1/0, 2/0, 3/0, 0/1, from its own reports.

The values of /5/0/3 and of /5/0/5 are each followed in order of time and held against the pattern apart: a client may
set the Result before the State or after it, and a server may pass the two notifications on in either order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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
Courses = dict[int, bytes]
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
    states_of, results_of, texts = _courses(run, sound)
    silent = {group for group, plan in groups.items() if hides_downloading(plan)}
    # Many devices have the same course, which is judged once.
    alike = Counter(
        (states_of.get(device, b""), results_of.get(device, b""), group in silent and kind.endswith("/push"))
        for device, group, kind in zip(sound.index.tolist(), sound["group"], sound["kind"], strict=True)
    )
    verdicts: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    without_downloading = 0
    for (*told, may_skip), devices_alike in alike.items():
        states, results = ([texts[place] for place in np.frombuffer(course, np.int64)] for course in told)
        verdict = judge(states, results, downloading=not (may_skip and "1" not in states))
        without_downloading += devices_alike if verdict == COMPLETE and "1" not in states else 0
        verdicts[verdict] += devices_alike
        seen[f"State {_arrows(states)}, Result {_arrows(results)}"] += devices_alike
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


def _courses(run: Run, sound: pd.DataFrame) -> tuple[Courses, Courses, list[str]]:
    """By device, the values of State and of Update Result that the server reported, and what the values are.

    They are in order of time, without immediate repetitions; each is the place of its text, an int64, in bytes.
    """
    rows = run.tables["server_reports"]
    rows = rows[rows["path"].isin([STATE_PATH, RESULT_PATH])]
    rows = rows[rows["device"].isin(sound.index)]
    order = rows["device"].to_numpy().argsort(kind="stable")
    device, of_result = rows["device"].to_numpy()[order], (rows["path"] == RESULT_PATH).to_numpy()[order]
    places, texts = pd.factorize(rows["value"])
    values = places[order].astype(np.int64)
    states, results = (_by_device(device[own], values[own]) for own in (~of_result, of_result))
    return states, results, [str(text) for text in texts]


def _by_device(device: NDArray[np.int64], values: NDArray[np.int64]) -> Courses:
    """The values of each device, which stand together, without immediate repetitions."""
    other = np.append(True, device[1:] != device[:-1])[: len(device)]
    new = other | np.append(True, values[1:] != values[:-1])[: len(values)]
    device, values, begins = device[new], values[new], np.flatnonzero(other[new])
    ends = np.append(begins, len(values))[1:]
    spans = zip(device[begins].tolist(), begins.tolist(), ends.tolist(), strict=True)
    return {each: values[begin:end].tobytes() for each, begin, end in spans}


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
