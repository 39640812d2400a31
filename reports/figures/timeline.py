"""One device over time: states, transfers, messages, faults, and what the server and the operator had of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from reports.figures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION
from reports.figures.thin import few, thinned
from reports.timeline import Fetched, Held, Span, Timeline
from reports.units import percent, seconds

CAPTION: Final = (
    "One device over time: below what it had itself stands what the server told of it. Shades and vertical lines are "
    "its faults, triangles Register and De-register, empty where they failed. A red step of the operator failed. "
    "Of hundreds of a kind, evenly chosen ones are shown."
)
UNKNOWN: Final = ("not told", "#F2F2F2")
STATES: Final = (("Idle", GREY), ("Downloading", SKY), ("Downloaded", BLUE), ("Updating", ORANGE))
UPDATED: Final = ("Idle, Result 1", GREEN)
FAILED: Final = ("Result 2 or more", VERMILION)
LIGHT: Final = frozenset({GREY, SKY, ORANGE, UNKNOWN[1]})
"""Grounds on which dark letters are read better than white ones."""
DARK: Final = "#333333"
MIDDLE: Final = "#555555"
LETTER: Final = 0.0105
"""Width of a letter of a label, as a part of the axes'."""
TICKS_MOST: Final = 800
"""Messages that are drawn of each direction."""
MARGIN: Final = 0.02
ROWS: Final = 3
"""Most rows of the operator's steps."""
TOLD_MOST: Final = 12
"""States, transfers or faults that are told one by one."""


def draw(whole: Timeline) -> Figure:
    """The figure; its height is that of what there is to show."""
    made = thinned(whole)
    lanes = _lanes(made)
    heights = [height for _, height in lanes]
    figure = Figure(figsize=(9.0, 1.5 + 0.62 * sum(heights)), layout="constrained")
    axes = figure.subplots(len(lanes), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
    figure.suptitle(made.endpoint, x=0.01, ha="left", fontsize=12, fontweight="bold")
    for ax, (name, _) in zip(axes, lanes, strict=True):
        _lane(ax, name)
        _DRAWS[name](ax, made)
        for fault in made.faults:
            _shade(ax, fault)
    axes[0].set_xlim(made.begin - MARGIN * _width(made), _last(made))
    axes[0].set_title(_folded(made.told), fontsize=8.5, fontweight="normal", color=MIDDLE, pad=6)
    axes[-1].set_xlabel("time since the start of the run (s)")
    axes[-1].xaxis.set_major_locator(MaxNLocator(nbins=9))
    axes[-1].xaxis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:,.6g}"))
    figure.legend(handles=_legend(made), loc="outside lower left", ncols=9, fontsize=8, columnspacing=1.4)
    return figure


def told(made: Timeline) -> str:
    """The figure in words; times count from the start of the run."""
    held = [one for one, before in zip(made.held, [None, *made.held], strict=False) if one[1:] != (before or ())[1:]]
    parts = [
        _listed("States", [f"{_names(one)[0]} at {seconds(one.t)}" for one in held]),
        _listed("transfers", [_one(one) for one in made.transfers]),
        _listed("faults", [f"{one.text} at {seconds(one.begin)}" for one in made.faults]),
        f"verdict {made.verdict}" if made.verdict else "",
        f"started at {seconds(made.begin)}, ended at {seconds(made.end)}",
    ]
    return "; ".join(part for part in parts if part)


def _one(one: Fetched) -> str:
    lasted = seconds(one.span.end - one.span.begin)
    return f"{one.span.text} after {lasted} with {percent(one.shares[-1])} of the package"


def _listed(name: str, told: Sequence[str]) -> str:
    more = len(told) - TOLD_MOST
    shown = [*told[:TOLD_MOST], *([f"{more} more"] if more > 0 else [])]
    return f"{name}: {', '.join(shown)}" if shown else ""


def _width(made: Timeline) -> float:
    return max(made.end - made.begin, 1e-3)


def _last(made: Timeline) -> float:
    """The right end of the axes, where the last State is still to be seen."""
    return made.end + 2 * MARGIN * _width(made)


def _lanes(made: Timeline) -> list[tuple[str, float]]:
    """Which lanes there are, from top to bottom, and how high each is."""
    peers = len({message.peer for message in made.messages})
    wanted = (
        ("faults", 0.55 * max(1, len({fault.text for fault in made.faults})), bool(made.faults)),
        ("device", 1.0, True),
        ("transfer", 1.4, bool(made.transfers)),
        ("messages", 0.9 * peers, peers > 0),
        ("server", 1.0, bool(made.reported)),
        ("operator", 1.0, bool(made.steps)),
    )
    return [(name, height) for name, height, there in wanted if there]


def _lane(ax: Axes, name: str) -> None:
    ax.set_ylabel(name, rotation=0, ha="right", va="center", labelpad=8)
    ax.set_yticks([])
    ax.grid(visible=False, axis="y")
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="x", length=0)


def _shade(ax: Axes, fault: Span) -> None:
    if fault.end > fault.begin:
        ax.axvspan(fault.begin, fault.end, color=PURPLE, alpha=0.15, linewidth=0, zorder=0)
    else:
        ax.axvline(fault.begin, color=PURPLE, alpha=0.6, linewidth=1.2, zorder=0)


# -- lanes -------------------------------------------------------------------------------------------------------------


def _faults(ax: Axes, made: Timeline) -> None:
    names = list(dict.fromkeys(fault.text for fault in made.faults))
    for place, name in enumerate(names):
        own = [fault for fault in made.faults if fault.text == name]
        lasting = [(fault.begin, fault.end - fault.begin) for fault in own if fault.end > fault.begin]
        ax.broken_barh(lasting, (-place - 0.3, 0.6), facecolors=PURPLE, edgecolor=DARK, linewidth=0.6, hatch="////")
        moments = [fault.begin for fault in own if fault.end <= fault.begin]
        ax.plot(moments, [-place] * len(moments), "D", markersize=6, color=PURPLE, mec=DARK, mew=0.6)
        _name(ax, made, own, -place)
    ax.set_ylim(-len(names) + 0.4, 0.6)


def _name(ax: Axes, made: Timeline, own: Sequence[Span], y: float) -> None:
    """The kind of a fault beside its strikes, where there is more room, or upon a strike that lasts."""
    name, longest = own[0].text, max(own, key=lambda fault: fault.end - fault.begin)
    first, last = own[0].begin, max(fault.end for fault in own)
    before, behind = first - made.begin, made.end - last
    if longest.end - longest.begin > max(before, behind):
        x, shift, side = (longest.begin + longest.end) / 2, 0, "center"
    else:
        x, shift, side = (first, -8, "right") if before > behind else (last, 8, "left")
    ground = {"boxstyle": "round,pad=0.2", "fc": "white", "ec": "none"} if side == "center" else None
    ax.annotate(
        name, (x, y), xytext=(shift, 0), textcoords="offset points", ha=side, va="center", fontsize=8.5, bbox=ground
    )


def _device(ax: Axes, made: Timeline) -> None:
    boot = Held(made.begin, 0, 0)
    _bands(ax, made, [boot, *made.held])
    _registrations(ax, made)


def _server(ax: Axes, made: Timeline) -> None:
    _bands(ax, made, made.reported)


def _bands(ax: Axes, made: Timeline, held: Sequence[Held]) -> None:
    """A band for each State and Update Result, with its name where there is room for it."""
    shown = [one for one, before in zip(held, [None, *held], strict=False) if before is None or one[1:] != before[1:]]
    ends = [*(one.t for one in shown[1:]), _last(made)]
    for one, end in zip(shown, ends, strict=True):
        colour = _look(one)[1]
        ax.broken_barh([(one.t, end - one.t)], (0.1, 0.8), facecolors=colour, linewidth=0)
        ax.vlines(one.t, 0.1, 0.9, color="white", linewidth=0.8)
        for text in _names(one):
            if _fits(made, text, end - one.t):
                ink = DARK if colour in LIGHT else "white"
                _write(ax, (one.t + end) / 2, 0.5, text, ink)
                break
    ax.set_ylim(0, 1)


def _names(one: Held) -> tuple[str, str]:
    """A long and a short name."""
    state = STATES[one.state][0] if 0 <= one.state < len(STATES) else UNKNOWN[0]
    known = one.result if one.result >= 0 else "?"
    return (f"{state}, Result {one.result}" if one.result > 0 else state), f"{max(one.state, 0)}/{known}"


def _write(ax: Axes, x: float, y: float, text: str, ink: str) -> None:
    """A word within its band, which needs no further room."""
    ax.text(x, y, text, ha="center", va="center", fontsize=8, color=ink, clip_on=True, in_layout=False)


def _fits(made: Timeline, text: str, length: float) -> bool:
    return length / _width(made) > LETTER * (len(text) + 1)


def _look(one: Held) -> tuple[str, str]:
    if one.result > 1:
        return FAILED
    if one.state == 0 and one.result == 1:
        return UPDATED
    return STATES[one.state] if 0 <= one.state < len(STATES) else UNKNOWN


def _registrations(ax: Axes, made: Timeline) -> None:
    """Marks above the bands: triangles for Register, Update and De-register."""
    for span in made.registrations:
        if span.end <= made.end:
            mark = {"register": "^", "update": ">"}.get(span.text, "v")
            colour = DARK if span.ok else "white"
            ax.plot([span.end], [0.97], mark, markersize=5, color=colour, mec=DARK, mew=0.8, clip_on=False, zorder=4)


def _transfer(ax: Axes, made: Timeline) -> None:
    for fetched in made.transfers:
        _fetched(ax, fetched)
    ax.set_ylim(0, 1.08)
    ax.set_yticks([0, 0.5, 1], ["0", "50", "100 %"], fontsize=7.5)
    ax.grid(visible=True, axis="y")


def _fetched(ax: Axes, fetched: Fetched) -> None:
    ax.plot(fetched.times, fetched.shares, color=BLUE, linewidth=1.6, drawstyle="steps-post")
    ax.fill_between(fetched.times, fetched.shares, step="post", color=BLUE, alpha=0.12, linewidth=0)
    if not fetched.span.ok:
        ax.plot(
            [fetched.span.end], [fetched.shares[-1]], "X", markersize=8, color=VERMILION, mec="white", clip_on=False
        )


def _messages(ax: Axes, made: Timeline) -> None:
    peers = sorted({message.peer for message in made.messages}, reverse=True)
    for place, peer in enumerate(peers):
        for sent, colour in ((True, BLUE), (False, ORANGE)):
            own = [m.t for m in made.messages if (m.peer, m.sent) == (peer, sent) and m.t <= made.end]
            at = few(own, TICKS_MOST)
            low = -place + (0.02 if sent else -0.42)
            ax.vlines(at, low, low + 0.4, color=colour, linewidth=0.7)
    ax.set_yticks([-place for place in range(len(peers))], peers, fontsize=7.5)
    ax.set_ylim(-len(peers) + 0.45, 0.55)


def _operator(ax: Axes, made: Timeline) -> None:
    """Steps, each in the first row that is free, or in the last."""
    free: list[float] = []
    for step in sorted(made.steps):
        row = next((row for row, since in enumerate(free) if since <= step.begin), min(len(free), ROWS - 1))
        free[row : row + 1] = [step.end]
        y = -row
        length = max(step.end - step.begin, 0.002 * _width(made))
        colour = "#DDDDDD" if step.ok else VERMILION
        ax.broken_barh([(step.begin, length)], (y - 0.36, 0.72), facecolors=colour, linewidth=0)
        if _fits(made, step.text, length):
            ink = DARK if step.ok else "white"
            _write(ax, step.begin + length / 2, y, step.text, ink)
    if made.verdict:
        ax.set_title(_folded(f"verdict: {made.verdict}"), fontsize=8.5, fontweight="normal", color=DARK, pad=4)
    ax.set_ylim(0.5 - max(len(free), 2), 0.5)


_DRAWS: Final = {
    "faults": _faults,
    "device": _device,
    "transfer": _transfer,
    "messages": _messages,
    "server": _server,
    "operator": _operator,
}


def _folded(text: str, most: int = 120) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _legend(made: Timeline) -> list[Patch]:
    looks = dict.fromkeys(_look(one) for one in (Held(0, 0, 0), *made.held, *made.reported))
    handles = [Patch(color=colour, label=name) for name, colour in looks]
    if made.messages:
        handles += [Patch(color=BLUE, label="sent"), Patch(color=ORANGE, label="received")]
    if made.faults:
        handles.append(Patch(facecolor=PURPLE, edgecolor=DARK, hatch="////", label="fault"))
    return handles
