"""Latency of single blocks: a distribution on a logarithmic axis, by kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, NullLocator, PercentFormatter
from numpy.typing import NDArray

from reports.figures.material import Material
from reports.figures.style import Look, axes, legend, log_ticks
from reports.units import counted, microseconds

CAPTION: Final = (
    "Latency of every block: request to response for a pull, response to next block for a push. The thin upright lines "
    "are the 99th percentiles."
)
BINS: Final = 120
WIDE: Final = 10_000
"""From this ratio of its ends on, an axis has room for powers of ten alone."""
FILLED_MOST: Final = 3
"""Kinds of which the ground is coloured; of more, the colours would mix."""


class Blocks(NamedTuple):
    """The blocks of a kind."""

    kind: str
    look: Look
    blocks: int
    p50_us: float
    p99_us: float
    edges: NDArray[np.float64]
    """Of the bins, in seconds, evenly spaced by logarithm, the same for all kinds."""
    counts: NDArray[np.int64]
    """By bin."""

    @property
    def p50_p99(self) -> str:
        """The percentiles as text."""
        return f"p50 {microseconds(self.p50_us)}, p99 {microseconds(self.p99_us)}"


def take(material: Material, bins: int = BINS) -> list[Blocks] | None:
    """The kinds with blocks; None where no latency above 0 was recorded."""
    run, looks = material.run, material.looks
    transfers, every = run.tables["transfers"], run.blocks_us
    top = int(every.max(initial=0))
    if top <= 0:
        return None
    low = int(every.min(where=every > 0, initial=top))
    edges_us = np.geomspace(low * 0.9, top * 1.1, bins + 1)
    found = []
    for name in looks:
        own = small(run.blocks_of(transfers[material.kinds == name]))
        if own.size:
            p50, p99 = (float(value) for value in percentiles(own, (50, 99)))
            counts = log_counts(own, edges_us)
            found.append(Blocks(name, looks[name], own.size, p50, p99, edges_us / 1e6, counts))
    return found


def log_counts(values: NDArray[np.integer], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many values lie in each bin of edges that are evenly spaced by logarithm; those below are left out."""
    within = values if values.min() >= edges[0] else values[values >= edges[0]]
    return np.bincount(log_bins(within, edges), minlength=len(edges) - 1).astype(np.int64)


def log_bins(values: NDArray[np.integer], edges: NDArray[np.float64]) -> NDArray[np.int32]:
    """The bin of each value, by arithmetic: millions of searches among the edges would take seconds."""
    count = len(edges) - 1
    # The logarithm of 32 bits takes a tenth of the time, and tells bins apart that are a thousand times as narrow.
    steps = np.log(values.astype(np.float32))
    steps -= np.float32(np.log(edges[0]))
    steps *= np.float32(count / np.log(edges[-1] / edges[0]))
    bins = steps.astype(np.int32)
    return np.clip(bins, 0, count - 1, out=bins)


def small(us: NDArray[np.integer]) -> NDArray[np.integer]:
    """The same numbers in 32 bits, where they fit, of which percentiles take a third of the time."""
    return us.astype(np.int32) if us.max(initial=0) < 2**31 else us


def percentiles(us: NDArray[np.integer], shares: Sequence[float]) -> NDArray[np.float64]:
    """Percentiles by linear interpolation."""
    found: NDArray[np.float64] = np.percentile(us, shares).astype(np.float64)
    return found


def draw(found: list[Blocks]) -> Figure:
    """The figure."""
    edges = found[0].edges
    figure, ax = axes("Latency of a block", "latency (logarithmic)", "share of blocks")
    for own in found:
        shares = own.counts / own.blocks
        ax.stairs(shares, edges, label=f"{own.kind}: {counted(own.blocks, 'block')}, {own.p50_p99}", **own.look)
        if len(found) <= FILLED_MOST:
            ax.stairs(shares, edges, color=own.look["color"], alpha=0.12, fill=True)
        ax.axvline(own.p99_us / 1e6, linewidth=1.0, **own.look)
    ax.set_xscale("log")
    ax.set_xlim(edges[0], edges[-1])
    ax.set_ylim(bottom=0)
    ax.xaxis.set_major_locator(log_ticks(wide=edges[-1] >= WIDE * edges[0]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(EngFormatter(unit="s"))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=1))
    legend(figure, ax)
    return figure


def told(found: list[Blocks]) -> str:
    """The figure in words."""
    return "; ".join(f"{own.kind}: {counted(own.blocks, 'block')}, {own.p50_p99}" for own in found)
