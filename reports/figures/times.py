"""How long updates took, as cumulative shares, by kind."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from reports.figures.material import Material
from reports.figures.style import Look, axes, legend
from reports.units import counted, seconds

CAPTION: Final = (
    "Share of the updates that had ended with Update Result 1 after a time: from the first Write (thick) and from "
    "when the campaign meant to start (thin). Only updates with outcome ok are counted."
)
POINTS: Final = 400

Values = NDArray[np.float64]


class Updates(NamedTuple):
    """The updates of a kind that went well, with their times in seconds, in order of time."""

    kind: str
    look: Look
    took: Values
    from_due: Values


def take(material: Material) -> list[Updates] | None:
    """The kinds of which an update went well."""
    updates = material.updates
    there = (updates["outcome"] == "ok") & (updates["result"] == 1)
    good, kinds = updates[there], material.update_kinds[there]
    found = []
    for name, look in material.looks.items():
        own = good[kinds == name]
        took, from_due = (np.sort(own[column].to_numpy(np.float64)) for column in ("update_s", "update_from_due_s"))
        if len(own):
            found.append(Updates(name, look, took, from_due))
    return found or None


def draw(found: list[Updates]) -> Figure:
    """The figure."""
    figure, ax = axes("Time of an update, from Write to Update Result 1", "time (s)", "share of updates")
    for own in found:
        cdf(ax, own.took, label=f"{own.kind}: {counted(len(own.took), 'update')}, {p50_p95(own.took)}", **own.look)
        cdf(ax, own.from_due, linewidth=0.9, **own.look)
    ax.set_xlim(left=0)
    ax.set_ylim(0, 1.02)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.plot([], [], color="#555555", label="thick: from the first Write")
    ax.plot([], [], color="#555555", linewidth=0.9, label="thin: from when it was due")
    legend(figure, ax)
    return figure


def told(found: list[Updates]) -> str:
    """The figure in words."""
    return "; ".join(
        f"{own.kind}: {counted(len(own.took), 'update')}, {p50_p95(own.took)}, "
        f"the longest {seconds(float(own.took[-1]))}, "
        f"from when it was due p95 {seconds(float(np.percentile(own.from_due, 95)))}"
        for own in found
    )


def p50_p95(took: Values) -> str:
    """Two percentiles of times in seconds, as text."""
    p50, p95 = (float(value) for value in np.percentile(took, [50, 95]))
    return f"p50 {seconds(p50)}, p95 {seconds(p95)}"


def cdf(ax: Axes, raw: Values, **line: object) -> None:
    """Draw the cumulative shares of values in their order; of many, exact quantiles at ``POINTS`` places, joined."""
    if len(raw) > POINTS:
        shares = np.linspace(0, 1, POINTS)
        ax.plot(np.quantile(raw, shares), shares, **line)  # type: ignore[arg-type]
        return
    shares = np.arange(1, len(raw) + 1) / len(raw)
    ax.step(np.concatenate([[raw[0]], raw]), np.concatenate([[0], shares]), where="post", **line)  # type: ignore[arg-type]
