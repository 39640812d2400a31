"""How long updates took, as cumulative shares, by kind."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from reports.figures.style import axes, colours, legend
from reports.read import Run
from reports.units import seconds

CAPTION: Final = (
    "Share of the updates that had ended with Update Result 1 after a time: from the first Write (full line) and from "
    "when the campaign meant to start (dotted). Only updates with outcome ok are counted."
)
POINTS: Final = 500


def draw(_run: Run, updates: pd.DataFrame) -> Figure | None:
    """The figure, or None where no update went well."""
    good = updates[(updates["outcome"] == "ok") & (updates["result"] == 1)]
    if good.empty:
        return None
    figure, ax = axes("Time of an update, from Write to Update Result 1", "time (s)", "share of updates")
    for name, colour in colours(set(updates["kind"])).items():
        own = good[good["kind"] == name]
        if own.empty:
            continue
        p95 = seconds(float(np.percentile(own["update_s"], 95)))
        cdf(ax, own["update_s"], color=colour, label=f"{name}: {len(own):,} updates, p95 {p95}")
        cdf(ax, own["update_from_due_s"], color=colour, linestyle=":", linewidth=1.5)
    ax.set_xlim(left=0)
    ax.set_ylim(0, 1.02)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.plot([], [], color="#555555", label="full: from the first Write")
    ax.plot([], [], color="#555555", linestyle=":", linewidth=1.5, label="dotted: from when it was due")
    legend(figure, ax)
    return figure


def cdf(ax: Axes, values: pd.Series[float], **line: object) -> None:
    """Draw the cumulative shares of raw values; of many, exact quantiles at ``POINTS`` places."""
    raw = np.sort(values.to_numpy(dtype=np.float64))
    shares = np.arange(1, len(raw) + 1) / len(raw)
    if len(raw) > POINTS:
        shares = np.linspace(0, 1, POINTS)
        raw = np.quantile(raw, shares)
    ax.step(np.concatenate([[raw[0]], raw]), np.concatenate([[0], shares]), where="post", **line)  # type: ignore[arg-type]
