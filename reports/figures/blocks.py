"""Latency of single blocks, on a logarithmic axis, by kind."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter, PercentFormatter

from reports.devices import kind
from reports.figures.style import axes, colours, legend
from reports.read import Run
from reports.units import microseconds

CAPTION: Final = (
    "Latency of every block: request to response for a pull, response to next block for a push. The dotted lines are "
    "the 99th percentiles."
)
BINS: Final = 120


def draw(run: Run, updates: pd.DataFrame) -> Figure | None:
    """The figure, or None where no block latency was recorded."""
    transfers = run.tables["transfers"]
    if not (run.blocks_us > 0).any():
        return None
    kinds = kind(transfers["transport"], transfers["delivery"])
    positive = run.blocks_us[run.blocks_us > 0]
    low, high = float(positive.min()) / 1e6, float(positive.max()) / 1e6
    edges = np.geomspace(low * 0.9, high * 1.1, BINS + 1)
    figure, ax = axes("Latency of a block", "latency (logarithmic)", "share of blocks")
    for name, colour in colours(set(updates["kind"]) | set(kinds)).items():
        own = run.blocks_of(transfers[kinds == name])
        if own.size == 0:
            continue
        p50, p99 = (float(value) for value in np.percentile(own, [50, 99]))
        counted, _ = np.histogram(own / 1e6, edges)
        label = f"{name}: {own.size:,} blocks, p50 {microseconds(p50)}, p99 {microseconds(p99)}"
        ax.stairs(counted / own.size, edges, color=colour, linewidth=2.0, label=label)
        ax.stairs(counted / own.size, edges, color=colour, alpha=0.12, fill=True)
        ax.axvline(p99 / 1e6, color=colour, linestyle=":", linewidth=1.5)
    ax.set_xscale("log")
    ax.set_xlim(edges[0], edges[-1])
    ax.set_ylim(bottom=0)
    ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.xaxis.set_major_formatter(EngFormatter(unit="s"))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=1))
    legend(figure, ax)
    return figure
