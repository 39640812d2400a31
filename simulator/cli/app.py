"""The commands and their options. What a command does is in the module of its name.

Exit codes: 0 all criteria hold; 1 a criterion does not; 2 bad scenario or arguments; 3 the environment failed; 130
stopped by Ctrl-C.
"""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape

from simulator import __version__
from simulator.cli.benchmark_command import benchmark
from simulator.cli.by_hand import device, package
from simulator.cli.collect import collect
from simulator.cli.compare import compare
from simulator.cli.failure import CommandFailedError
from simulator.cli.growth import growth

NAME: Final = "lwm2m-fleet"

app = typer.Typer(
    name=NAME,
    help="Load testing and failure testing of firmware updates over LwM2M.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

WIDTH_OF_FILES: Final = 160
"""Tables that go to a file or a pipe need not fit a terminal."""


class Output(Console):
    """A console that falls silent when nobody reads it any more: a run goes on and is recorded to its end."""

    def on_broken_pipe(self) -> None:
        """Write no more, and nothing of what is left when the interpreter ends."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


output: Final = Output(highlight=False, width=None if sys.stdout.isatty() else WIDTH_OF_FILES)
errors: Final = Output(stderr=True, highlight=False)


class ServerKind(StrEnum):
    """The servers under test."""

    embedded = "embedded"
    leshan = "leshan"
    leshan_demo = "leshan-demo"
    aiocoap = "aiocoap"
    external = "external"


class Scheme(StrEnum):
    """The transports of a matrix."""

    coap = "coap"
    coaps = "coaps"
    coap_tcp = "coap+tcp"
    coaps_tcp = "coaps+tcp"
    http = "http"
    https = "https"


class Delivery(StrEnum):
    """How a package comes."""

    pull = "pull"
    push = "push"


class LocustMode(StrEnum):
    """How Locust runs."""

    page = "page"
    headless = "headless"


class ListFormat(StrEnum):
    """Forms of the list of devices."""

    csv = "csv"
    json = "json"


ScenarioFile = Annotated[Path, typer.Argument(help="Scenario file (TOML).", show_default=False)]
Devices = Annotated[int | None, typer.Option(min=1, help="Scale the groups to so many devices in all.")]
Seed = Annotated[int | None, typer.Option(min=0, max=2**63 - 1, help="Seed of everything that is drawn.")]
Set = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one key of the scenario.")]


def _version(wanted: bool) -> None:
    if wanted:
        output.print(f"{NAME} {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del version


@app.command()
def run(
    scenario: ScenarioFile,
    devices: Devices = None,
    seed: Seed = None,
    processes: Annotated[int, typer.Option(min=1, max=256, help="Fleet processes, each a slice of the plan.")] = 1,
    server: Annotated[ServerKind | None, typer.Option(help="The server under test.")] = None,
    url: Annotated[str | None, typer.Option(help="A Leshan demo server that already runs.")] = None,
    out: Annotated[Path | None, typer.Option(help="Run directory; must not exist or be empty.")] = None,
    set_: Set = None,
    metrics: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port at which Prometheus is answered, on loopback.")
    ] = None,
    locust: Annotated[
        LocustMode | None,
        typer.Option(help="Let Locust drive the run, with its page or without; one worker a process."),
    ] = None,
    allow_public_target: Annotated[
        bool, typer.Option("--allow-public-target", help="Allow a target outside loopback and private ranges.")
    ] = False,
) -> None:
    """Run a scenario, then report it."""
    from simulator.cli.run import Options, run_scenario

    options = Options(
        scenario=scenario,
        devices=devices,
        seed=seed,
        processes=processes,
        server=None if server is None else server.value,
        url=url,
        out=out,
        overrides=tuple(set_ or ()),
        allow_public_target=allow_public_target,
        # The name of the command, and not where it is installed: it can then be typed again anywhere.
        command=("lwm2m-fleet", *sys.argv[1:]),
        metrics=metrics or 0,
    )
    if locust is not None:
        from simulator.cli.under_locust import run_under_locust

        run_under_locust(options, locust.value)
    raise typer.Exit(run_scenario(options, output))


@app.command()
def matrix(
    server: Annotated[ServerKind | None, typer.Option(help="The server under test; embedded by default.")] = None,
    url: Annotated[str | None, typer.Option(help="A Leshan demo server that already runs.")] = None,
    out: Annotated[Path | None, typer.Option(help="Directory for all of it; must not exist or be empty.")] = None,
    seed: Seed = None,
    devices_per_cell: Annotated[int, typer.Option(min=1, max=1000, help="Devices in each cell.")] = 1,
    result: Annotated[
        list[int] | None, typer.Option(min=0, max=11, help="An Update Result; may be repeated. Default: all.")
    ] = None,
    kind: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A row, or a kind of fault; may be repeated.")
    ] = None,
    transport: Annotated[list[Scheme] | None, typer.Option(help="A transport; may be repeated.")] = None,
    delivery: Annotated[list[Delivery] | None, typer.Option(help="Pull or push alone.")] = None,
    set_: Set = None,
    list_: Annotated[bool, typer.Option("--list", help="Show what would be run, and run nothing.")] = False,
    allow_public_target: Annotated[
        bool, typer.Option("--allow-public-target", help="Allow a target outside loopback and private ranges.")
    ] = False,
) -> None:
    """Every failure over every transport, by pull and push: how does a server handle failed updates?"""
    from simulator.cli.matrix import Options, run_matrix
    from simulator.cli.matrix_plan import Selection

    selection = Selection(
        results=tuple(result or ()),
        kinds=tuple(kind or ()),
        transports=tuple(each.value for each in transport or ()),
        deliveries=tuple(each.value for each in delivery or ()),
    )
    default = ServerKind.embedded if url is None else ServerKind.leshan_demo
    options = Options(
        server=(server or default).value,
        url=url,
        out=out,
        seed=seed,
        devices_per_cell=devices_per_cell,
        selection=selection,
        overrides=tuple(set_ or ()),
        list_only=list_,
        allow_public_target=allow_public_target,
        command=("lwm2m-fleet", *sys.argv[1:]),
    )
    raise typer.Exit(run_matrix(options, output))


@app.command()
def report(
    run_directory: Annotated[Path, typer.Argument(help="Directory of a run.", show_default=False)],
    format_: Annotated[str, typer.Option("--format", help="Some of html,md,csv,json,junit,xlsx.")] = "html,json,csv",
    out: Annotated[Path | None, typer.Option(help="Directory to write to; that of the run by default.")] = None,
    device: Annotated[list[str] | None, typer.Option(metavar="ENDPOINT", help="One to show; may be repeated.")] = None,
) -> None:
    """Write the report of a run again, in one or several formats, and say whether its criteria hold."""
    from simulator.cli.report import report_run

    raise typer.Exit(report_run(run_directory, output, format_, out, tuple(device or ())))


@app.command()
def devices(
    scenario: ScenarioFile,
    count: Annotated[int | None, typer.Option("--devices", min=1, help="Scale the groups.")] = None,
    seed: Seed = None,
    set_: Set = None,
    format_: Annotated[ListFormat, typer.Option("--format", help="Form of the list.")] = ListFormat.csv,
    out: Annotated[Path | None, typer.Option(help="File to write; standard output by default.")] = None,
    keys: Annotated[
        Path | None, typer.Option(help="File for the keys of the devices: CSV, or JSON by its name. Needs a seed.")
    ] = None,
    ca: Annotated[
        Path | None, typer.Option(help="File for the certificate of the CA that signs the devices'. Needs a seed.")
    ] = None,
) -> None:
    """List the devices of a scenario, for bulk import into a server."""
    from simulator.cli.devices import list_devices

    list_devices(scenario, count, seed, tuple(set_ or ()), format_.value, out, errors, keys=keys, ca=ca)


@app.command()
def reproduce(
    run_directory: Annotated[Path, typer.Argument(metavar="RUN", help="Directory of a run.", show_default=False)],
    device: Annotated[str, typer.Option(help="Endpoint Client Name of the device.", show_default=False)],
    server: Annotated[
        ServerKind | None, typer.Option(help="The server under test; that of the run by default.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="A Leshan demo server that already runs.")] = None,
    virtual: Annotated[
        bool,
        typer.Option("--virtual", help="In virtual time, with the embedded server: the same to the byte each time."),
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Directory for the timeline, the events and logs.")] = None,
    pcap: Annotated[Path | None, typer.Option(help="Capture file for Wireshark.")] = None,
    keylog: Annotated[
        Path | None, typer.Option(help="File for the keys of the connections, which decrypt the capture. Keep it safe.")
    ] = None,
    allow_public_target: Annotated[
        bool, typer.Option("--allow-public-target", help="Allow a target outside loopback and private ranges.")
    ] = False,
) -> None:
    """Replay one device of a run: its messages, states and faults, and whether it ends as in the run."""
    from simulator.cli.reproduce import Options, reproduce

    kind = None if server is None else server.value
    options = Options(run_directory, device, kind, url, virtual, out, pcap, keylog, allow_public_target)
    raise typer.Exit(reproduce(options, output))


@app.command()
def schema(
    out: Annotated[Path | None, typer.Option(help="File to write; standard output by default.")] = None,
) -> None:
    """Write the JSON Schema of a scenario, for editors."""
    from simulator.cli.devices import write_schema

    write_schema(out)


for _command in (benchmark, collect, compare, growth, device, package):
    app.command()(_command)


@app.command()
def doctor() -> None:
    """Check this machine: open files, ports, Java, Maven, Debian packages - and say what to do."""
    from simulator.cli.doctor import examine

    raise typer.Exit(examine(output))


def main() -> None:
    """Entry point of the command; errors become one message and an exit code."""
    try:
        app(prog_name=NAME)
    except CommandFailedError as error:
        errors.print(f"[bold red]{NAME}:[/] {escape(str(error))}", soft_wrap=True)
        sys.exit(error.code)
