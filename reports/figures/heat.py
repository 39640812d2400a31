"""Latency of blocks over time: how many there were of each latency, and percentiles that tell of all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from reports.figures.style import axes
from reports.read import BLOCK_COUNT, Run
from reports.units import counted, microseconds, number

CAPTION: Final = (
    "Latency of every block by when it was had, on a logarithmic axis: the darker, the more blocks. The lines are the "
    "percentiles of each stretch of time, out of all its blocks. The blocks of a transfer are set into its time by "
    "their latencies, one after the other."
)
COLUMNS: Final = 120
ROWS: Final = 60
SHARES: Final = (0.5, 0.95, 0.99)
LINES: Final = (("p50", "-"), ("p95", "--"), ("p99", ":"))


@dataclass(frozen=True, slots=True)
class Heat:
    """Blocks by time and latency."""

    times: NDArray[np.float64]
    """Edges of the columns, seconds."""
    latencies: NDArray[np.float64]
    """Edges of the rows, seconds, evenly spaced by logarithm."""
    counts: NDArray[np.int64]
    """Blocks, rows by columns."""
    percentiles: NDArray[np.float64]
    """Seconds, ``SHARES`` by columns; NaN where a column has no block."""


def heat(run: Run, columns: int = COLUMNS, rows: int = ROWS) -> Heat | None:
    """The blocks of a run, or None where no latency above 0 was recorded."""
    at, us = moments(run)
    there = us > 0
    at, us = at[there], us[there]
    if us.size == 0:
        return None
    first, last = float(at.min()), float(at.max())
    times = np.linspace(first, max(last, first + 1e-3), columns + 1)
    latencies = np.geomspace(float(us.min()) * 0.95e-6, float(us.max()) * 1.05e-6, rows + 1)
    column = np.minimum(((at - first) / (times[-1] - first) * columns).astype(np.int64), columns - 1)
    steps = np.log(us / 1e6 / latencies[0]) / np.log(latencies[-1] / latencies[0])
    row = np.clip((steps * rows).astype(np.int64), 0, rows - 1)
    counts = np.bincount(row * columns + column, minlength=rows * columns).reshape(rows, columns)
    return Heat(times, latencies, counts, by_column(column, us, columns) / 1e6)


def moments(run: Run) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """When each block was had (seconds) and its latency (µs), transfer after transfer."""
    transfers = run.tables["transfers"]
    us = run.blocks_of(transfers)
    counts = transfers[BLOCK_COUNT].to_numpy()
    summed = np.concatenate([[0], np.cumsum(us, dtype=np.int64)])
    ends = np.cumsum(counts)
    before, whole = summed[ends - counts], summed[ends] - summed[ends - counts]
    started = transfers["started"].to_numpy(dtype=np.float64)
    lasted = transfers["t"].to_numpy(dtype=np.float64) - started
    per_us = lasted / np.maximum(whole, 1)
    at = np.repeat(started, counts) + (summed[1:] - np.repeat(before, counts)) * np.repeat(per_us, counts)
    return at, us


def by_column(column: NDArray[np.int64], us: NDArray[np.int64], columns: int) -> NDArray[np.float64]:
    """Percentiles of each column by linear interpolation, ``SHARES`` by columns; one sort for all of them."""
    keys = np.sort((column << 40) | np.minimum(us, (1 << 40) - 1))
    sizes = np.bincount(column, minlength=columns)
    firsts = np.cumsum(sizes) - sizes
    filled = sizes > 0
    found = np.full((len(SHARES), columns), np.nan)
    values = (keys & ((1 << 40) - 1)).astype(np.float64)
    for place, share in enumerate(SHARES):
        exact = firsts[filled] + share * (sizes[filled] - 1)
        low = np.floor(exact).astype(np.int64)
        high = np.minimum(low + 1, firsts[filled] + sizes[filled] - 1)
        found[place, filled] = values[low] + (exact - low) * (values[high] - values[low])
    return found


def draw(run: Run, _updates: pd.DataFrame) -> Figure | None:
    """The figure, or None where no block latency was recorded."""
    made = heat(run)
    if made is None:
        return None
    figure, ax = axes("Latency of blocks over time", "time since the start of the run (s)", "latency (logarithmic)")
    ax.grid(visible=False)
    shown = np.ma.masked_equal(made.counts, 0)
    norm = LogNorm(1, max(int(made.counts.max()), 2))
    mesh = ax.pcolormesh(made.times, made.latencies, shown, norm=norm, cmap="Blues", rasterized=True)
    bar = figure.colorbar(mesh, ax=ax, label="blocks", pad=0.01)
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    bar.ax.yaxis.set_minor_formatter(NullFormatter())
    middles = (made.times[:-1] + made.times[1:]) / 2
    for (name, dash), values in zip(LINES, made.percentiles, strict=True):
        there = ~np.isnan(values)
        ax.plot(middles[there], values[there], color="white", linewidth=3.2)
        mark = "o" if there.sum() == 1 else ""
        ax.plot(middles[there], values[there], dash, color="black", linewidth=1.5, marker=mark, label=name)
    ax.set_yscale("log")
    ax.set_xlim(made.times[0], made.times[-1])
    ax.set_ylim(made.latencies[0], made.latencies[-1])
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0,) if made.latencies[-1] > 50 * made.latencies[0] else (1.0, 2, 5)))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.yaxis.set_major_formatter(EngFormatter(unit="s"))
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower left", ncols=3)
    return figure


def told(run: Run) -> str:
    """The figure in words."""
    us = run.blocks_us[run.blocks_us > 0]
    p50, p95, p99 = (microseconds(float(value)) for value in np.percentile(us, [50, 95, 99]))
    return f"{counted(us.size, 'block')}: p50 {p50}, p95 {p95}, p99 {p99} over the whole run"
