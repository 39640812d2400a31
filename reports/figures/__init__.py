"""The figures of a report: PNG files for documents, SVG for the page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl

from reports.figures import (
    accounts,
    blocks,
    downloads,
    flow,
    gantt,
    heat,
    load,
    overhead,
    pace,
    rates,
    states,
    timeline,
    times,
    transports,
)
from reports.figures.material import Kind, Material
from reports.figures.style import STYLE, save
from reports.timeline import Timeline

__all__ = ["Drawn", "Material", "draw", "draw_timeline"]

KINDS: Final[tuple[Kind[Any], ...]] = (
    Kind("states", states.CAPTION, states.take, states.draw, states.told),
    Kind("update-times", times.CAPTION, times.take, times.draw, times.told),
    Kind("throughput", rates.CAPTION, rates.take, rates.draw, rates.told),
    Kind("block-latency", blocks.CAPTION, blocks.take, blocks.draw, blocks.told),
    Kind("download-times", downloads.CAPTION, downloads.take, downloads.draw, downloads.told),
    Kind("latency-over-time", heat.caption, heat.take, heat.draw, heat.told),
    Kind("pace", pace.CAPTION, pace.take, pace.draw, pace.told),
    Kind("overhead", overhead.CAPTION, overhead.take, overhead.draw, overhead.told),
    Kind("accounts", accounts.CAPTION, accounts.take, accounts.draw, accounts.told),
    Kind("devices-over-time", gantt.CAPTION, gantt.take, gantt.draw, gantt.told),
    Kind("generator", load.CAPTION, load.take, load.draw, load.told),
    Kind("transports", transports.CAPTION, transports.take, transports.draw, transports.told),
    Kind("throughput-over-time", flow.CAPTION, flow.take, flow.draw, flow.told),
)


@dataclass(frozen=True, slots=True)
class Drawn:
    """One figure."""

    name: str
    caption: str
    svg: bytes
    alt: str = ""
    """What it shows, in words, with its main figures, for who cannot see it."""


def draw_timeline(made: Timeline, svg: Path, png: Path | None = None) -> Drawn:
    """Draw the timeline of one device and write it.

    Raises:
        OSError: a file cannot be written.
    """
    with mpl.rc_context(STYLE):
        drawn = save(timeline.draw(made), png)
    svg.write_bytes(drawn)
    return Drawn(made.endpoint, made.told, drawn, timeline.told(made))


def draw(material: Material, directory: Path) -> list[Drawn]:
    """Draw what there is data for and write it as ``<name>.png`` into ``directory``.

    Raises:
        OSError: the directory cannot be written.
    """
    directory.mkdir(exist_ok=True)
    drawn = []
    with mpl.rc_context(STYLE):
        for kind in KINDS:
            png = directory / f"{kind.name}.png"
            data = kind.take(material)
            if data is None:
                png.unlink(missing_ok=True)
                continue
            svg = save(kind.draw(data), png)
            drawn.append(Drawn(kind.name, kind.caption_of(data), svg, kind.told(data)))
    return drawn
