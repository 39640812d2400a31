"""What a matrix consists of: rows, columns, the cells that are run, and the scenario in which each has a group."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from simulator.cli.matrix_rows import MECHANISMS
from simulator.cli.matrix_table import COLUMNS, Column, Mechanism
from simulator.scenario import ScenarioError, loads
from simulator.scenario.server import MANAGEMENT_OF

if TYPE_CHECKING:
    from pathlib import Path

    from simulator.scenario import Problem

HEAD: Final = """\
# The table of `lwm2m-fleet matrix`: a group for each cell. Times are short, so that all of it takes a minute or two.
[run]
name = "matrix"
duration_max = "10 min"

[server]
kind = {kind}

[firmware]
size = "128 KiB"

[devices]
boot_time = "100 ms"
# So long that a server which misses State 3 (Updating) is found out: what was held shorter need not be told.
install_time = "15 s"
coap = {{ ack_timeout = "500 ms", max_retransmit = 3 }}

[arrivals]
kind = "rate"
rate = "{rate}/s"

[campaign]
concurrency = {devices}
# The same for State 2 (Downloaded).
execute = {{ delay = "15 s" }}
timeout = "80 s"
request_timeout = "40 s"
"""
RATES: Final = {"aiocoap": 10, "leshan-demo": 20}
"""Devices per second for servers that push so slowly that more of them would wait for one another."""
RATE: Final = 50
HEAD_EXTERNAL: Final = re.sub(r"(?m)^(concurrency = |execute = |request_timeout = |# The same ).*\n", "", HEAD)
"""An external server runs its own campaign."""
_GROUP_KEY: Final = re.compile(r"groups\.([A-Za-z0-9_-]+)(?:\.|\[|$)")


@dataclass(frozen=True, slots=True)
class Selection:
    """Which part of the table is wanted; an empty choice is no restriction."""

    results: tuple[int, ...] = ()
    kinds: tuple[str, ...] = ()
    """Names of rows, or of kinds of fault."""
    transports: tuple[str, ...] = ()
    deliveries: tuple[str, ...] = ()

    def rows(self) -> list[Mechanism]:
        """The rows that are wanted."""
        return [
            row
            for row in MECHANISMS
            if (not self.results or row.result in self.results)
            and (not self.kinds or row.name in self.kinds or any(kind in self.kinds for kind in row.kinds))
        ]

    def columns(self, server: str) -> list[Column]:
        """The columns that are wanted, as far as the server speaks them."""
        managed = MANAGEMENT_OF.get(server)
        return [
            column
            for column in COLUMNS
            if (not self.transports or column.transport in self.transports)
            and (not self.deliveries or column.delivery in self.deliveries)
            and (column.delivery == "pull" or managed is None or column.transport in managed)
        ]


@dataclass(frozen=True, slots=True)
class Cell:
    """A row in a column."""

    row: Mechanism
    column: Column
    reason: str
    """Why it has no meaning; empty where it is run."""

    @property
    def group(self) -> str:
        """The name of its group."""
        return group_name(self.row, self.column)


def group_name(row: Mechanism, column: Column) -> str:
    """The name of a group: letters, digits and ``-``."""
    return f"r{row.result}-{row.name}-{column.delivery}-{column.transport.replace('+', '-')}"


def cells_of(rows: Sequence[Mechanism], columns: Sequence[Column]) -> list[Cell]:
    """All cells, row by row."""
    return [Cell(row, column, row.reason(column)) for row in rows for column in columns]


def scenario_text(cells: Sequence[Cell], server: str, devices_per_cell: int) -> str:
    """The TOML of a run in which every cell that has a meaning has a group."""
    filled = [cell for cell in cells if not cell.reason]
    head = HEAD_EXTERNAL if server == "external" else HEAD
    devices = max(1, len(filled) * devices_per_cell)
    parts = [head.format(kind=json.dumps(server), devices=devices, rate=RATES.get(server, RATE))]
    parts += [_group(cell, devices_per_cell) for cell in filled]
    return "\n".join(parts)


def refused(cells: Sequence[Cell], text: str, overrides: Sequence[str], file: Path) -> tuple[list[Cell], list[Problem]]:
    """The cells once more, those with their reason that the scenario refuses with this server and these overrides.

    What is wrong beside is given back as it is.
    """
    try:
        loads(text, overrides, file=str(file))
    except ScenarioError as error:
        reasons: dict[str, str] = {}
        others = []
        for problem in error.problems:
            group = _GROUP_KEY.match(problem.key)
            if group is None:
                others.append(problem)
            else:
                reasons.setdefault(group[1], problem.message)
        found = [cell if cell.reason else Cell(cell.row, cell.column, reasons.get(cell.group, "")) for cell in cells]
        return found, others
    return list(cells), []


def injected(row: Mechanism) -> str:
    """What a row injects, as a scenario says it."""
    faults = [_value(fault) for fault in row.faults]
    return ", ".join([*faults, *_lines(row.settings)])


def _group(cell: Cell, devices: int) -> str:
    row, column = cell.row, cell.column
    keys: dict[str, Any] = {"count": devices, "delivery": column.delivery}
    keys["transport" if column.delivery == "pull" else "management"] = column.transport
    faults = [dict(fault) for fault in row.faults]
    settings = dict(row.settings)
    if "expect" in settings and faults:
        faults[0]["expect"] = settings.pop("expect")
    lines = [f"[groups.{cell.group}]", *_lines({**keys, **settings})]
    for fault in faults:
        lines += [f"[[groups.{cell.group}.faults]]", *_lines(fault)]
    return "\n".join(lines) + "\n"


def _lines(keys: Mapping[str, Any]) -> list[str]:
    return [f"{name} = {_value(value)}" for name, value in keys.items()]


def _value(value: Any) -> str:
    """A value as TOML writes it: strings, numbers and booleans are those of JSON."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{name} = {_value(each)}" for name, each in value.items()) + " }"
    return json.dumps(value)
