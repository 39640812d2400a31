"""Payload per second over the run, by transport."""

from __future__ import annotations

from typing import Final

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from reports.figures.material import Material
from reports.figures.style import axes, colours, legend
from reports.slices import Series
from reports.units import rate, seconds

CAPTION: Final = (
    "Payload that all devices together received, by transport, one above the other. A transfer counts evenly from its "
    "first request to its end."
)


def take(material: Material) -> Series | None:
    """Of what the figure is made."""
    return material.by_time if material.by_time.bytes_per_s["transport"] else None


def draw(series: Series) -> Figure:
    """The figure."""
    found = series.bytes_per_s["transport"]
    figure, ax = axes("Throughput over time", "time since the start of the run (s)", "payload per second")
    colour = colours(found)
    count = len(next(iter(found.values())))
    edges = series.step_s * np.arange(count + 1)
    below = np.zeros(count)
    for name, rates in found.items():
        above = below + np.asarray(rates)
        ax.stairs(above, edges, baseline=below, fill=True, color=colour[name], alpha=0.85, label=name)
        ax.stairs(above, edges, color="black", linewidth=0.4)
        below = above
    ax.set_xlim(0.0, edges[-1])
    ax.set_ylim(bottom=0.0)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: rate(value)))
    legend(figure, ax)
    return figure


def told(series: Series) -> str:
    """The figure in words."""
    found = series.bytes_per_s["transport"]
    highest = [f"{name} up to {rate(max(rates))}" for name, rates in found.items()]
    return f"In stretches of {seconds(series.step_s)}: {', '.join(highest)}"
