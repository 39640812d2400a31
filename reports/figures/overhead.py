"""Bytes on the wire beyond the payload, by transport and delivery."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from reports.figures.material import Material
from reports.figures.style import BLUE, ORANGE, SKY
from reports.measures import wired
from reports.read import Run
from reports.units import percent, size

CAPTION: Final = (
    "What a transfer put on the wire beyond its payload, as a share of the payload: headers and handshakes that came "
    "in, payload that came once more, and all that the device sent. Headers of IP, UDP and TCP are not counted."
)
PARTS: Final = (("headers in", BLUE, ""), ("refetched", ORANGE, "////"), ("sent", SKY, ".."))


def overheads(run: Run, kinds: pd.Series[str]) -> pd.DataFrame:
    """By kind (index): ``payload`` (bytes), and ``headers in``, ``refetched``, ``sent`` (bytes beyond it).

    Only transfers of which the wire was counted; kinds without payload are left out.
    """
    transfers = run.tables["transfers"]
    rows = wired(transfers)
    summed = (
        rows[["received", "refetched", "wire_in", "wire_out"]].groupby(kinds[rows.index].to_numpy(dtype=object)).sum()
    )
    summed = summed[summed["received"] > 0]
    return pd.DataFrame(
        {
            "payload": summed["received"],
            "headers in": np.maximum(summed["wire_in"] - summed["received"] - summed["refetched"], 0),
            "refetched": summed["refetched"],
            "sent": summed["wire_out"],
        }
    )


def take(material: Material) -> pd.DataFrame | None:
    """Of what the figure is made."""
    found = overheads(material.run, material.kinds)
    return None if found.empty else found


def draw(found: pd.DataFrame) -> Figure:
    """The figure."""
    figure = Figure(figsize=(9.0, 1.7 + 0.36 * len(found)), layout="constrained")
    ax = figure.add_subplot()
    ax.set_title("Overhead on the wire")
    ax.set_xlabel("bytes beyond the payload, as a share of it")
    ax.set_yticks(range(len(found)), [str(name) for name in found.index])
    ax.set_ylim(len(found) - 0.4, -0.6)
    left = np.zeros(len(found))
    shares = found.div(found["payload"], axis=0)
    for name, colour, hatch in PARTS:
        width = shares[name].to_numpy()
        if width.any():
            ax.barh(range(len(found)), width, 0.66, left, color=colour, hatch=hatch, edgecolor="white", label=name)
        left = left + width
    for place, (whole, payload) in enumerate(zip(left, found["payload"], strict=True)):
        text = f"{percent(float(whole))} of {size(float(payload))}"
        ax.annotate(text, (whole, place), xytext=(6, 0), textcoords="offset points", va="center", fontsize=9)
    ax.set_xlim(0, max(float(left.max()), 1e-3) * 1.3)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0))
    ax.grid(visible=False, axis="y")
    ax.tick_params(axis="y", length=0)
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower left", ncols=3)
    return figure


def told(found: pd.DataFrame) -> str:
    """The figure in words."""
    beyond = found.drop(columns="payload").sum(axis=1) / found["payload"]
    return "; ".join(f"{name}: {percent(float(value))}" for name, value in beyond.items()) + " beyond the payload"
