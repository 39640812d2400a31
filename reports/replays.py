"""Some devices whose updates were not ok, each with the command that replays it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

import pandas as pd

from reports.read import Run
from reports.summary import NotOk

MOST: Final = 10


def not_ok(run: Run, devices: pd.DataFrame, updates: pd.DataFrame) -> list[NotOk]:
    """Up to ten devices: one for each outcome and reason, the most frequent first, then a second one for each."""
    found = updates[updates["outcome"] != "ok"].drop_duplicates("device", keep="last").sort_values("device")
    found = found.assign(endpoint=devices.loc[found["device"], "endpoint"].to_numpy())
    found = found[found["endpoint"] != ""]
    alike = found.groupby(["outcome", "reason"])["device"]
    order = found.assign(turn=alike.cumcount(), alike=-alike.transform("size"))
    chosen = order.sort_values(["turn", "alike"], kind="stable").head(MOST)
    place = shown(run.path)
    return [
        NotOk(
            index=int(row["device"]),
            endpoint=str(row["endpoint"]),
            group=str(row["group"]),
            outcome=str(row["outcome"]),
            reason=str(row["reason"]),
            reproduce=["lwm2m-fleet", "reproduce", place, "--device", str(row["endpoint"])],
        )
        for row in chosen.to_dict("records")
    ]


def shown(path: Path) -> str:
    """A run directory as it can be typed here; elsewhere its name alone, as no report tells where its maker lives."""
    if not path.is_absolute():
        return str(path)
    with suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return path.name
