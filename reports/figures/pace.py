"""Registrations and updates per second, beside what the plan asked for."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter
from numpy.typing import NDArray

from reports.devices import updates_of
from reports.figures.material import Material
from reports.figures.style import BLUE, GREEN, VERMILION
from reports.read import Run
from reports.series import first_registers, known
from reports.units import counted

CAPTION: Final = (
    "Devices and updates per second: when the plan meant them to start (dashed), when they did, and when they "
    "came to their end. Where the generator keeps up, the start lies on the plan, however slow the server is."
)
BINS: Final = 120

Times = NDArray[np.float64]


class Pace(NamedTuple):
    """Moments of one panel, in seconds since the start of the run."""

    title: str
    due: Times
    started: Times
    ended: Times
    end: str
    """What an end is, in words."""


def paces(run: Run) -> list[Pace]:
    """Devices, with their first Register that went well, and updates; without those of which there is none."""
    devices, updates = run.tables["devices"], updates_of(run)
    first = known(first_registers(run))
    both = [
        Pace("Registrations", known(devices["due"]), known(devices["t"]), first, "registered"),
        Pace("Updates", known(updates["due"]), known(updates["started"]), known(updates["t"]), "ended"),
    ]
    return [pace for pace in both if len(pace.due)]


def per_second(at: Times, edges: Times) -> Times:
    """How many of the moments lie in each stretch, by its length in seconds."""
    rates = np.histogram(at, edges)[0] / np.diff(edges)
    return rates.astype(np.float64)


def edges_of(found: list[Pace], bins: int = BINS) -> Times:
    """The same stretches for all panels: whole tenths of a second or more, so that rates of few do not jump."""
    every = np.concatenate([times for pace in found for times in (pace.due, pace.started, pace.ended)])
    first, last = float(every.min()), float(every.max())
    width = max((last - first) / bins, 0.1)
    edges: Times = first + width * np.arange(int((last - first) / width) + 2, dtype=np.float64)
    return edges


def take(material: Material) -> list[Pace] | None:
    """Of what the figure is made."""
    return paces(material.run) or None


def draw(found: list[Pace]) -> Figure:
    """The figure."""
    edges = edges_of(found)
    figure = Figure(figsize=(9.0, 0.9 + 2.3 * len(found)), layout="constrained")
    drawn = figure.subplots(len(found), 1, sharex=True, squeeze=False)[:, 0]
    for ax, pace in zip(drawn, found, strict=True):
        ax.set_title(f"{pace.title} per second")
        ax.set_ylabel("per second")
        started = per_second(pace.started, edges)
        ax.stairs(started, edges, color=BLUE, alpha=0.25, fill=True)
        ax.stairs(started, edges, color=BLUE, linewidth=1.5, label="started")
        ax.stairs(per_second(pace.ended, edges), edges, color=GREEN, linewidth=1.8, label="registered or ended")
        ax.stairs(per_second(pace.due, edges), edges, color="black", linestyle=(0, (4, 2)), label="plan (due)")
        missing = len(pace.due) - len(pace.started)
        if missing > 0:
            text = f"{missing:,} due, never started"
            ax.annotate(text, (1, 1), xycoords="axes fraction", ha="right", va="bottom", color=VERMILION, fontsize=9)
        ax.set_ylim(bottom=0)
        ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,.4g}"))
    drawn[-1].set_xlim(edges[0], edges[-1])
    drawn[-1].set_xlabel("time since the start of the run (s)")
    figure.legend(*drawn[-1].get_legend_handles_labels(), loc="outside lower left", ncols=3)
    return figure


def told(found: list[Pace]) -> str:
    """The figure in words."""
    return "; ".join(
        f"{pace.title}: {len(pace.due):,} due, {counted(len(pace.started), 'start')}, {len(pace.ended):,} {pace.end}"
        for pace in found
    )
