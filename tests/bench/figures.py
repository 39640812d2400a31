"""What a benchmark gives: figures with their repetitions and goals, as a table and as JSON."""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from rich.table import Table

from simulator.recorder.machine import machine, versions

JSON_NAME: Final = "bench.json"


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure is meant to be."""

    bound: Literal["at least", "at most"]
    value: float

    def is_met(self, median: float) -> bool:
        """Whether a median keeps to it."""
        return median >= self.value if self.bound == "at least" else median <= self.value

    def __str__(self) -> str:
        return f"{'≥' if self.bound == 'at least' else '≤'} {number(self.value)}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One quantity, measured several times in one run of the benchmark."""

    name: str
    unit: str
    values: tuple[float, ...]
    goal: Goal | None = None
    note: str = ""

    @property
    def median(self) -> float:
        """The middle of the repetitions."""
        return statistics.median(self.values)

    @property
    def verdict(self) -> str:
        """``met``, ``missed``, or empty where there is no goal."""
        if self.goal is None:
            return ""
        return "met" if self.goal.is_met(self.median) else "missed"

    def to_json(self) -> dict[str, Any]:
        """All of it, for a program."""
        return {
            "name": self.name,
            "unit": self.unit,
            "values": list(self.values),
            "median": self.median,
            "lowest": min(self.values),
            "highest": max(self.values),
            "goal": None if self.goal is None else {"bound": self.goal.bound, "value": self.goal.value},
            "verdict": self.verdict,
            "note": self.note,
        }


@dataclass(slots=True)
class Results:
    """All that one run of the benchmark found."""

    quick: bool
    repetitions: int
    figures: list[Figure] = field(default_factory=list)
    parts: dict[str, Any] = field(default_factory=dict)
    """What a figure is made of, by the name of the benchmark."""
    skipped: dict[str, str] = field(default_factory=dict)
    """Benchmarks that could not be run here, and what they need."""
    failed: dict[str, str] = field(default_factory=dict)
    """Benchmarks that went wrong, and why."""
    load_before: float = field(default_factory=lambda: os.getloadavg()[0])
    """The machine's load in the minute before; more than a fraction spoils the figures."""

    def write(self, directory: Path) -> Path:
        """Write everything as JSON; the file."""
        directory.mkdir(parents=True, exist_ok=True)
        document = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "quick": self.quick,
            "repetitions": self.repetitions,
            "load_before": self.load_before,
            "machine": machine(),
            "versions": versions(),
            "figures": [figure.to_json() for figure in self.figures],
            "parts": self.parts,
            "skipped": self.skipped,
            "failed": self.failed,
        }
        file = directory / JSON_NAME
        partial = file.with_suffix(".partial")
        partial.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        partial.replace(file)
        return file

    def table(self) -> Table:
        """The figures for a reader."""
        runs = f"median, lowest and highest of {self.repetitions} runs" if self.repetitions > 1 else "one run"
        quick = ", small sizes for a first look" if self.quick else ""
        table = Table(title=f"Benchmark: {runs}{quick}", box=None, padding=(0, 2, 0, 0))
        for heading in ("figure", "median", "spread", "unit", "goal", ""):
            table.add_column(heading, justify="right" if heading in ("median", "spread", "goal") else "left")
        for figure in self.figures:
            colour = {"met": "green", "missed": "red", "": "dim"}[figure.verdict]
            goal = "" if figure.goal is None else str(figure.goal)
            spread = _spread(figure.values)
            verdict = f"[{colour}]{figure.verdict}[/]"
            table.add_row(figure.name, number(figure.median), spread, figure.unit, goal, verdict)
        return table

    def remarks(self) -> list[str]:
        """What stands below the table: how each figure is meant, what was left out, and what went wrong."""
        return [
            *(f"{figure.name}: {figure.note}" for figure in self.figures if figure.note),
            *(f"{name} was skipped: {why}" for name, why in self.skipped.items()),
            *(f"{name} failed: {why}" for name, why in self.failed.items()),
        ]


def _spread(values: Sequence[float]) -> str:
    """The lowest and the highest of several repetitions."""
    return f"{number(min(values))} to {number(max(values))}" if len(values) > 1 else ""


def number(value: float) -> str:
    """Three digits that count, or more before the point."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
