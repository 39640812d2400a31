"""What figures are made of, and what a kind of figure is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

import pandas as pd
from matplotlib.figure import Figure

from reports.devices import kind
from reports.figures.style import Look, looks
from reports.read import Run
from reports.sides import TransportRow
from reports.slices import EMPTY, Series

Data = TypeVar("Data")


@dataclass(frozen=True)
class Material:
    """A run, and what a report has found of it."""

    run: Run
    updates: pd.DataFrame
    """As ``reports.aggregate.update_frame`` gives them."""
    rows: Sequence[TransportRow] = ()
    """Transports side by side, as a summary has them."""
    by_time: Series = EMPTY
    """The run by time, as a summary has it."""
    chosen: Sequence[int] = ()
    """Devices that the user wants to see."""

    @cached_property
    def kinds(self) -> pd.Series[str]:
        """``transport/delivery`` of each row of ``transfers``."""
        transfers = self.run.tables["transfers"]
        return kind(transfers["transport"], transfers["delivery"])

    @cached_property
    def looks(self) -> dict[str, Look]:
        """How each kind looks, the same in all figures."""
        return looks(set(self.updates["kind"]) | set(self.kinds.unique()))


@dataclass(frozen=True, slots=True)
class Kind(Generic[Data]):
    """A kind of figure: its picture and its words are made of the same data."""

    name: str
    caption: str | Callable[[Data], str]
    take: Callable[[Material], Data | None]
    """The data, or None where there is nothing to draw."""
    draw: Callable[[Data], Figure]
    told: Callable[[Data], str]
    """What it shows, in words, with its main figures, for who cannot see it."""

    def caption_of(self, data: Data) -> str:
        """The caption, which may tell of the data."""
        return self.caption if isinstance(self.caption, str) else self.caption(data)
