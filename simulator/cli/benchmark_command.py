"""The command line of ``lwm2m-fleet benchmark``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

DEFAULT_SEED: Final = 1
SERVERS: Final = ("embedded", "leshan", "aiocoap")
"""Servers that a benchmark can start by itself, again and again."""


def benchmark(
    scenarios: Annotated[Path, typer.Argument(help="Directory of scenario files (TOML).", show_default=False)],
    out: Annotated[Path, typer.Option(help="Directory for the page, its figure and its data.")] = Path("benchmark"),
    runs: Annotated[
        Path, typer.Option(help="Directory for the runs. Those that are whole there are not made again.")
    ] = Path("runs/benchmark"),
    server: Annotated[
        list[str] | None, typer.Option(help=f"One of {', '.join(SERVERS)}; may be repeated. Default: embedded.")
    ] = None,
    repeat: Annotated[int, typer.Option(min=1, max=100, help="Repetitions of each scenario with each server.")] = 3,
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A scenario by the name of its file; may be repeated.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the order and of the runs.")] = DEFAULT_SEED,
) -> None:
    """Run all scenarios of a directory again and again in random order, and write one page of it."""
    from simulator.cli.app import output
    from simulator.cli.benchmark import Options, run_benchmark
    from simulator.cli.failure import USAGE, CommandFailedError

    wrong = [name for name in server or () if name not in SERVERS]
    if wrong:
        msg = f"--server {wrong[0]}: a benchmark can start {', '.join(SERVERS)}"
        raise CommandFailedError(msg, USAGE)
    options = Options(
        scenarios=scenarios,
        out=out,
        runs=runs,
        servers=tuple(dict.fromkeys(server or ("embedded",))),
        repeat=repeat,
        seed=seed,
        only=tuple(only or ()),
        command=("lwm2m-fleet", *sys.argv[1:]),
    )
    raise typer.Exit(run_benchmark(options, output))
