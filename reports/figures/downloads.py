"""How long downloads took, as cumulative shares, by transport and delivery."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator, PercentFormatter
from numpy.typing import NDArray

from reports.figures.material import Material
from reports.figures.style import Look, axes, legend, log_ticks
from reports.figures.times import cdf, p50_p95
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
        cdf(ax, own.took, label=f"{own.kind}: {len(own.took):,}, {p50_p95(own.took)}", **own.look)
    low, high = min(own.took[0] for own in found) * 0.9, max(own.took[-1] for own in found) * 1.1
    ax.set_xscale("log")
    ax.set_xlim(low, high)
    ax.set_ylim(0, 1.02)
    ax.xaxis.set_major_locator(log_ticks(wide=high / low >= 100))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: seconds(value)))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    legend(figure, ax)
    return figure


def told(found: list[Downloads]) -> str:
    """The figure in words."""
    return "; ".join(f"{own.kind}: {p50_p95(own.took)}" for own in found)
