"""States of all devices over time, as a stacked area."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter
from numpy.typing import NDArray

from reports.figures.material import Material
from reports.figures.style import BLUE, GREEN, GREY, ORANGE, SKY, VERMILION, axes
from reports.read import Run
from reports.units import counted, seconds

CAPTION: Final = "Devices by State (/5/0/3), as the devices had it; Idle is parted by what the update left there."

LAYERS: Final = (
    ("updated (Idle, Result 1)", GREEN),
    ("Updating", ORANGE),
    ("Downloaded", BLUE),
    ("Downloading", SKY),
    ("Idle", GREY),
    ("Result 2 or more", VERMILION),
)
_UPDATED, _IDLE, _FAILED = 0, 4, 5
_BUSY: Final = (3, 2, 1)
"""Downloading, Downloaded and Updating."""
_LAYER_OF_STATE: Final = np.array([_IDLE, 3, 2, 1])
POINTS: Final = 400


Layers = tuple[NDArray[np.float64], NDArray[np.int64]]


def take(material: Material) -> Layers | None:
    """Of what the figure is made."""
    return layers(material.run)


def draw(found: Layers) -> Figure:
    """The figure."""
    t, heights = found
    figure, ax = axes("States of the devices over time", "time since the start of the run (s)", "devices")
    shown = [place for place in range(len(LAYERS)) if heights[place].any()]
    ax.stackplot(
        t,
        heights[shown],
        labels=[LAYERS[place][0] for place in shown],
        colors=[LAYERS[place][1] for place in shown],
        linewidth=0,
    )
    ax.set_xlim(t[0], t[-1])
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    ax.set_ylim(0, max(1, int(heights.sum(axis=0).max())))
    handles, labels = ax.get_legend_handles_labels()
    ax.legend(handles[::-1], labels[::-1], loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def told(found: Layers) -> str:
    """The figure in words."""
    t, heights = found
    span = f"from {seconds(float(t[0]))} to {seconds(float(t[-1]))}"
    ends = [f"{number:,} {name}" for (name, _), number in zip(LAYERS, heights[:, -1].tolist(), strict=True) if number]
    text = f"{counted(int(heights[:, -1].sum()), 'device')} {span}; at the end {', '.join(ends)}"
    peaks = [f"{int(heights[k].max()):,} {LAYERS[k][0]}" for k in _BUSY if heights[k].any()]
    return text + (f"; at the same time at most {', '.join(peaks)}" if peaks else "")


def layers(run: Run, points: int = POINTS) -> Layers | None:
    """Times, and the number of devices in each layer at each of them (an array of layers by times)."""
    started = run.tables["devices"][["t", "device"]].assign(layer=_IDLE)
    changes = run.tables["states"]
    changes = changes[["t", "device"]].assign(layer=_layer(changes["state"].to_numpy(), changes["result"].to_numpy()))
    steps = pd.concat([started, changes[changes["layer"] >= 0]], ignore_index=True)
    if steps.empty:
        return None
    steps = steps.sort_values("t", kind="stable")
    before = steps.groupby("device")["layer"].shift()
    first, last = float(steps["t"].iloc[0]), _last(run, steps)
    grid = np.linspace(first, last, points)
    at = np.searchsorted(steps["t"].to_numpy(), grid, side="right")
    heights = np.zeros((len(LAYERS), points), np.int64)
    for layer in range(len(LAYERS)):
        change = (steps["layer"] == layer).to_numpy().astype(np.int64) - (before == layer).to_numpy().astype(np.int64)
        heights[layer] = np.concatenate([[0], np.cumsum(change)])[at]
    return grid, heights


def _layer(state: NDArray[np.int64], result: NDArray[np.int64]) -> NDArray[np.int64]:
    """The layer of each pair, -1 for a state that the object does not have."""
    known = (state >= 0) & (state < len(_LAYER_OF_STATE))
    layer = np.where(known, _LAYER_OF_STATE[np.where(known, state, 0)], -1)
    layer = np.where(known & (state == 0) & (result == 1), _UPDATED, layer)
    return np.where(known & (result > 1), _FAILED, layer)


def _last(run: Run, steps: pd.DataFrame) -> float:
    """The end of the time axis: the last update, a little after the last change at least."""
    first, last = float(steps["t"].iloc[0]), float(steps["t"].iloc[-1])
    updates = run.tables["updates"]["t"]
    ended = float(updates.max()) if len(updates) else last
    return max(last + max(0.02 * (last - first), 0.001), ended)
