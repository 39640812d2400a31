"""A table of text, for a terminal and for the page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """One table. Every row has as many cells as there are headers."""

    name: str
    title: str
    headers: list[str]
    rows: list[list[str]]
    figures: range
    """The columns that are figures, to be set flush right; the others are words."""
