"""One row per device: the plan, what was injected, and the two accounts of how its update ended, side by side."""

from __future__ import annotations

from typing import Final

import pandas as pd

from reports.read import Run
from simulator.events import FAULT_OVER

PEER_SEAM: Final = "server"
"""Seam of what a server does wrong on purpose, which is no fault of the device."""
UNKNOWN: Final = "?"
"""A state, result, transport or delivery that is not known."""


def device_frame(run: Run) -> pd.DataFrame:
    """All devices of a run, by index (the column ``device`` of the tables).

    Columns: ``endpoint``, ``group``, ``transport``, ``delivery``, ``kind``, ``network``, ``management``, ``stack``,
    ``credentials``, ``fault``, ``declared``, ``campaign`` (bool: an update is meant for it),
    ``updated`` (bool: its update came to an end), ``started`` (first Write, seconds or NaN), ``device_end`` and
    ``server_end`` (``state/result`` or ``?``), ``asked`` (bool: somebody asked the server), ``applied`` (how often its
    fault struck).
    """
    tables = run.tables
    started = tables["devices"].drop_duplicates("device", keep="last").set_index("device")
    updates = updates_of(run).drop_duplicates("device", keep="last").set_index("device")
    index = started.index.union(updates.index).union(pd.Index(tables["transfers"]["device"].unique()))
    started, updates = started.reindex(index), updates.reindex(index)
    delivery = _text(started["delivery"]).where(_text(started["delivery"]) != "", _text(updates["delivery"]))
    frame = pd.DataFrame(index=index)
    frame.index.name = "device"
    frame["endpoint"] = _text(started["endpoint"])
    frame["group"] = _text(started["group"]).replace("", UNKNOWN)
    frame["transport"] = _text(started["transport"]).replace("", UNKNOWN)
    frame["delivery"] = delivery
    frame["kind"] = kind(_text(started["transport"]), delivery)
    for name in ("network", "management", "stack", "credentials"):
        frame[name] = _text(started[name])
    frame["fault"] = _text(started["fault"])
    frame["declared"] = pair(started["expected_state"], started["expected_result"])
    frame["campaign"] = delivery != ""
    frame["updated"] = updates["t"].notna()
    frame["started"] = updates["started"]
    frame["device_end"] = _device_end(run).reindex(index).fillna(UNKNOWN)
    frame["server_end"] = pair(updates["state"], updates["result"])
    frame["asked"] = not run.external
    strikes = tables["faults"]
    strikes = strikes[strikes["seam"] != PEER_SEAM]
    struck = strikes[~strikes["detail"].astype(str).str.startswith(FAULT_OVER)].groupby("device").size()
    frame["applied"] = struck.reindex(index).fillna(0).astype("int64")
    return frame


def updates_of(run: Run) -> pd.DataFrame:
    """The table ``updates``; of a run on an external server, the devices' own accounts in its place.

    There an update begins with State 1 (Downloading), ends with an Update Result above 0, and is judged by the device's
    end alone. What the server knew stays -1.
    """
    if not run.external:
        return run.tables["updates"]
    states, plans = run.tables["states"], run.tables["devices"]
    begun = states[states["state"] == 1].drop_duplicates("device").set_index("device")["t"]
    ended = states[states["result"] > 0].drop_duplicates("device", keep="last").set_index("device")
    plan = plans.drop_duplicates("device", keep="last").set_index("device").reindex(ended.index)
    good = (ended["state"] == plan["expected_state"]) & (ended["result"] == plan["expected_result"])
    own = pair(ended["state"], ended["result"])
    found = pd.DataFrame(
        {
            "t": ended["t"],
            "delivery": _text(plan["delivery"]),
            "due": begun.reindex(ended.index).fillna(ended["t"]),
            "started": begun.reindex(ended.index).fillna(ended["t"]),
            "outcome": good.map({True: "ok", False: "fail"}),
            "state": -1,
            "result": ended["result"],
            "version": "",
            "reason": ("the device ended in " + own).where(~good, ""),
        },
        index=ended.index,
    ).reset_index()
    return found[found["delivery"] != ""]


def kind(transport: pd.Series, delivery: pd.Series) -> pd.Series:
    """``transport/delivery``, with ``?`` for what is not known."""
    return transport.replace("", UNKNOWN) + "/" + delivery.replace("", UNKNOWN)


def pair(state: pd.Series, result: pd.Series) -> pd.Series:
    """``state/result``, or ``?`` where one of the two is not known."""
    known = (state >= 0) & (result >= 0)
    text = state[known].astype("int64").astype(str) + "/" + result[known].astype("int64").astype(str)
    return text.reindex(state.index).fillna(UNKNOWN)


def _device_end(run: Run) -> pd.Series:
    """The end by the device's own account: what it had when it was switched off, else its last change of state."""
    changes = run.tables["states"].drop_duplicates("device", keep="last").set_index("device")
    ends = run.tables["device_ends"].drop_duplicates("device", keep="last").set_index("device")
    last = pair(changes["state"], changes["result"])
    final = pair(ends["state"], ends["result"])
    return final[final != UNKNOWN].combine_first(last)


def _text(column: pd.Series) -> pd.Series:
    return column.fillna("").astype(str)
