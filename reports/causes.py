"""Why devices could not reach their servers: the causes that they recorded, counted."""

from __future__ import annotations

from typing import Final

import pandas as pd

from reports.read import Run
from reports.sides import Cause, Unregistered
from reports.transports import group_of, parts
from reports.units import counted

NO_ANSWER: Final = "no answer"
NOT_ENDED: Final = "no Register came to its end"
NOTES_MOST: Final = 5

_KEY = ["what", "group", "scheme", "credentials", "fault", "cause"]


def causes(run: Run, devices: pd.DataFrame) -> list[Cause]:
    """Causes of registrations and downloads that got nowhere: Register first, and those of most devices first."""
    rows = pd.concat([_registrations(run, devices), _downloads(run, devices)], ignore_index=True)
    if rows.empty:
        return []
    found = rows.groupby(_KEY)["device"].agg(["nunique", "size"])
    told = []
    for key, number, attempts in zip(found.index, found["nunique"], found["size"], strict=True):
        what, group, scheme, credentials, fault, cause = parts(key, len(_KEY))
        told.append(Cause(what, group, scheme, credentials, fault, cause, int(number), int(attempts)))
    return sorted(told, key=lambda one: (one.what != "register", -one.devices))


def unregistered(run: Run, devices: pd.DataFrame) -> list[Unregistered]:
    """Devices that were switched on and never registered, each by the cause that it recorded last.

    A device of which rows may be missing is not held to be one.
    """
    tried = run.tables["registrations"]
    tried = tried[tried["operation"] == "register"]
    started = devices.loc[devices.index.intersection(pd.Index(run.tables["devices"]["device"]))]
    if "registrations" in run.incomplete:
        started = started.loc[started.index.intersection(pd.Index(tried["device"]))]
    left = started.loc[started.index.difference(pd.Index(tried["device"][tried["outcome"] == "ok"]))]
    if left.empty:
        return []
    last = tried.drop_duplicates("device", keep="last").set_index("device")
    cause = _cause(last).reindex(left.index).fillna(NOT_ENDED)
    found = left.assign(cause=cause).groupby(["group", "management", "credentials", "cause"]).size()
    rows = []
    for key, number in found.items():
        group, scheme, credentials, why = parts(key, 4)
        rows.append(Unregistered(group, scheme, credentials, why, int(number)))
    return sorted(rows, key=lambda one: -one.devices)


def notes(found: list[Unregistered]) -> list[str]:
    """A sentence for the top of a report on each group of devices that never registered."""
    said = [f"{_who(one)} never registered: {one.cause}." for one in found[:NOTES_MOST]]
    rest = sum(one.devices for one in found[NOTES_MOST:])
    return [*said, f"{counted(rest, 'further device')} never registered; the causes are below."] if rest else said


def _who(one: Unregistered) -> str:
    shown = f", credentials {one.credentials}," if one.credentials else ""
    over = f" over {one.management}" if one.management else ""
    return f"{counted(one.devices, 'device')} of group {one.group}{over}{shown}"


def _registrations(run: Run, devices: pd.DataFrame) -> pd.DataFrame:
    table = run.tables["registrations"]
    lost = table[table["outcome"] != "ok"]
    known = devices.reindex(lost["device"])
    return pd.DataFrame(
        {
            "what": lost["operation"].to_numpy(),
            "group": known["group"].fillna("?").to_numpy(),
            "scheme": known["management"].fillna("").to_numpy(),
            "credentials": known["credentials"].fillna("").to_numpy(),
            "fault": known["fault"].fillna("").to_numpy(),
            "cause": _cause(lost).to_numpy(),
            "device": lost["device"].to_numpy(),
        }
    )


def _downloads(run: Run, devices: pd.DataFrame) -> pd.DataFrame:
    table = run.tables["transfers"]
    lost = table[(table["outcome"] == "fail") & (table["cause"] != "")]
    known = devices.loc[lost["device"]]
    own = {group for group in set(known["group"]) if group_of(run, group).get("download_credentials") is not None}
    return pd.DataFrame(
        {
            "what": "download",
            "group": known["group"].to_numpy(),
            "scheme": lost["transport"].to_numpy(),
            "credentials": known["credentials"].where(~known["group"].isin(own), "").to_numpy(),
            "fault": known["fault"].to_numpy(),
            "cause": lost["cause"].to_numpy(),
            "device": lost["device"].to_numpy(),
        }
    )


def _cause(table: pd.DataFrame) -> pd.Series[str]:
    """What the device knows, else the code of the refusal, else that nobody answered."""
    refused = ("refused with " + table["code"]).where(table["code"] != "", NO_ANSWER)
    return table["cause"].where(table["cause"] != "", refused)
