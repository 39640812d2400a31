"""How long downloads took, as cumulative shares, by transport and delivery."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, PercentFormatter
from numpy.typing import NDArray

from reports.devices import kind
from reports.figures.style import DASHES, axes, colours, legend
from reports.figures.times import cdf
from reports.read import Run
from reports.units import seconds

CAPTION: Final = (
    "Share of the downloads (push: of the package's way to the device) that had ended after a time, on a logarithmic "
    "axis. Only transfers with outcome ok are counted."
)


def durations(run: Run) -> dict[str, NDArray[np.float64]]:
    """Seconds that each transfer took that went well, by ``transport/delivery``; those of no length are left out."""
    transfers = run.tables["transfers"]
    took = (transfers["t"] - transfers["started"]).to_numpy(dtype=np.float64)
    good = (transfers["outcome"] == "ok").to_numpy() & (took > 0)
    kinds = kind(transfers["transport"], transfers["delivery"]).to_numpy()[good]
    took = took[good]
    return {str(name): took[kinds == name] for name in sorted(set(kinds))}


def draw(run: Run, updates: pd.DataFrame) -> Figure | None:
    """The figure, or None where no download went well."""
    by_kind = durations(run)
    if not by_kind:
        return None
    figure, ax = axes("Time of a download", "time (logarithmic)", "share of downloads")
    palette = colours(set(updates["kind"]) | set(by_kind))
    for place, (name, took) in enumerate(by_kind.items()):
        label = f"{name}: {len(took):,}, {_told(took)}"
        cdf(ax, pd.Series(took), color=palette[name], label=label, linestyle=DASHES[place % len(DASHES)])
    every = np.concatenate(list(by_kind.values()))
    low, high = float(every.min()) * 0.9, float(every.max()) * 1.1
    ax.set_xscale("log")
    ax.set_xlim(low, high)
    ax.set_ylim(0, 1.02)
    ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high / low < 100 else (1.0,)))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: seconds(value)))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    legend(figure, ax)
    return figure


def told(run: Run) -> str:
    """The figure in words."""
    return "; ".join(f"{name}: {_told(took)}" for name, took in durations(run).items())


def _told(took: NDArray[np.float64]) -> str:
    p50, p95 = (float(value) for value in np.percentile(took, [50, 95]))
    return f"p50 {seconds(p50)}, p95 {seconds(p95)}"
