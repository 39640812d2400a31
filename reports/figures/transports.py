"""Throughput of a device by transport, beside its ceiling, a panel for each network."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from reports.figures.bars import ROW_INCHES, Bar, Spread, handles, panel, spread_of
from reports.figures.material import Material
from reports.read import Run
from reports.sides import TransportRow
from reports.units import number

CAPTION: Final = (
    "Payload of all downloads that went well over the sum of their durations (bar), the median device (dot), where "
    "90 % of the devices lie (line, from the 5th to the 95th percentile), and what network and transport allow on "
    "average (red), with the share of it that was reached. A device that happens to lose no packet may be above it. A "
    "logarithmic axis has no 0: there the ends of the bars are to be compared, not their lengths."
)
NO_NAME: Final = "ideal"
BARS_MOST: Final = 36
"""In all panels; the networks of the others are told of in the tables."""

_KEY: Final = ["network", "transport", "delivery"]


class Panel(NamedTuple):
    """One network."""

    network: str
    bars: list[Bar]


def take(material: Material) -> list[Panel] | None:
    """The networks, in the order of a summary's rows."""
    measured = [row for row in material.rows if row.bytes_per_s]
    if not measured:
        return None
    spreads = device_spreads(material.run)
    networks = list(dict.fromkeys(row.network for row in measured))
    return [_panel(network, [row for row in measured if row.network == network], spreads) for network in networks]


def _panel(network: str, rows: Sequence[TransportRow], spreads: dict[tuple[str, ...], Spread | None]) -> Panel:
    several = len({row.delivery for row in rows}) > 1
    bars = [
        Bar(
            f"{row.transport}/{row.delivery}" if several else row.transport,
            row.delivery == "push",
            row.bytes_per_s or 0.0,
            spreads.get((row.network, row.transport, row.delivery)),
            row.ceiling_bytes_per_s,
        )
        for row in rows
    ]
    return Panel(network or NO_NAME, bars)


def device_spreads(run: Run) -> dict[tuple[str, ...], Spread | None]:
    """The spread of the devices of each network, transport and delivery, of transfers that went well."""
    transfers = run.tables["transfers"]
    took = transfers["t"] - transfers["started"]
    good = transfers[(transfers["outcome"] == "ok") & (took > 0)]
    networks = run.tables["devices"].drop_duplicates("device", keep="last").set_index("device")["network"]
    table = pd.DataFrame(
        {
            "network": networks.reindex(good["device"]).fillna("").to_numpy(),
            "transport": good["transport"].to_numpy(),
            "delivery": good["delivery"].to_numpy(),
            "rate": (good["received"] / took[good.index]).to_numpy(np.float64),
        }
    )
    groups = table.groupby(_KEY, observed=True)["rate"]
    return {tuple(map(str, key)): spread_of(own.to_numpy(np.float64)) for key, own in groups}


def draw(panels: list[Panel]) -> Figure:
    """The figure."""
    bars = accumulate(len(one.bars) for one in panels)
    shown = [one for one, count in zip(panels, bars, strict=True) if count <= BARS_MOST or one is panels[0]]
    heights = [len(one.bars) + 1.9 for one in shown]
    figure = Figure(figsize=(9.0, 1.1 + ROW_INCHES * sum(heights)), layout=ConstrainedLayoutEngine(hspace=0.06))
    left = len(panels) - len(shown)
    title = "Throughput of a device beside its ceiling" + (f" ({number(left)} more networks not shown)" if left else "")
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")
    drawn = figure.subplots(len(shown), 1, squeeze=False, gridspec_kw={"height_ratios": heights})
    for ax, one in zip(drawn[:, 0], shown, strict=True):
        panel(ax, one.network, one.bars)
    figure.legend(handles=handles([bar for one in shown for bar in one.bars]), loc="outside lower left", ncols=3)
    return figure


def told(panels: list[Panel]) -> str:
    """The figure in words."""
    return ". ".join(f"{one.network}: {'; '.join(bar.told for bar in one.bars)}" for one in panels)
