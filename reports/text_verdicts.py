"""The verdicts on devices and server as tables of text."""

from __future__ import annotations

from reports.judged import Judged, Verdicts
from reports.table import Table
from reports.units import number, seconds


def verdicts(found: Verdicts) -> Table:
    """Both sides with the number of devices for each outcome; without rows where no device was in a campaign."""
    sides = (("devices against what was declared", found.device), ("server against the devices", found.server))
    rows = [_side(name, judged) for name, judged in sides if judged.as_declared + judged.differs + judged.unknown]
    return Table("verdicts", "Verdicts", ["verdict on", "as declared", "differs", "unknown"], rows, range(1, 4))


def classes(found: Verdicts) -> Table:
    """What the server did wrong, with how many devices, and the first time that it did."""
    rows = []
    for one in found.classes:
        first = one.charges[0] if one.charges else None
        words = f"{first.endpoint}: {first.message}" if first else "nothing that the network or a fault may not explain"
        at = seconds(first.t) if first else "-"
        rows.append([one.id, one.name, number(one.devices), number(one.unclear), at, words])
    headers = ["id", "server", "devices", "unclear", "first at", "which"]
    return Table("misconduct", "What the server did wrong", headers, rows, range(2, 5))


def _side(name: str, judged: Judged) -> list[str]:
    return [name, number(judged.as_declared), number(judged.differs), number(judged.unknown)]
