"""Payload bytes per second over time, by kind."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from reports.devices import kind
from reports.figures.style import axes, colours, legend
from reports.read import Run
from reports.units import rate

CAPTION: Final = (
    "Payload bytes of all transfers per second. The bytes of a transfer are spread evenly over its time; the dashed "
    "line is the mean over the whole span."
)
BINS: Final = 150


def draw(run: Run, updates: pd.DataFrame) -> Figure | None:
    """The figure, or None where nothing was transferred."""
    transfers = run.tables["transfers"]
    if transfers.empty or not transfers["received"].any():
        return None
    kinds = kind(transfers["transport"], transfers["delivery"])
    first, last = float(transfers["started"].min()), float(transfers["t"].max())
    edges = np.linspace(first, max(last, first + 1e-3), BINS + 1)
    figure, ax = axes("Throughput over time", "time since the start of the run (s)", "payload (MB/s)")
    top = 0.0
    for name, colour in colours(set(updates["kind"]) | set(kinds)).items():
        own = transfers[kinds == name]
        if own.empty:
            continue
        heights = bytes_until(own, edges)
        rates = np.diff(heights) / np.diff(edges) / 1e6
        span_s = float(own["t"].max() - own["started"].min())
        mean = float(own["received"].sum()) / span_s if span_s > 0 else None
        ax.stairs(rates, edges, color=colour, linewidth=2.0, label=f"{name}: mean {rate(mean)}")
        ax.fill_between(edges[:-1], rates, step="post", color=colour, alpha=0.12, linewidth=0)
        if mean is not None:
            ax.axhline(mean / 1e6, color=colour, linestyle="--", linewidth=1.0)
        top = max(top, float(rates.max()))
    ax.set_xlim(edges[0], edges[-1])
    ax.set_ylim(0, top * 1.05 or 1)
    legend(figure, ax)
    return figure


def bytes_until(transfers: pd.DataFrame, at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Payload bytes taken up to each time of ``at``, exact for transfers that go on at an even rate."""
    start = transfers["started"].to_numpy(dtype=np.float64)
    end = np.maximum(transfers["t"].to_numpy(dtype=np.float64), start + 1e-6)
    per_s = transfers["received"].to_numpy(dtype=np.float64) / (end - start)
    return _grown(start, per_s, at) - _grown(end, per_s, at)


def _grown(since: NDArray[np.float64], per_s: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum of ``per_s * (at - since)`` over what began before each time of ``at``."""
    order = np.argsort(since, kind="stable")
    rates = np.concatenate([[0.0], np.cumsum(per_s[order])])
    origins = np.concatenate([[0.0], np.cumsum(per_s[order] * (since[order] - at[0]))])
    count = np.searchsorted(since[order], at, side="right")
    grown: NDArray[np.float64] = rates[count] * (at - at[0]) - origins[count]
    return grown
