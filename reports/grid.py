"""Tables as a page shows them: cells with what they are sorted by, and not more of them than a page can hold."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from reports.table import Table
from reports.units import Shown, number

ROWS_MOST: Final = 200
LETTERS_MOST: Final = 300
"""Of a cell; a reason may be text of a server, as long as it likes."""
COMMAND_LETTERS_MOST: Final = 2000
"""Of a command, which is of no use when it is cut."""
WORD_LETTERS_MOST: Final = 32
"""A longer word is broken; a longer text needs room."""
TONES: Final = {
    "does not hold": "bad",
    "otherwise": "bad",
    "disagree": "bad",
    "worse": "bad",
    "fail": "bad",
    "did not strike": "warn",
    "unknown": "warn",
    "holds": "good",
    "as declared": "good",
    "agree": "good",
    "better": "good",
    "ok": "good",
}
"""The classes of words that are a verdict; the words themselves say it, too."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell."""

    text: str
    raw: str = ""
    """The figure in its base unit, by which its column is sorted; empty for words and for what was not measured."""
    tone: str = ""
    """``good``, ``bad``, ``warn`` or empty."""
    link: str = ""
    """An anchor of the page."""
    code: bool = False
    """To be typed."""

    @property
    def shape(self) -> str:
        """How it may be folded: ``long`` within words, ``words`` not to less than some of them, or as it comes."""
        if max(map(len, self.text.split()), default=0) > WORD_LETTERS_MOST:
            return "long"
        return "words" if len(self.text) > WORD_LETTERS_MOST else ""


@dataclass(frozen=True, slots=True)
class Grid:
    """One table of a page. Every row has as many cells as there are headers; the first one names the row."""

    name: str
    """Its anchor."""
    title: str
    headers: list[str]
    rows: list[list[Cell]]
    figures: Collection[int]
    """The columns that are figures, to be set flush right."""
    more: str = ""
    """A sentence on the rows that are not here."""


def grid(
    table: Table,
    *,
    total: int | None = None,
    where: str = "summary.json",
    links: Mapping[str, str] | None = None,
    commands: Collection[int] = (),
) -> Grid:
    """The first rows of a table, without columns that are empty all the way down.

    Args:
        total: how many rows there are, where the table itself has but the first of them.
        where: the file that has the others.
        links: anchors of the page by the text of the cells that lead there.
        commands: the columns that are commands.
    """
    anchors = links or {}
    columns = [place for place in range(len(table.headers)) if place == 0 or any(row[place] for row in table.rows)]
    rows = [
        [
            cell(
                row[place],
                tone=TONES.get(row[place], "") if place else "",
                link=anchors.get(row[place], ""),
                code=place in commands,
                figure=place in table.figures,
            )
            for place in columns
        ]
        for row in table.rows[:ROWS_MOST]
    ]
    every = max(len(table.rows), total or 0)
    more = f"The first {number(len(rows))} of {number(every)}; the others are in {where}." if every > len(rows) else ""
    headers = [table.headers[place] or "verdict" for place in columns]
    figures = [place for place, column in enumerate(columns) if column in table.figures]
    return Grid(table.name, table.title, headers, rows, figures, more)


def cell(text: str, *, tone: str = "", link: str = "", code: bool = False, figure: bool = False) -> Cell:
    """A cell, its text cut where it is too long."""
    raw = text.raw if figure and isinstance(text, Shown) else None
    known = raw is not None and math.isfinite(raw)
    shown = clipped(text, COMMAND_LETTERS_MOST if code else LETTERS_MOST)
    return Cell(shown, f"{raw:.12g}" if known else "", tone, link, code)


def clipped(text: str, most: int = LETTERS_MOST) -> str:
    """A text of which a page may hold but the beginning."""
    return text if len(text) <= most else f"{text[:most]}… ({number(len(text))} characters)"


def worst_first(rows: Sequence[list[str]], column: int) -> list[list[str]]:
    """Rows with what did not go well first, else in their order."""
    order = ("bad", "warn")
    return sorted(rows, key=lambda row: order.index(tone) if (tone := TONES.get(row[column], "")) in order else 2)
