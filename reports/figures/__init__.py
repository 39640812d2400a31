"""The figures of a report: PNG files for documents, SVG for the page."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from reports.figures import (
    accounts,
    blocks,
    downloads,
    flow,
    gantt,
    heat,
    load,
    overhead,
    pace,
    rates,
    states,
    timeline,
    times,
    transports,
)
from reports.figures.style import STYLE
from reports.read import Run
from reports.sides import TransportRow
from reports.slices import EMPTY, Series
from reports.timeline import Timeline

__all__ = ["Drawn", "draw", "draw_timeline"]

Draw = Callable[[Run, pd.DataFrame], Figure | None]

_FIGURES: tuple[tuple[str, str, Draw], ...] = (
    ("states", states.CAPTION, states.draw),
    ("update-times", times.CAPTION, times.draw),
    ("throughput", rates.CAPTION, rates.draw),
    ("block-latency", blocks.CAPTION, blocks.draw),
    ("download-times", downloads.CAPTION, downloads.draw),
    ("latency-over-time", heat.CAPTION, heat.draw),
    ("pace", pace.CAPTION, pace.draw),
    ("overhead", overhead.CAPTION, overhead.draw),
    ("accounts", accounts.CAPTION, accounts.draw),
    ("devices-over-time", gantt.CAPTION, gantt.draw),
    ("generator", load.CAPTION, load.draw),
)

_TOLD: Final[dict[str, Callable[[Run], str]]] = {
    "download-times": downloads.told,
    "latency-over-time": heat.told,
    "pace": pace.told,
    "overhead": overhead.told,
    "accounts": accounts.told,
    "devices-over-time": gantt.told,
    "generator": load.told,
}
"""What a figure shows, in words, out of the same data."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One figure."""

    name: str
    caption: str
    svg: bytes
    alt: str = ""
    """What it shows, in words, with its main figures, for who cannot see it; empty where the caption has to do."""


def draw_timeline(made: Timeline, svg: Path, png: Path | None = None) -> Drawn:
    """Draw the timeline of one device and write it.

    Raises:
        OSError: a file cannot be written.
    """
    with mpl.rc_context(STYLE):
        figure = timeline.draw(made)
        figure.savefig(svg, format="svg", metadata={"Date": None})
        if png is not None:
            figure.savefig(png, format="png", dpi=150)
    return Drawn(made.endpoint, made.told, svg.read_bytes())


def draw(
    run: Run,
    updates: pd.DataFrame,
    directory: Path,
    rows: Sequence[TransportRow] = (),
    by_time: Series = EMPTY,
) -> list[Drawn]:
    """Draw what there is data for and write it as ``<name>.png`` into ``directory``.

    Args:
        rows: transports side by side, as a summary has them.
        by_time: the run by time, as a summary has it.

    Raises:
        OSError: the directory cannot be written.
    """
    directory.mkdir(exist_ok=True)
    drawn = []
    with mpl.rc_context(STYLE):
        beside = ("transports", transports.CAPTION, lambda _run, _updates: transports.draw(rows))
        over_time = ("throughput-over-time", flow.CAPTION, lambda _run, _updates: flow.draw(by_time))
        for name, caption, make in (*_FIGURES, beside, over_time):
            png = directory / f"{name}.png"
            figure = make(run, updates)
            if figure is None:
                png.unlink(missing_ok=True)
                continue
            svg = io.BytesIO()
            figure.savefig(svg, format="svg", metadata={"Date": None})
            figure.savefig(png, format="png", dpi=150)
            told = _TOLD.get(name)
            alt = told(run) if told else flow.told(by_time) if name == over_time[0] else ""
            drawn.append(Drawn(name, caption, svg.getvalue(), alt))
    return drawn
