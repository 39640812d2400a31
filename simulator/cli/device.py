"""``lwm2m-fleet device``: one virtual device in the foreground, driven by hand."""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import signal
import stat
import sys
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import PydanticCustomError
from rich.markup import escape

from simulator.api import SettingsError, StateError, VirtualDevice, psk_from_file, psk_of
from simulator.api.life import DeviceLife
from simulator.cli.device_commands import DeviceCommands
from simulator.cli.device_lines import DeviceLines
from simulator.cli.failure import ENVIRONMENT, HOLDS, INTERRUPTED, USAGE, CommandFailedError
from simulator.recorder.pipes import Pipes
from simulator.scenario.overrides import apply_overrides
from simulator.scenario.units import SIZE
from simulator.transport.loop import run

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from rich.console import Console

    from simulator.security.credentials import Psk

NO_SERVER: Final = "no server has taken its Register"


@dataclass(frozen=True, slots=True)
class DeviceOptions:
    """What the user asked for; what is None was not said."""

    server: str
    endpoint: str
    psk_identity: str | None = None
    psk_key: str | None = field(default=None, repr=False)
    psk_key_file: Path | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    """Arguments of ``VirtualDevice`` that are said."""
    overrides: tuple[str, ...] = ()
    as_json: bool = False


def said(*, protocols: str | None, package_size: str | None, **options: Any) -> dict[str, Any]:
    """The arguments of ``VirtualDevice`` that options give; those that were not said are left out.

    Raises:
        CommandFailedError: the size is none.
    """
    found = {name: value for name, value in options.items() if value is not None}
    if protocols is not None:
        found["protocols"] = [name.strip() for name in protocols.split(",") if name.strip()]
    if package_size is not None:
        try:
            found["package_size"] = int(SIZE.parse(package_size))
        except PydanticCustomError as error:
            msg = f"--package-size: {error.message()}"
            raise CommandFailedError(msg, USAGE) from None
    return found


def make_device(options: DeviceOptions) -> VirtualDevice:
    """The device, switched off.

    Raises:
        CommandFailedError: the options are wrong; the text has all that is.
    """
    more: dict[str, Any] = {}
    _, problems = apply_overrides(more, options.overrides)
    try:
        if problems:
            raise SettingsError([f"--set {problem.key}: {problem.message}; {problem.mend}" for problem in problems])
        twice = sorted(more.keys() & _ARGUMENTS)
        if twice:
            raise SettingsError([f"--set {name}: not a key of a group; see the options" for name in twice])
        return VirtualDevice(
            options.server, endpoint=options.endpoint, psk=_psk(options), **{**more, **options.settings}
        )
    except SettingsError as error:
        lines = "\n".join(f"  {problem}" for problem in error.problems)
        msg = f"the device cannot be had like this:\n{lines}"
        raise CommandFailedError(msg, USAGE) from None


_ARGUMENTS: Final = frozenset(inspect.signature(DeviceLife).parameters)
"""Arguments of ``VirtualDevice`` that are no keys of a group."""


def _psk(options: DeviceOptions) -> Psk | None:
    keys = [source for source in (options.psk_key, options.psk_key_file) if source is not None]
    if len(keys) > 1:
        raise SettingsError(["--psk-key and --psk-key-file exclude each other; the file is the safer one"])
    if not keys:
        if options.psk_identity is not None:
            raise SettingsError(["--psk-identity has no key; add --psk-key-file FILE"])
        return None
    identity = options.psk_identity if options.psk_identity is not None else options.endpoint
    if options.psk_key_file is not None:
        return psk_from_file(identity, options.psk_key_file)
    return psk_of(identity, options.psk_key or "", "--psk-key")


async def _live(options: DeviceOptions, device: VirtualDevice, lines: DeviceLines) -> int:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stopped.set)
    device.timeline.listen(lines.entry)
    try:
        await device.start()
    except OSError as error:
        msg = f"{options.server}: {error.strerror or error}"
        raise CommandFailedError(msg, ENVIRONMENT) from None
    commands = DeviceCommands(device, lines)
    reading = loop.create_task(_read(commands))
    stopping = loop.create_task(stopped.wait())
    try:
        await asyncio.wait({reading, stopping}, return_when=asyncio.FIRST_COMPLETED)
        interrupted = stopped.is_set()
        stopped.clear()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await commands.close()
    finally:
        await _leave(device, stopped)
        stopping.cancel()
    if interrupted:
        return INTERRUPTED
    if not device.was_registered:
        lines.say(NO_SERVER, error=True)
        return ENVIRONMENT
    return HOLDS


async def _leave(device: VirtualDevice, stopped: asyncio.Event) -> None:
    """Switch the device off; a second Ctrl-C does not wait for the De-register."""
    leaving = asyncio.ensure_future(device.stop())
    again = asyncio.ensure_future(stopped.wait())
    await asyncio.wait({leaving, again}, return_when=asyncio.FIRST_COMPLETED)
    leaving.cancel()
    again.cancel()
    await asyncio.gather(leaving, again, return_exceptions=True)


async def _read(commands: DeviceCommands) -> None:
    async with aclosing(_lines()) as found:
        async for line in found:
            if not await commands.take(line.decode("utf-8", "replace")):
                return


async def _lines() -> AsyncGenerator[bytes, None]:
    """The lines of standard input. Without any, as in the background, they never end: a signal ends the device."""
    try:
        number = sys.stdin.fileno()
        mode = os.fstat(number).st_mode
    except (OSError, ValueError, AttributeError):
        mode = stat.S_IFCHR
        number = -1
    if stat.S_ISREG(mode):
        # A whole script; an event loop cannot wait for a file.
        for line in sys.stdin.buffer.read().splitlines():
            yield line
    elif stat.S_ISCHR(mode) and not (number >= 0 and os.isatty(number)):
        await asyncio.Event().wait()
    else:
        async with aclosing(Pipes().lines()) as found:
            async for line in found:
                yield line


def run_device(options: DeviceOptions, console: Console) -> int:
    """Run a device until the user ends it, and give the exit code.

    Raises:
        CommandFailedError: the options are wrong, or the device cannot be started.
    """
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    device = make_device(options)
    lines = DeviceLines(console, as_json=options.as_json)
    if not options.as_json:
        plan = device.plan
        console.print(
            f"[bold]{escape(plan.endpoint)}[/] at {escape(options.server)}: LwM2M {plan.lwm2m}, profile "
            f"{' + '.join((plan.profile, *plan.switches))}, pulls over {', '.join(plan.protocols)}, "
            f"seed {device.seed}. `help` lists the commands.",
            soft_wrap=True,
        )
    try:
        return run(_live(options, device, lines))
    except (SettingsError, StateError) as error:
        raise CommandFailedError(str(error), USAGE) from None
