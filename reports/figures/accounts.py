"""Three accounts as a matrix: what was injected, what the devices had at the end, and what the server reported."""

from __future__ import annotations

from typing import Final

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from reports.devices import UNKNOWN, device_frame
from reports.figures.material import Material
from reports.figures.style import GREEN, GREY, ORANGE, short
from reports.read import Run
from reports.units import counted

CAPTION: Final = (
    "Devices of the campaign by what was injected (row) and by State/Result at the end (column): above as the device "
    "had it, below as the server reported it. Hatched, marked with ≠: not all of them ended as declared, or the server "
    "reported another end. Right of the line the two accounts are not the same; ? is not known."
)
SOUND: Final = "no fault"
OTHERS: Final = "others"
ROWS_MOST: Final = 16
COLUMNS_MOST: Final = 9


def accounts(run: Run) -> pd.DataFrame:
    """Columns ``fault``, ``device``, ``server`` (State/Result), ``devices`` and ``declared`` (those that met it)."""
    frame = device_frame(run)
    frame = frame[frame["campaign"]].reset_index(drop=True)
    found = pd.DataFrame(
        {
            "fault": frame["fault"].replace("", SOUND),
            "device": frame["device_end"],
            "server": frame["server_end"],
            "met": frame["device_end"] == frame["declared"],
        }
    )
    groups = found.groupby(["fault", "device", "server"])["met"]
    return groups.agg(devices="size", declared="sum").reset_index()


def folded(found: pd.DataFrame, column: str, most: int) -> pd.Series[str]:
    """The names of a column, those with the fewest devices told as others where there are more than ``most``."""
    sizes = found.groupby(column)["devices"].sum().sort_values(ascending=False, kind="stable")
    if len(sizes) <= most:
        return found[column]
    return found[column].where(found[column].isin(sizes.index[: most - 1]), OTHERS)


def take(material: Material) -> pd.DataFrame | None:
    """Of what the figure is made."""
    found = accounts(material.run)
    return None if found.empty else found


def draw(found: pd.DataFrame) -> Figure:
    """The figure."""
    found = found.assign(pair=found["device"] + "\n" + found["server"])
    found["pair"], found["fault"] = folded(found, "pair", COLUMNS_MOST), folded(found, "fault", ROWS_MOST)
    cells = found.groupby(["fault", "pair"])[["devices", "declared"]].sum()
    faults = sorted(set(found["fault"]), key=lambda name: (name != SOUND, name == OTHERS, name))
    pairs = sorted(set(found["pair"]), key=lambda name: (not _same(name), name == OTHERS, UNKNOWN in name, name))
    figure = Figure(figsize=(9.0, 1.9 + 0.42 * len(faults)), layout="constrained")
    ax = figure.add_subplot()
    ax.set_title("Injected, observed, reported")
    amiss = False
    for (fault, pair), devices, declared in cells.itertuples(name=None):
        met = devices == declared and (_same(pair) or UNKNOWN in pair or pair == OTHERS)
        amiss |= not met
        x, y = pairs.index(pair), faults.index(fault)
        ax.bar(
            x, 0.86, 0.94, y - 0.43, color=GREEN if met else ORANGE, alpha=0.35, linewidth=0, hatch="" if met else "//"
        )
        ground = {"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none"}
        ax.text(x, y, f"{devices:,}" if met else f"≠ {devices:,}", ha="center", va="center", fontsize=9, bbox=ground)
    agree = sum(map(_same, pairs))
    if 0 < agree < len(pairs):
        ax.axvline(agree - 0.5, color="black", linewidth=1.5)
    ax.set_xticks(range(len(pairs)), pairs)
    ax.set_yticks(range(len(faults)), [short(name) for name in faults])
    ax.set_xlim(-0.5, max(len(pairs), 3) - 0.5)
    ax.set_ylim(len(faults) - 0.5, -0.5)
    ax.set_xlabel("State/Result at the end: above the device's own, below the server's")
    ax.grid(visible=False)
    ax.tick_params(length=0)
    handles = [Patch(fc=GREEN, alpha=0.35, label="all ended as declared")]
    if amiss:
        handles.append(Patch(fc=ORANGE, alpha=0.35, hatch="//", ec=GREY, label="≠ not all, or reported otherwise"))
    figure.legend(handles=handles, loc="outside lower left", ncols=2)
    return figure


def told(found: pd.DataFrame) -> str:
    """The figure in words."""
    every, met = int(found["devices"].sum()), int(found["declared"].sum())
    known = (found["device"] != UNKNOWN) & (found["server"] != UNKNOWN)
    apart = int(found["devices"][known & (found["device"] != found["server"])].sum())
    unknown = int(found["devices"][~known].sum())
    return (
        f"of {counted(every, 'device')} {met:,} ended as declared; of {apart:,} the server reported another end, "
        f"of {unknown:,} an account is not known"
    )


def _same(pair: str) -> bool:
    device, _, server = pair.partition("\n")
    return device == server
