"""The shape of ``matrix.json``: the table *injected failure x transport x delivery* of a run, two verdicts a cell."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Final

from reports.matrix_history import Step
from reports.summary import RunInfo
from reports.verdicts import AS_DECLARED, DIFFERS, NOT_KNOWN

MATRIX_SCHEMA: Final = 1
"""Raised by one when a key of ``matrix.json`` changes its meaning or goes."""


@dataclass(frozen=True, slots=True)
class Row:
    """One way to an Update Result."""

    result: int
    result_name: str
    """Of the Update Result, in words."""
    name: str
    what: str
    """What happens, in a few words."""
    injected: str
    """Kinds of fault with their parameters, and settings of the group, as a scenario has them."""

    @property
    def id(self) -> str:
        """Names it among all rows."""
        return f"{self.result}/{self.name}"


@dataclass(frozen=True, slots=True)
class Column:
    """One way by which a package comes."""

    delivery: str
    transport: str

    @property
    def id(self) -> str:
        """Names it among all columns."""
        return f"{self.delivery}/{self.transport}"


@dataclass(frozen=True, slots=True)
class Place:
    """A cell before it is judged."""

    row: Row
    column: Column
    group: str
    """The group of its devices; empty where it has none."""
    kinds: tuple[str, ...]
    """The faults that have to strike."""
    reason: str
    """Why it has no meaning; empty where it has a group."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What was to be run."""

    rows: list[Row]
    columns: list[Column]
    places: list[Place]
    notes: list[str]
    """What is not in the table, and why."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A row in a column: the three columns of the record, and the two verdicts."""

    row: str
    column: str
    reason: str
    """Why it has no meaning. Then all that follows is empty."""
    group: str = ""
    devices: int = 0
    struck: int = 0
    """Devices into which all that was to be injected was."""
    declared: str = ""
    """``state/result``, several of them with commas."""
    device_end: str = ""
    server_end: str = ""
    device: str = ""
    """The devices against what was declared: ``as declared``, ``differs`` or ``unknown``."""
    server: str = ""
    """The server against the devices."""
    classes: tuple[str, ...] = ()
    """What the server did wrong: ``S1`` to ``S7``."""
    notes: tuple[str, ...] = ()
    """Why it is not as declared, in words."""
    took_s: float | None = None
    """The longest update."""
    endpoint: str = ""
    """One of its devices; one that is not as declared, where there is one."""
    reproduce: tuple[str, ...] = ()
    """The command that replays it."""
    history: tuple[Step, ...] = ()
    """What happened to it."""

    @property
    def good(self) -> bool:
        """Whether both sides are as declared; a cell without a meaning is."""
        return bool(self.reason) or (self.device == self.server == AS_DECLARED)


@dataclass(frozen=True, slots=True)
class Matrix:
    """The whole table."""

    schema: int
    run: RunInfo
    rows: list[Row]
    columns: list[Column]
    cells: list[Cell]
    """Row by row."""
    notes: list[str]

    @property
    def filled(self) -> list[Cell]:
        """The cells that have a meaning."""
        return [cell for cell in self.cells if not cell.reason]

    @property
    def holds(self) -> bool:
        """Whether all cells are as declared, on both sides, and there are some."""
        return bool(self.filled) and all(cell.good for cell in self.cells)

    def counts(self, side: str) -> dict[str, int]:
        """How many cells have which verdict; ``side`` is ``device`` or ``server``."""
        found = Counter(getattr(cell, side) for cell in self.filled)
        return {word: found[word] for word in (AS_DECLARED, DIFFERS, NOT_KNOWN)}

    def cell(self, row: Row, column: Column) -> Cell:
        """The cell of a row and a column."""
        width = len(self.columns)
        return self.cells[self.rows.index(row) * width + self.columns.index(column)]

    def to_dict(self) -> dict[str, Any]:
        """As it is in ``matrix.json``."""
        return asdict(self)
