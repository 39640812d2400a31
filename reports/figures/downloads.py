"""How long downloads took, as cumulative shares, by transport and delivery."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator, PercentFormatter
from numpy.typing import NDArray

from reports.figures.material import Material
from reports.figures.style import Look, axes, legend
from reports.figures.times import cdf
from reports.units import seconds

CAPTION: Final = (
    "Share of the downloads (push: of the package's way to the device) that had ended after a time, on a logarithmic "
    "axis. Only transfers with outcome ok are counted."
)


class Downloads(NamedTuple):
    """The transfers of a kind that went well, with their durations in seconds, in order."""

    kind: str
    look: Look
    took: NDArray[np.float64]

    @property
    def p50_p95(self) -> str:
        """Percentiles of ``took``."""
        p50, p95 = (float(value) for value in np.percentile(self.took, [50, 95]))
        return f"p50 {seconds(p50)}, p95 {seconds(p95)}"


def take(material: Material) -> list[Downloads] | None:
    """The kinds of which a transfer went well; transfers of no length are left out."""
    transfers = material.run.tables["transfers"]
    took = (transfers["t"] - transfers["started"]).to_numpy(dtype=np.float64)
    good = (transfers["outcome"] == "ok").to_numpy() & (took > 0)
    kinds = material.kinds.to_numpy()[good]
    took = took[good]
    return [Downloads(str(n), material.looks[n], np.sort(took[kinds == n])) for n in sorted(set(kinds))] or None


def draw(found: list[Downloads]) -> Figure:
    """The figure."""
    figure, ax = axes("Time of a download", "time (logarithmic)", "share of downloads")
    for own in found:
        cdf(ax, own.took, label=f"{own.kind}: {len(own.took):,}, {own.p50_p95}", **own.look)
    low, high = min(own.took[0] for own in found) * 0.9, max(own.took[-1] for own in found) * 1.1
    ax.set_xscale("log")
    ax.set_xlim(low, high)
    ax.set_ylim(0, 1.02)
    ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high / low < 100 else (1.0,)))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: seconds(value)))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    legend(figure, ax)
    return figure


def told(found: list[Downloads]) -> str:
    """The figure in words."""
    return "; ".join(f"{own.kind}: {own.p50_p95}" for own in found)
