"""By how much each metric differs from the base, with its interval: a panel for each run that is compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from reports.compare.change import BETTER, SAME, WORSE, Change
from reports.figures.style import BLUE, GREY, VERMILION, short
from reports.units import counted

ROWS_MOST: Final = 36
PANELS_MOST: Final = 4
REACH_LEAST, REACH_MOST = 0.15, 1.5
"""Of the axis to either side, as a share of the base; what goes further ends in an arrow."""
MARGIN_MOST: Final = 1.0
COLOURS: Final = {WORSE: VERMILION, BETTER: BLUE, SAME: GREY}
MARKS: Final = {WORSE: "X", BETTER: "D", SAME: "o"}
"""Told apart in grey too."""


class Effect(NamedTuple):
    """A difference as a share of the base; ``margin`` is how far no difference counts as a change."""

    name: str
    at: float
    low: float
    high: float
    margin: float
    verdict: str


class Forest(NamedTuple):
    """What is drawn: by run its effects by metric, and how many metrics have no place."""

    names: list[str]
    panels: list[tuple[str, dict[str, Effect]]]
    left_out: int


def take(compared: Sequence[tuple[str, Sequence[Change]]]) -> Forest | None:
    """The metrics that can be judged and differ at all; of too many, those that changed and the first of the others.

    Those of which not even ``MARGIN_MOST`` of the base would count have no place: they say nothing but that.
    """
    panels = [(run, {one.name: one for each in changes if (one := effect(each))}) for run, changes in compared]
    panels = panels[:PANELS_MOST]
    every = dict.fromkeys(name for _, effects in panels for name in effects)
    told = {name for _, effects in panels for name, one in effects.items() if one.margin < MARGIN_MOST}
    if not told:
        return None
    changed = [name for name in every if any(name in known and known[name].verdict != SAME for _, known in panels)]
    others = [name for name in every if name in told and name not in changed]
    kept = {*changed[:ROWS_MOST], *others[: max(0, ROWS_MOST - len(changed))]}
    return Forest([name for name in every if name in kept], panels, len(every) - len(kept))


def effect(one: Change) -> Effect | None:
    """A change as a share of its base; None where that cannot be said, or where nothing differs at all."""
    if not one.base or one.difference is None or one.low is None or one.high is None or one.p is None:
        return None
    if one.low == one.high == 0:
        return None
    base = abs(one.base)
    return Effect(one.name, one.difference / base, one.low / base, one.high / base, one.least / base, one.verdict)


def draw(forest: Forest) -> Figure:
    """The figure."""
    rows, columns = len(forest.names), len(forest.panels)
    figure = Figure(figsize=(9.0 if columns < 3 else 11.0, 1.5 + 0.235 * rows), layout="constrained")
    figure.suptitle("Difference from the base", x=0.01, ha="left", fontsize=12, fontweight="bold")
    axes = figure.subplots(1, columns, sharey=True, squeeze=False)[0]
    for ax, (run, effects) in zip(axes, forest.panels, strict=True):
        ax.set_title(short(run, 72 // columns), fontsize=10)
        ax.xaxis.set_major_locator(MaxNLocator(5 if columns < 3 else 3))
        _panel(ax, [effects.get(name) for name in forest.names])
    axes[0].set_yticks(range(rows), [plain(name) for name in forest.names], fontsize=8)
    axes[0].set_ylim(rows - 0.4, -0.6)
    known = [effects[name].verdict for _, effects in forest.panels for name in forest.names if name in effects]
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=COLOURS[word], marker=MARKS[word], linewidth=2, label=word)
        for word in (WORSE, BETTER, SAME)
        if word in known
    ]
    handles.append(Patch(color="#EEEEEE", label="too little to count as a change"))
    figure.legend(handles=handles, loc="outside lower left", ncols=4)
    return figure


def plain(name: str) -> str:
    """A metric without what all have."""
    sound = name.replace(', fault="none"', "").replace('{fault="none"}', "")
    return sound.replace('"', "").replace("=", " ")


def _panel(ax: Axes, effects: Sequence[Effect | None]) -> None:
    known = [one for one in effects if one]
    widest = max((max(abs(one.low), abs(one.high)) for one in known), default=0.0)
    middle = float(np.percentile([abs(one.at) + one.margin for one in known], 75)) if known else 0.0
    reach = float(np.clip(min(1.1 * widest, 2.5 * middle), REACH_LEAST, REACH_MOST))
    ax.set_xlim(-reach, reach)
    ax.axvline(0, color="#333333", linewidth=1.0)
    for row, one in enumerate(effects):
        if one:
            _row(ax, row, one, reach)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value * 100:+.0f} %" if abs(value) > 1e-9 else "0"))
    ax.grid(visible=False, axis="y")
    ax.tick_params(axis="y", length=0)


def _row(ax: Axes, row: int, one: Effect, reach: float) -> None:
    band = min(one.margin, reach)
    ax.barh(row, 2 * band, left=-band, height=0.9, color="#EEEEEE", zorder=0)
    colour = COLOURS[one.verdict]
    low, high, at = (float(np.clip(value, -reach, reach)) for value in (one.low, one.high, one.at))
    ax.plot([low, high], [row, row], color=colour, linewidth=2, solid_capstyle="butt")
    for value, end, mark in ((one.low, low, "<"), (one.high, high, ">")):
        if abs(value) > reach and end != 0:
            ax.plot(end, row, marker=mark, color=colour, markersize=6, clip_on=False)
    if abs(one.at) <= reach:
        ax.plot(at, row, marker=MARKS[one.verdict], color=colour, markersize=6, mec="white", mew=0.7, clip_on=False)


def told(forest: Forest) -> str:
    """The figure in words."""
    return "; ".join(f"{run}: {_told(list(effects.values()))}" for run, effects in forest.panels)


def _told(effects: Sequence[Effect]) -> str:
    changed = [
        f"{plain(one.name)} {one.at * 100:+.1f} % ({one.low * 100:+.1f} to {one.high * 100:+.1f} %), {one.verdict}"
        for one in effects
        if one.verdict != SAME
    ]
    same = counted(len(effects) - len(changed), "metric") + " without evidence of change"
    return ", ".join([*changed[:12], *([f"{len(changed) - 12} more that changed"] if len(changed) > 12 else []), same])


def caption(forest: Forest) -> str:
    """What is drawn, and what is not."""
    text = (
        "Differences as a share of the base, each with the 95 % interval of its metric alone; the line at 0 is no "
        "difference. Grey ones are no evidence of a change: they may be chance, or lie within the grey band of what is "
        "too little to count. Metrics that are 0 in the base, or equal, have no place here."
    )
    if forest.left_out:
        text += f" In the table alone: {counted(forest.left_out, 'further metric')} without evidence of a change."
    return text
