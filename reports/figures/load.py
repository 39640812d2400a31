"""How well the processes of a run kept up, over time: CPU, lag of their event loops, late starts."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter, StrMethodFormatter
from numpy.typing import NDArray

from reports.figures.material import Material
from reports.figures.style import DASHES, SERIES, VERMILION
from reports.generator import CPU_SHARE_MAX, LOOP_LAG_MAX_S, SERVER
from reports.read import Run, processes_of
from reports.units import seconds, share

CAPTION: Final = (
    "CPU of each process as a share of a core, the largest lag of its event loop, and starts that were late (summed "
    "up), by the second. Above the red lines a report calls the generator a bottleneck. The server "
    "under test is watched from outside, so its loop is not seen."
)
POINTS: Final = 300
PROCESSES_MOST: Final = 12
"""Of more, those that used the most CPU."""

Values = NDArray[np.float64]


class Load(NamedTuple):
    """One process; all arrays have the length of ``t``."""

    process: str
    t: Values
    cpu_share: Values
    """Of a core, since the sample before."""
    lag_s: Values
    """NaN where it is not seen."""
    late: Values
    """Late and missed starts so far."""


def loads(run: Run, points: int = POINTS) -> list[Load]:
    """The processes of which there are two samples at least, those with the most CPU first."""
    roles = {process["name"]: str(process.get("role", "")) for process in processes_of(run.manifest)}
    rows = run.tables["health"]
    found = []
    for process, own in rows.groupby("process"):
        if len(own) < 2 or own["t"].iloc[-1] <= own["t"].iloc[0]:
            continue
        seen = (roles.get(str(process)) or str(process).partition("-")[0]) != SERVER
        found.append((float(own["cpu_s"].iloc[-1]), _load(str(process), own, points, seen=seen)))
    return [one for _, one in sorted(found, key=lambda pair: (-pair[0], pair[1].process))]


def _load(process: str, own: pd.DataFrame, points: int, *, seen: bool) -> Load:
    """Stretches of several samples where there are more than ``points``: mean CPU, largest lag, last count."""
    t, cpu_s = own["t"].to_numpy(dtype=np.float64), own["cpu_s"].to_numpy(dtype=np.float64)
    ends = np.unique(np.linspace(0, len(t) - 1, min(points + 1, len(t))).astype(np.int64))
    gone = np.maximum(np.diff(t[ends]), 1e-6)
    lag = np.maximum.reduceat(own["loop_lag_s"].to_numpy(dtype=np.float64)[1:], ends[:-1])
    starts = own[["late_starts", "missed_starts"]].clip(lower=0).sum(axis=1).to_numpy(dtype=np.float64)
    return Load(
        process, t[ends[1:]], np.diff(cpu_s[ends]) / gone, lag if seen else np.full(len(lag), np.nan), starts[ends[1:]]
    )


def take(material: Material) -> list[Load] | None:
    """Of what the figure is made."""
    return loads(material.run) or None


def draw(found: list[Load]) -> Figure:
    """The figure."""
    late = any(one.late.any() for one in found)
    figure = Figure(figsize=(9.0, 6.6 if late else 5.0), layout="constrained")
    drawn = list(figure.subplots(3 if late else 2, 1, sharex=True, squeeze=False)[:, 0])
    for place, one in enumerate(found[:PROCESSES_MOST]):
        line = {
            "color": SERIES[place % len(SERIES)],
            "linestyle": DASHES[(place // len(SERIES) + place) % len(DASHES)],
            "linewidth": 1.5,
            "marker": "o" if len(one.t) == 1 else "",
        }
        for ax, values in zip(drawn, (one.cpu_share, one.lag_s, one.late), strict=False):
            if not np.isnan(values).all():
                ax.plot(one.t, values, label=one.process if ax is drawn[0] else None, **line)
    _panels(drawn)
    labels = drawn[0].get_legend_handles_labels()
    figure.legend(*labels, loc="outside lower left", ncols=6)
    if len(found) > PROCESSES_MOST:
        drawn[0].set_title(f"CPU of the {PROCESSES_MOST} busiest of {len(found)} processes")
    return figure


def _panels(panels: list[Axes]) -> None:
    names = (("CPU", "share of a core"), ("Lag of event loops", "largest lag"), ("Late starts", "starts so far"))
    for ax, (title, label) in zip(panels, names, strict=False):
        ax.set_title(title)
        ax.set_ylabel(label)
        ax.set_ylim(bottom=0)
    panels[0].yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    panels[1].yaxis.set_major_formatter(FuncFormatter(lambda value, _: seconds(value)))
    for ax, limit in zip(panels, (CPU_SHARE_MAX, LOOP_LAG_MAX_S), strict=False):
        if ax.get_ylim()[1] > limit / 2:
            ax.axhline(limit, color=VERMILION, linewidth=1.0)
    if len(panels) > 2:
        panels[2].yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    panels[-1].set_xlabel("time since the start of the run (s)")


def told(found: list[Load]) -> str:
    """The figure in words."""
    busiest = max(found, key=lambda one: float(one.cpu_share.max()))
    text = f"{busiest.process} used up to {share(float(busiest.cpu_share.max()))} of a core"
    lags = [(float(one.lag_s.max()), one.process) for one in found if not np.isnan(one.lag_s).all()]
    if lags:
        text += f"; the event loop of {max(lags)[1]} was up to {seconds(max(lags)[0])} late"
    return f"{text}; late starts: {int(sum(float(one.late[-1]) for one in found)):,}"
