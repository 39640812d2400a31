"""``lwm2m-fleet reproduce``: one device of a recorded run once more, message by message."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.markup import escape

from simulator.cli.failure import CRITERION_FAILED, ENVIRONMENT, HOLDS, INTERRUPTED, USAGE, CommandFailedError
from simulator.cli.identities import Identities
from simulator.cli.recorded import Recorded, ends_of, read_recorded
from simulator.cli.replay import Replay, Taps
from simulator.cli.replay_stage import Material, SocketStage, VirtualStage
from simulator.cli.timeline import Timeline
from simulator.network.capture import Capture
from simulator.network.pcap import PcapWriter
from simulator.operator.driver import DriverError
from simulator.scenario import is_public
from simulator.scenario.server import EmbeddedServer, LeshanDemo, StartedServer
from simulator.security.credentials import CredentialError
from simulator.security.keylog import KeyLog
from simulator.transport.loop import run as run_on_sockets
from simulator.transport.virtual import run_virtual

if TYPE_CHECKING:
    from typing import BinaryIO, TextIO

    from rich.console import Console

    from simulator.cli.recorded import Ends
    from simulator.cli.replay_stage import Stage
    from simulator.scenario.server import Server

TIMELINE: Final = "timeline.txt"
EVENTS: Final = "events.jsonl"
FIGURE: Final = "timeline"


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for."""

    run: Path
    device: str
    server: str | None = None
    url: str | None = None
    virtual: bool = False
    out: Path | None = None
    pcap: Path | None = None
    keylog: Path | None = None
    allow_public_target: bool = False


class Outputs:
    """Where a replay goes, closed with ``stack``.

    Raises:
        CommandFailedError: a file cannot be made.
    """

    def __init__(self, options: Options, console: Console, stack: ExitStack) -> None:
        self._console = console
        self.error: OSError | None = None
        """Why a line could not be written."""
        if options.out is not None:
            self.work = _empty_directory(options.out)
        else:
            self.work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lwm2m-fleet-")))
        try:
            self._text: TextIO = stack.enter_context((self.work / TIMELINE).open("w", encoding="utf-8"))
            self.pcap: BinaryIO | None = None
            if options.pcap is not None:
                self.pcap = stack.enter_context(options.pcap.open("wb"))
            self.keylog = KeyLog(options.keylog) if options.keylog is not None else None
        except OSError as error:
            hint = "; it would hold the keys of two replays" if isinstance(error, FileExistsError) else ""
            msg = f"{error.filename}: {error.strerror}{hint}"
            raise CommandFailedError(msg, USAGE) from None
        if self.keylog is not None:
            stack.callback(self.keylog.close)

    def show(self, line: str) -> None:
        """Take a line of the timeline. Never raises: the device must not notice."""
        try:
            self._text.write(line + "\n")
        except OSError as error:
            self.error = self.error or error
        self._console.print(escape(line), soft_wrap=True)


def reproduce(options: Options, console: Console) -> int:
    """Replay a device and say whether its update ended as in the run; the exit code.

    Raises:
        CommandFailedError: there is no such run or device, or what it takes cannot be had.
    """
    recorded = read_recorded(options.run, options.device)
    recorded = replace(recorded, scenario=replace(recorded.scenario, server=_server(recorded, options)))
    _check_target(recorded, options)
    try:
        return _reproduce(recorded, options, console)
    except KeyboardInterrupt:
        console.print("[bold yellow]Stopped by the user.[/]")
        return INTERRUPTED
    except (DriverError, CredentialError) as error:
        raise CommandFailedError(str(error), ENVIRONMENT) from None
    except OSError as error:
        msg = f"{error.filename or 'what the replay writes'}: {error.strerror or error}"
        raise CommandFailedError(msg, ENVIRONMENT) from None


def _reproduce(recorded: Recorded, options: Options, console: Console) -> int:
    with ExitStack() as stack:
        outputs = Outputs(options, console, stack)
        identities = Identities(recorded.scenario, recorded.population.entropy.seed)
        stack.callback(identities.remove)
        where = "in virtual time" if options.virtual else f"server {recorded.scenario.server.kind}"
        seed = recorded.population.entropy.seed
        console.print(f"[bold]{escape(recorded.plan.endpoint)}[/]: {where}, seed [bold]{seed}[/]", soft_wrap=True)
        timeline = _replay(recorded, options, outputs, identities)
        (outputs.work / EVENTS).write_bytes(timeline.log.to_bytes())
        if options.out is not None:
            _draw(timeline, recorded.plan.index, options.out)
        if outputs.keylog is not None and outputs.keylog.written:
            name = escape(str(options.keylog))
            console.print(
                f"[bold yellow]{name} holds the keys of the connections above: whoever has it can read them.[/]",
                soft_wrap=True,
            )
        return _compare(recorded.ends, ends_of(timeline.log.events, recorded.plan.index), console)


def _draw(timeline: Timeline, device: int, directory: Path) -> None:
    from reports.figures import draw_timeline
    from reports.timeline import Message
    from reports.timeline import timeline as put_together

    messages = [Message(*one) for one in timeline.traffic]
    made = put_together(timeline.log.events, device, messages)
    if made is not None:
        draw_timeline(made, directory / f"{FIGURE}.svg", directory / f"{FIGURE}.png")


def _replay(recorded: Recorded, options: Options, outputs: Outputs, identities: Identities) -> Timeline:
    identity_dir = identities.write(recorded.population)
    packages = recorded.packages(outputs.work)
    bodies = {path: path.read_bytes() for path in sorted(packages.directory.iterdir())}
    material = Material(recorded, bodies, Path(identity_dir) if identity_dir else None)

    async def work() -> Timeline:
        stage: Stage
        stage = VirtualStage(material) if options.virtual else SocketStage(material, outputs.show)
        now, unix_start = stage.clock.now, stage.unix_start
        timeline = Timeline(now, outputs.show)
        capture = Capture(PcapWriter(outputs.pcap), lambda: unix_start + now()) if outputs.pcap is not None else None
        taps = Taps(timeline, None if capture is None else capture.watch, outputs.keylog)
        await Replay(recorded, stage, taps, packages, outputs.work, identity_dir).run()
        error = outputs.error or (capture.error if capture is not None else None)
        if error is not None:
            raise error
        return timeline

    return run_virtual(work()) if options.virtual else run_on_sockets(work())


def _server(recorded: Recorded, options: Options) -> Server:
    """The server that is to be replayed against.

    Raises:
        CommandFailedError: the options contradict each other, or the run.
    """
    server = recorded.scenario.server
    kind = options.server or ("leshan-demo" if options.url is not None else None)
    if options.url is not None and kind != "leshan-demo":
        msg = f"--url is for --server leshan-demo, not {kind}"
        raise CommandFailedError(msg, USAGE)
    if options.virtual:
        if kind not in (None, "embedded"):
            msg = f"--virtual is with the embedded server, not {kind}"
            raise CommandFailedError(msg, USAGE)
        return server if isinstance(server, EmbeddedServer) else EmbeddedServer()
    if kind is None or (kind == server.kind and options.url is None):
        return server
    if kind == "external":
        msg = f"the run had the server {server.kind}, so that nobody knows where an external one is"
        raise CommandFailedError(msg, USAGE)
    if kind == "leshan-demo":
        return LeshanDemo.model_validate({"kind": kind, "url": options.url})
    return StartedServer.model_validate({"kind": kind})


def _check_target(recorded: Recorded, options: Options) -> None:
    public = [host for host in recorded.scenario.target_hosts if is_public(host)]
    if public and not options.allow_public_target:
        msg = f"the target {public[0]} is outside loopback and private ranges: add --allow-public-target"
        raise CommandFailedError(msg, USAGE)


def _empty_directory(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True)
        if any(path.iterdir()):
            msg = f"{path} is not empty; name another directory"
            raise CommandFailedError(msg, USAGE)
    except OSError as error:
        msg = f"{path}: {error.strerror}"
        raise CommandFailedError(msg, USAGE) from None
    return path


def _compare(run: Ends, here: Ends, console: Console) -> int:
    """Say how both ended; the exit code."""
    same = True
    known = False
    for side in ("device", "server"):
        before, now = getattr(run, side), getattr(here, side)
        console.print(escape(f"{side + ' in the run':>18}: {before or 'not known'}"), soft_wrap=True)
        console.print(escape(f"{side + ' here':>18}: {now or 'not known'}"), soft_wrap=True)
        if before is not None:
            known = True
            same = same and before == now
    if not known:
        console.print("[bold yellow]The run has not recorded how this device ended.[/]")
        return CRITERION_FAILED
    verdict = "[bold green]The end is the same as in the run.[/]" if same else "[bold red]The end is another one.[/]"
    console.print(verdict)
    return HOLDS if same else CRITERION_FAILED
