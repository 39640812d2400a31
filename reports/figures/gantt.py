"""Some devices of a run below each other: those that went worst, the middle ones, and one of each fault."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from reports.devices import updates_of
from reports.figures.material import Material
from reports.figures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, short
from reports.figures.thin import few
from reports.read import Run
from reports.units import seconds
from simulator.events import FAULT_OVER

CAPTION: Final = (
    "Some devices over time: those that were asked for, those whose update was not ok or took longest, those in the "
    "middle, one of each fault. Bands are State and Result as the device had them, the last of them a little longer, "
    "to be seen; a Register after the first one comes of a reboot or of a registration that was lost."
)
WORST: Final = 4
MEDIAN: Final = 3
FAULTS: Final = 5
PARTS: Final = 400
"""Bands of all devices together, and marks of each kind; of more, evenly chosen ones are shown."""
CHOSEN: Final = 12
"""Most of the devices that were asked for; all of them have timelines of their own."""
LOOKS: Final = (
    ("Idle", GREY, ""),
    ("Downloading", SKY, ""),
    ("Downloaded", BLUE, ""),
    ("Updating", ORANGE, "////"),
    ("Idle, Result 1", GREEN, ".."),
    ("Result 2 or more", VERMILION, "xx"),
)
_UPDATED, _FAILED = 4, 5


@dataclass(slots=True)
class Lane:
    """One device; times in seconds since the start of the run."""

    device: int
    why: str
    endpoint: str = ""
    bands: list[tuple[float, float, int]] = field(default_factory=list)
    """Begin, end and place in ``LOOKS``."""
    faults: list[float] = field(default_factory=list)
    registered: list[float] = field(default_factory=list)


def choose(run: Run, asked: Sequence[int] = ()) -> dict[int, str]:
    """Devices and why each is shown: asked for, worst (not ok, then longest), middle, one of each fault."""
    chosen = dict.fromkeys(asked[:CHOSEN], "chosen")
    updates = updates_of(run).drop_duplicates("device", keep="last")
    updates = updates.assign(took=updates["t"] - updates["due"], bad=updates["outcome"] != "ok")
    ordered = updates.sort_values(["bad", "took", "device"], ascending=[False, False, True])
    for device in ordered["device"].head(WORST):
        chosen.setdefault(int(device), "worst")
    good = updates[~updates["bad"]].sort_values(["took", "device"])["device"].to_numpy()
    middle = len(good) // 2
    for device in good[max(middle - MEDIAN // 2, 0) : middle + MEDIAN // 2 + 1]:
        chosen.setdefault(int(device), "median")
    faulty = run.tables["devices"]
    faulty = faulty[faulty["fault"] != ""].sort_values("device").drop_duplicates("fault").head(FAULTS)
    for device, fault in zip(faulty["device"], faulty["fault"], strict=True):
        chosen.setdefault(int(device), str(fault))
    return chosen


def lanes(run: Run, asked: Sequence[int] = ()) -> list[Lane]:
    """The chosen devices that were recorded to start, with what happened to them."""
    found = {device: Lane(device, why) for device, why in choose(run, asked).items()}
    tables = {
        name: run.tables[name][run.tables[name]["device"].isin(list(found))]
        for name in ("devices", "states", "faults", "registrations", "updates")
    }
    last = {name: rows.groupby("device")["t"].max() for name, rows in tables.items() if name != "registrations"}
    started = tables["devices"]
    for device, endpoint, t in zip(started["device"], started["endpoint"], started["t"], strict=True):
        lane = found[int(device)]
        lane.endpoint = str(endpoint)
        end = max(float(times[device]) for times in last.values() if device in times.index)
        own = tables["states"][tables["states"]["device"] == lane.device]
        begins = [float(t), *own["t"]]
        looks = [0, *(look(s, r) for s, r in zip(own["state"], own["result"], strict=True))]
        lane.bands = list(zip(begins, [*begins[1:], end], looks, strict=True))
    strikes = tables["faults"]
    strikes = strikes[~strikes["detail"].astype(str).str.startswith(FAULT_OVER)]
    for device, t in zip(strikes["device"], strikes["t"], strict=True):
        found[int(device)].faults.append(float(t))
    register = tables["registrations"]
    register = register[(register["operation"] == "register") & (register["outcome"] == "ok")]
    for device, t in zip(register["device"], register["t"], strict=True):
        found[int(device)].registered.append(float(t))
    return [lane for lane in found.values() if lane.endpoint]


def look(state: int, result: int) -> int:
    """The place in ``LOOKS`` of a State and Update Result."""
    if result > 1:
        return _FAILED
    return _UPDATED if (state, result) == (0, 1) else min(max(int(state), 0), 3)


def take(material: Material) -> list[Lane] | None:
    """Of what the figure is made."""
    return lanes(material.run, material.chosen) or None


def draw(shown: list[Lane]) -> Figure:
    """The figure."""
    figure = Figure(figsize=(9.0, 1.6 + 0.34 * len(shown)), layout="constrained")
    ax = figure.add_subplot()
    ax.set_title("Some devices over time")
    ax.set_xlabel("time since the start of the run (s)")
    begin = min(lane.bands[0][0] for lane in shown)
    end = max(lane.bands[-1][1] for lane in shown)
    room = max(end - begin, 1e-3) * 0.02
    for place, lane in enumerate(shown):
        _lane(ax, place, lane, room, PARTS // len(shown))
    ax.set_xlim(begin - room, end + 2 * room)
    ax.set_ylim(len(shown) - 0.4, -0.6)
    ax.set_yticks(range(len(shown)), [short(f"{lane.why}: {lane.endpoint}", 36) for lane in shown])
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")
    there = {band[2] for lane in shown for band in lane.bands}
    handles: list[Patch | Line2D] = [
        Patch(fc=colour, hatch=hatch, ec="white", label=name)
        for place, (name, colour, hatch) in enumerate(LOOKS)
        if place in there
    ]
    handles.append(Line2D([], [], color="black", marker="^", markersize=5, linestyle="", label="Register"))
    if any(lane.faults for lane in shown):
        handles.append(Line2D([], [], color=PURPLE, marker="D", mec="black", linestyle="", label="fault struck"))
    figure.legend(handles=handles, loc="outside lower left", ncols=4)
    return figure


def _lane(ax: Axes, place: int, lane: Lane, seen: float, most: int) -> None:
    shown = few(lane.bands, most)
    # What came last lasts no time in most records, and would not be seen.
    ends = [*(begin for begin, _, _ in shown[1:]), shown[-1][1] + seen]
    bands = [(begin, end, kind) for (begin, _, kind), end in zip(shown, ends, strict=True)]
    for number, (_, colour, hatch) in enumerate(LOOKS):
        spans = [(begin, end - begin) for begin, end, kind in bands if kind == number]
        if spans:
            ax.broken_barh(spans, (place - 0.3, 0.6), fc=colour, ec="white", hatch=hatch, linewidth=0)
    faults = few(lane.faults, most)
    ax.plot(faults, [place] * len(faults), "D", color=PURPLE, markersize=5, mec="black", mew=0.6)
    registered = few(lane.registered, most)
    ax.plot(registered, [place - 0.34] * len(registered), "^", color="black", markersize=4)


def told(shown: list[Lane]) -> str:
    """The figure in words."""
    return "; ".join(f"{lane.endpoint} ({lane.why}): {seconds(lane.bands[-1][1] - lane.bands[0][0])}" for lane in shown)
