"""Latency over time: how many blocks there were of each latency, and percentiles that tell of all of them.

A run without latencies of blocks has those of whole downloads in their place, or of updates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.colors import Colormap, ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FuncFormatter, NullLocator
from numpy.typing import NDArray

from reports.devices import updates_of
from reports.figures.blocks import log_bins, percentiles, small
from reports.figures.material import Material
from reports.figures.style import axes, log_ticks
from reports.read import BLOCK_COUNT, BLOCK_FROM, Run
from reports.units import counted, number, seconds

BLOCK: Final = "block"
_READ: Final = (
    "on a logarithmic axis: the stronger the colour, the more {0}s. The lines are the percentiles of each stretch of "
    "time, out of all its {0}s; one with fewer than {1} has none."
)
_BLOCKS: Final = (
    "Latency of every block by when it was had, {} The blocks of a transfer are set into its time by their latencies, "
    "one after the other."
)
_OTHERS: Final = "This run has no latencies of blocks, so these are the times of whole {0}s, by when they ended, {1}"
COLUMNS: Final = 120
COLUMNS_LEAST: Final = 12
LEAST: Final = 10
"""In a column, for lines to go through it."""
OF_A_COLUMN: Final = 25
"""Of fewer, a 95th percentile tells little: where there is less to show, columns are wider."""
ROWS: Final = 60
PIECE: Final = 1000
"""Transfers that are looked at together."""
SPAN: Final = 200_000
"""Blocks."""
SHARES: Final = (50, 95, 99)
LINES: Final = (("p50", "-"), ("p95", "--"), ("p99", ":"))


@dataclass(frozen=True, slots=True)
class Heat:
    """Blocks, or downloads or updates in their place, by time and latency."""

    times: NDArray[np.float64]
    """Edges of the columns, seconds."""
    latencies: NDArray[np.float64]
    """Edges of the rows, seconds, evenly spaced by logarithm."""
    counts: NDArray[np.int64]
    """Rows by columns."""
    percentiles: NDArray[np.float64]
    """Seconds, ``SHARES`` by columns; NaN where a column is empty."""
    whole: NDArray[np.float64]
    """The same percentiles of the whole run."""
    of: str = BLOCK
    """What is counted: ``block``, ``download`` or ``update``."""


def take(material: Material) -> Heat | None:
    """The blocks of a run; where it has none, its downloads that went well, or its updates."""
    run = material.run
    made = heat(*moments(run))
    if made is not None:
        return made
    transfers, updates = run.tables["transfers"], updates_of(run)
    for table, noun in ((transfers, "download"), (updates, "update")):
        good = table[table["outcome"] == "ok"]
        took_us = ((good["t"] - good["started"]) * 1e6).round().to_numpy(np.int64)
        made = heat(good["t"].to_numpy(np.float64), took_us, of=noun)
        if made is not None:
            return made
    return None


def heat(
    at: NDArray[np.float64], us: NDArray[np.integer], columns: int = 0, rows: int = ROWS, of: str = BLOCK
) -> Heat | None:
    """What was had ``at`` (seconds) after so many microseconds; None where none of them is above 0."""
    if int(us.min(initial=1)) <= 0:
        at, us = at[us > 0], us[us > 0]
    if us.size == 0:
        return None
    columns = columns or min(max(us.size // OF_A_COLUMN, COLUMNS_LEAST), COLUMNS)
    first, last = float(at.min()), float(at.max())
    times = np.linspace(first, max(last, first + 1e-3), columns + 1)
    latencies = np.geomspace(float(us.min()) * 0.95e-6, float(us.max()) * 1.05e-6, rows + 1)
    us = small(us)
    column = np.empty(us.size, np.min_scalar_type(columns))
    flat = np.zeros(rows * columns, np.int64)
    for begin in range(0, us.size, SPAN):
        own = slice(begin, begin + SPAN)
        at_column = np.minimum((at[own] - first) * (columns / (times[-1] - first)), columns - 1).astype(np.int32)
        flat += np.bincount(log_bins(us[own], latencies * 1e6) * columns + at_column, minlength=rows * columns)
        column[own] = at_column
    counts = flat.reshape(rows, columns)
    whole = percentiles(us, SHARES) / 1e6
    return Heat(times, latencies, counts, by_column(column, us, columns) / 1e6, whole, of)


def moments(run: Run) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """When each block was had (seconds) and its latency (µs), transfer after transfer."""
    # In this order the latencies need not be put together anew: they lie as they are read.
    transfers = run.tables["transfers"].sort_values(BLOCK_FROM, kind="stable")
    us = run.blocks_us
    at = np.empty(len(us))
    started, ended = (transfers[name].to_numpy(dtype=np.float64) for name in ("started", "t"))
    counts = transfers[BLOCK_COUNT].to_numpy()
    ends = np.cumsum(counts)
    # Piece by piece, as arrays of all blocks do not fit into the caches of a processor; so also above.
    for first in range(0, len(counts), PIECE):
        own = slice(first, first + PIECE)
        if counts[own].any():
            span = slice(ends[first] - counts[first], ends[own][-1])
            at[span] = _moments(started[own], ended[own] - started[own], counts[own], us[span])
    return at, us


def _moments(
    started: NDArray[np.float64], lasted: NDArray[np.float64], counts: NDArray[np.int64], us: NDArray[np.int64]
) -> NDArray[np.float64]:
    summed = np.concatenate([[0], np.cumsum(us, dtype=np.int64)])
    ends = np.cumsum(counts)
    before, whole = summed[ends - counts], summed[ends] - summed[ends - counts]
    at: NDArray[np.float64] = (summed[1:] - np.repeat(before, counts)) * np.repeat(
        lasted / np.maximum(whole, 1), counts
    )
    at += np.repeat(started, counts)
    return at


def by_column(column: NDArray[np.integer], us: NDArray[np.integer], columns: int) -> NDArray[np.float64]:
    """Percentiles of each column by linear interpolation, ``SHARES`` by columns; NaN for an empty one."""
    # Numbers of few bits are sorted by counting, ten times as fast as latencies are.
    order = np.argsort(column, kind="stable")
    ends = np.cumsum(np.bincount(column, minlength=columns))
    found = np.full((len(SHARES), columns), np.nan)
    for place, own in enumerate(np.split(us[order], ends[:-1])):
        if own.size:
            found[:, place] = percentiles(own, SHARES)
    return found


def told_of(made: Heat) -> NDArray[np.bool_]:
    """The columns with enough in them for percentiles; all, where there is none of them."""
    enough: NDArray[np.bool_] = made.counts.sum(axis=0) >= LEAST
    return enough if enough.any() else np.ones(len(enough), bool)


def caption(made: Heat) -> str:
    """The caption, which says what is counted."""
    read = _READ.format(made.of, LEAST)
    return _BLOCKS.format(read) if made.of == BLOCK else _OTHERS.format(made.of, read)


def draw(made: Heat) -> Figure:
    """The figure."""
    what = "Latency of blocks" if made.of == BLOCK else f"Time of {made.of}s"
    axis = "latency (logarithmic)" if made.of == BLOCK else "time (logarithmic)"
    figure, ax = axes(f"{what} over time", "time since the start of the run (s)", axis)
    ax.grid(visible=False)
    shown = np.ma.masked_equal(made.counts, 0)
    norm = LogNorm(1, max(int(made.counts.max()), 2))
    mesh = ax.pcolormesh(made.times, made.latencies, shown, norm=norm, cmap=_colours(), rasterized=True)
    bar = figure.colorbar(mesh, ax=ax, label=f"{made.of}s", pad=0.01)
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    bar.ax.minorticks_off()
    middles = (made.times[:-1] + made.times[1:]) / 2
    enough = told_of(made)
    beside = np.pad(enough, 1)
    alone = np.flatnonzero(enough & ~beside[:-2] & ~beside[2:]).tolist()
    for (name, dash), values in zip(LINES, made.percentiles, strict=True):
        line = np.where(enough, values, np.nan)
        ax.plot(middles, line, color="white", linewidth=3.2)
        ax.plot(middles, line, dash, color="black", linewidth=1.5, marker="o", ms=2, markevery=alone, label=name)
    ax.set_yscale("log")
    ax.set_xlim(made.times[0], made.times[-1])
    ax.set_ylim(made.latencies[0], made.latencies[-1])
    wide = made.latencies[-1] > 50 * made.latencies[0]
    ax.yaxis.set_major_locator(log_ticks(wide=wide))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(EngFormatter(unit="s"))
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower left", ncols=3)
    return figure


def _colours() -> Colormap:
    """Blues without those that can hardly be told from the ground: a single block is to be seen."""
    return ListedColormap(mpl.colormaps["Blues"](np.linspace(0.2, 1.0, 256)))


def told(made: Heat) -> str:
    """The figure in words."""
    p50, p95, p99 = (seconds(float(value)) for value in made.whole)
    return f"{counted(int(made.counts.sum()), made.of)}: p50 {p50}, p95 {p95}, p99 {p99} over the whole run"
