"""Throughput of a device by kind."""

from __future__ import annotations

from typing import Final

import numpy as np
from matplotlib.figure import Figure

from reports.figures.bars import ROW_INCHES, Bar, handles, panel, spread_of
from reports.figures.material import Material

CAPTION: Final = (
    "Throughput of a device, of all downloads that went well: payload over the sum of their durations (bar), the "
    "median device (dot), and where 90 % of the devices lie (line, from the 5th to the 95th percentile)."
)


def take(material: Material) -> list[Bar] | None:
    """The kinds of which a transfer went well and took some time; None where transports are shown side by side.

    That is where they have networks of different rates, of which a kind has no one spread.
    """
    if any(row.bytes_per_s for row in material.rows):
        return None
    transfers = material.run.tables["transfers"]
    seconds = (transfers["t"] - transfers["started"]).to_numpy(np.float64)
    good = (transfers["outcome"] == "ok").to_numpy() & (seconds > 0) & (transfers["received"] > 0).to_numpy()
    kinds, seconds = material.kinds.to_numpy()[good], seconds[good]
    received = transfers["received"].to_numpy(np.float64)[good]
    found = []
    for name in sorted(set(kinds)):
        own = kinds == name
        spread = spread_of(received[own] / seconds[own])
        found.append(Bar(name, name.endswith("/push"), received[own].sum() / seconds[own].sum(), spread, None))
    return found or None


def draw(bars: list[Bar]) -> Figure:
    """The figure."""
    figure = Figure(figsize=(9.0, 1.5 + ROW_INCHES * len(bars)), layout="constrained")
    panel(figure.add_subplot(), "Throughput of a device", bars)
    figure.axes[0].set_title("Throughput of a device")
    figure.legend(handles=handles(bars), loc="outside lower left", ncols=4)
    return figure


def told(bars: list[Bar]) -> str:
    """The figure in words."""
    return "; ".join(bar.told for bar in bars)
