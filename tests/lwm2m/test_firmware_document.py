"""The tables of docs/firmware-update-machine.md are the tables of the code.

``python tests/lwm2m/test_firmware_document.py`` writes them anew.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from simulator.coap.codes import code_text
from simulator.lwm2m.firmware_switches import POINTS
from simulator.lwm2m.firmware_update import Effect, Event, Row, State
from simulator.lwm2m.profiles import OMA, PROFILES

DOCUMENT = Path(__file__).parents[2] / "docs" / "firmware-update-machine.md"
EFFECTS = {
    Effect.START_DOWNLOAD: "start download",
    Effect.RESUME_DOWNLOAD: "resume download",
    Effect.STOP_TRANSFER: "stop transfer",
    Effect.ERASE_PACKAGE: "erase",
    Effect.START_INSTALLATION: "install",
}


def cell(row: Row | int) -> str:
    if not isinstance(row, Row):
        return code_text(row) if row else "late"
    result = "same" if row.result is None else int(row.result)
    code = f"{code_text(row.code)} → " if row.code else "→ "
    effects = ", ".join(EFFECTS[effect] for effect in row.effects)
    return f"{code}**{int(row.state)} / {result}**" + (f" ({effects})" if effects else "")


def machine_table() -> str:
    lines = ["| event | 0 Idle | 1 Downloading | 2 Downloaded | 3 Updating |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| `{event}` | " + " | ".join(cell(OMA.table[state, event]) for state in State) + " |" for event in Event
    ]
    return "\n".join(lines)


def profile_table() -> str:
    others = [profile for profile in PROFILES.values() if profile is not OMA]
    lines = [
        "| State | event | oma | " + " | ".join(p.name for p in others) + " |",
        "| --: | --- | --- |" + " --- |" * len(others),
    ]
    for state in State:
        for event in Event:
            cells = [cell(profile.table[state, event]) for profile in (OMA, *others)]
            if len(set(cells)) > 1:
                shown = [cells[0], *(same if same != cells[0] else "" for same in cells[1:])]
                lines.append(f"| {int(state)} | `{event}` | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def switch_table() -> str:
    lines = [
        "| point | what the texts say | switch | what the device does | profiles |",
        "| --- | --- | --- | --- | --- |",
    ]
    in_force = {name: profile.readings() for name, profile in PROFILES.items()}
    for point in POINTS:
        told = [point.name, point.texts]
        for switch in point.readings:
            who = ", ".join(f"`{name}`" for name, readings in in_force.items() if readings[point.name] == switch.name)
            lines.append(f"| {told[0]} | {told[1]} | `{switch.name}` | {switch.meaning} | {who} |")
            told = ["", ""]
    return "\n".join(lines)


def row_table() -> str:
    """The rows of the OMA table that a switch changes, each switch alone."""
    lines = ["| switch | rows of `oma` that it changes |", "| --- | --- |"]
    for point in POINTS:
        for switch in point.readings:
            table = OMA.switched(switch.name).table
            pairs = [(s, e) for s in State for e in Event if table[s, e] != OMA.table[s, e]]
            rows = [f"{int(s)} `{e}`: {cell(table[s, e])}" for s, e in pairs]
            if rows:
                lines.append(f"| `{switch.name}` | " + "; ".join(rows) + " |")
    return "\n".join(lines)


TABLES = {"machine": machine_table, "profiles": profile_table, "switches": switch_table, "switch rows": row_table}


def with_tables(text: str) -> str:
    for name, render in TABLES.items():
        marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        match = marks.search(text)
        assert match, f"{DOCUMENT.name} has no place for the table {name!r}"
        text = text[: match.end(1)] + render() + "\n" + text[match.start(2) :]
    return text


@pytest.mark.parametrize("name", TABLES)
def test_the_document_has_the_table_of_the_code(name):
    assert TABLES[name]() in DOCUMENT.read_text(encoding="utf-8"), f"run: python {Path(__file__).name}"


if __name__ == "__main__":
    DOCUMENT.write_text(with_tables(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
