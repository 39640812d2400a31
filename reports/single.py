"""Timelines of single devices of a run: some that were not ok, some that the server wronged, and some of each fault."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pandas as pd

from reports.figures import Drawn, draw_timeline
from reports.read import Run
from reports.summary import Summary
from reports.timeline import of_run

MOST: Final = 4
DIRECTORY: Final = "devices"
_NO_NAME: Final = re.compile(r"[^A-Za-z0-9_.-]")


def draw_some(run: Run, devices: pd.DataFrame, summary: Summary, figures: Path) -> list[Drawn]:
    """Draw up to four devices, and write them as ``devices/<index>-<endpoint>.svg`` below ``figures``.

    Raises:
        OSError: the directory cannot be written.
    """
    directory = figures / DIRECTORY
    shutil.rmtree(directory, ignore_errors=True)
    drawn = []
    for device in list(dict.fromkeys(chosen(devices, summary)))[:MOST]:
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
