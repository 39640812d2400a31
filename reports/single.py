"""Timelines of single devices of a run: those asked for, and some that were not ok, that the server wronged, or of each
fault.
"""

from __future__ import annotations

import difflib
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pandas as pd

from reports.figures import Drawn, draw_timeline
from reports.read import Run
from reports.summary import Summary
from reports.timeline import of_run

MOST: Final = 4
NEAR: Final = 3
"""Names that an error gives."""
SEARCHED_MOST: Final = 20_000
"""Names among which near ones are looked for, which takes some seconds of a million."""
DIRECTORY: Final = "devices"
_NO_NAME: Final = re.compile(r"[^A-Za-z0-9_.-]")


class DeviceNameError(ValueError):
    """A run has no device of this name."""


def named(devices: pd.DataFrame, endpoints: Sequence[str]) -> list[int]:
    """The devices of these Endpoint Client Names.

    Raises:
        DeviceNameError: there is none of a name; it says which names are near.
    """
    known = devices["endpoint"]
    found: list[int] = []
    for name in endpoints:
        own = known.index[known == name].tolist()
        if not own:
            near = difflib.get_close_matches(name, known.iloc[:SEARCHED_MOST].tolist(), n=NEAR, cutoff=0.5)
            such = near or known[known != ""].head(NEAR).tolist()
            hint = f"; {'near it are' if near else 'it has'} {', '.join(such)}" if such else ""
            msg = f"the run has no device with the endpoint {name!r}{hint}"
            raise DeviceNameError(msg)
        found += [int(device) for device in own]
    return list(dict.fromkeys(found))


def draw_some(
    run: Run, devices: pd.DataFrame, summary: Summary, figures: Path, asked: Sequence[int] = ()
) -> list[Drawn]:
    """Draw the devices asked for and up to four others, and write them as ``devices/<index>-<endpoint>.svg``.

    Args:
        figures: the directory below which they are.

    Raises:
        OSError: the directory cannot be written.
    """
    directory = figures / DIRECTORY
    shutil.rmtree(directory, ignore_errors=True)
    drawn = []
    others = [device for device in dict.fromkeys(chosen(devices, summary)) if device not in asked]
    for device in [*asked, *others[:MOST]]:
        made = of_run(run, device)
        if made is not None:
            directory.mkdir(exist_ok=True)
            name = _NO_NAME.sub("_", made.endpoint)[:80]
            drawn.append(draw_timeline(made, directory / f"{device}-{name}.svg"))
    return drawn


def chosen(devices: pd.DataFrame, summary: Summary) -> Iterator[int]:
    """Devices, those that tell most first: for each outcome and reason, each class of misbehaviour, each fault."""
    reasons: dict[tuple[str, str], int] = {}
    for one in summary.not_ok:
        reasons.setdefault((one.outcome, one.reason), one.index)
    yield from reasons.values()
    for found in summary.verdicts.classes:
        yield from (charge.index for charge in found.charges[:1])
    faulty = devices[devices["campaign"] & (devices["fault"] != "")]
    yield from (int(rows.index[0]) for _, rows in faulty.groupby("fault"))
