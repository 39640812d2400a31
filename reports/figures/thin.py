"""Less of what there is too much of to be seen: a figure must not grow with a run without limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, TypeVar

import numpy as np

from reports.timeline import Fetched, Timeline

STATES_MOST: Final = 100
FAULTS_MOST: Final = 60
MARKS_MOST: Final = 100
"""Registrations, steps and transfers."""
POINTS_MOST: Final = 800
"""Of the curve of a transfer."""

Item = TypeVar("Item")


def few(items: Sequence[Item], most: int) -> list[Item]:
    """So many evenly chosen items at most, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    return [items[k] for k in np.linspace(0, len(items) - 1, most).astype(int).tolist()]


def thinned(made: Timeline) -> Timeline:
    """A timeline that can be drawn, whatever happened to its device."""
    return replace(
        made,
        held=few(made.held, STATES_MOST),
        reported=few(made.reported, STATES_MOST),
        registrations=few(made.registrations, MARKS_MOST),
        transfers=[_fetched(one) for one in few(made.transfers, MARKS_MOST)],
        faults=few(made.faults, FAULTS_MOST),
        steps=few(made.steps, MARKS_MOST),
    )


def _fetched(one: Fetched) -> Fetched:
    return one._replace(times=few(one.times, POINTS_MOST), shares=few(one.shares, POINTS_MOST))
