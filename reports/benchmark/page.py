"""The page of a benchmark: Markdown, so that it is read where the repository is, beside its figure and its data."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Final

import matplotlib as mpl

from reports.benchmark.cells import Benchmark, Cell, middle
from reports.benchmark.draw import draw, label_of, order_of, package
from reports.figures.style import STYLE
from reports.units import NONE, counted, percent, rate, seconds, size

PAGE: Final = "README.md"
FIGURE: Final = "throughput"
DATA: Final = "data.json"
SCHEMA: Final = 1
DPI: Final = 110
HEADERS: Final = (
    "transport",
    "updates as declared",
    "throughput of a device",
    "slowest to fastest",
    "ceiling",
    "of it",
    "download, median",
    "overhead",
)


def write(benchmark: Benchmark, directory: Path) -> list[Path]:
    """Write the page, its figure (SVG and PNG) and its data; the files.

    Raises:
        OSError: one cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    page, data = directory / PAGE, directory / DATA
    written = [page, data]
    with mpl.rc_context(STYLE):
        figure = draw(benchmark.cells)
        if figure is not None:
            for ending, options in (("svg", {"metadata": {"Date": None}}), ("png", {"dpi": DPI})):
                path = directory / f"{FIGURE}.{ending}"
                figure.savefig(path, **options)
                written.append(path)
    data.write_text(json.dumps({"schema": SCHEMA, **asdict(benchmark)}, indent=1) + "\n", encoding="utf-8")
    page.write_text("\n".join(_page(benchmark, drawn=figure is not None)) + "\n", encoding="utf-8")
    return written


def _page(benchmark: Benchmark, *, drawn: bool) -> Iterator[str]:
    yield "# Benchmark"
    yield ""
    yield f"Made by `{shlex.join(benchmark.command)}`, {benchmark.started} to {benchmark.ended}. Nothing here is typed."
    yield ""
    if drawn:
        yield f"![Throughput of a device by transport, network and package]({FIGURE}.png)"
        yield ""
    yield from _setting(benchmark)
    for network, cells in groupby(benchmark.cells, key=lambda cell: (cell.network, cell.package_bytes)):
        yield from _table(f"{network[0]}, {package(network[1])}", list(cells))
    yield from _runs(benchmark)


def _setting(benchmark: Benchmark) -> Iterator[str]:
    machine, versions = benchmark.machine, benchmark.versions
    yield "## Where it was measured"
    yield ""
    cores, memory = counted(int(machine.get("cores", 0)), "core"), size(machine.get("memory_bytes"))
    yield f"- Machine: {machine.get('cpu', NONE)}, {cores}, {memory} of memory, {machine.get('network', NONE)}."
    yield f"- Versions: {', '.join(f'{name} {version}' for name, version in versions.items())}."
    yield f"- Servers: {', '.join(f'{name} ({title})' for name, title in benchmark.servers.items())}."
    yield f"- {counted(len(benchmark.repetitions), 'run')} in random order, seed {benchmark.seed}."
    yield ""
    yield (
        "Each transport carries one package to each device, over a network of known figures "
        "([what is modelled](../network-profiles.md)). *Throughput* is the payload of all transfers of a run over the "
        "sum of their durations; its *ceiling* is what network and transport allow on the average "
        "([how it is computed](../summary-schema.md)). Devices pull from the program's own package origin, whichever "
        "the server is; a push comes from the server itself."
    )
    yield ""
    if benchmark.notes:
        yield "Read this first:"
        yield ""
        yield from (f"- {note}" for note in benchmark.notes)
        yield ""


def _table(title: str, cells: Sequence[Cell]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    servers = list(dict.fromkeys(cell.server for cell in cells))
    for server in servers:
        if len(servers) > 1:
            yield f"### {title}, {server}"
            yield ""
        yield f"| {' | '.join(HEADERS)} |"
        yield "| --- |" + " --: |" * (len(HEADERS) - 1)
        own = [cell for cell in cells if cell.server == server]
        yield from (_row(cell) for cell in sorted(own, key=lambda cell: order_of(label_of(cell))))
        yield ""


def _row(cell: Cell) -> str:
    values = cell.bytes_per_s
    figures = [
        label_of(cell),
        f"{cell.ok:,} of {cell.devices:,}",
        rate(cell.median_bytes_per_s),
        f"{rate(min(values))} to {rate(max(values))}" if values else NONE,
        rate(cell.ceiling_bytes_per_s),
        percent(cell.of_ceiling),
        seconds(middle(cell.download_s)),
        percent(middle(cell.overhead)),
    ]
    return f"| {' | '.join(figures)} |"


def _runs(benchmark: Benchmark) -> Iterator[str]:
    yield "## Runs"
    yield ""
    yield "| order | scenario | server | repetition | beside it, at most |"
    yield "| --: | --- | --- | --: | --: |"
    for one in benchmark.repetitions:
        yield f"| {one.order} | {one.scenario} | {one.server} | {one.number} | {one.beside} |"
    yield ""
    yield f"All values, each repetition's own: [{DATA}]({DATA})."
