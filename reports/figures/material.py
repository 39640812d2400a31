"""What figures are made of, and what a kind of figure is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Generic, TypeVar

import pandas as pd
from matplotlib.figure import Figure

from reports.devices import kind
from reports.figures.style import Look, looks
from reports.read import Run
from reports.sides import TransportRow
from reports.slices import EMPTY, Series

Data = TypeVar("Data")

KINDS_MOST: Final = 12
"""That are told apart: more than all transports by pull and push are kinds of which not all is known."""


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
        """``transport/delivery`` of each row of ``transfers``; where there are many, the rare ones as others."""
        return self._folded(self._transferred)

    @cached_property
    def update_kinds(self) -> pd.Series[str]:
        """The same of each row of ``updates``."""
        return self._folded(self.updates["kind"])

    @cached_property
    def looks(self) -> dict[str, Look]:
        """How each kind looks, the same in all figures."""
        return looks(set(self.update_kinds) | set(self.kinds.unique()))

    @cached_property
    def _transferred(self) -> pd.Series[str]:
        transfers = self.run.tables["transfers"]
        return kind(transfers["transport"], transfers["delivery"])

    @cached_property
    def _rare(self) -> set[str]:
        both = pd.concat([self._transferred, self.updates["kind"]])
        return {str(name) for name in both.value_counts().index[KINDS_MOST - 1 :]}

    def _folded(self, kinds: pd.Series[str]) -> pd.Series[str]:
        rare = self._rare
        return kinds if len(rare) < 2 else kinds.where(~kinds.isin(rare), f"{len(rare)} others")


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
