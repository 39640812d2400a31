"""Which driver for which server under test."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from simulator.operator.driver import Driver, OnEvent, ServerAddress, ServerStartError
from simulator.operator.job import ServerChoice
from simulator.operator.json_lines import JsonLinesDriver
from simulator.operator.prepare import prepared
from simulator.servers.leshan.launcher import ensure_launcher, launcher_command

MODULES: Final = {"embedded": "simulator.servers.embedded", "aiocoap": "simulator.servers.aiocoap_reference"}
"""Servers that are modules of this project."""


def driver_for(choice: ServerChoice, progress: Callable[[str], None]) -> Driver:
    """The driver of a server; nothing is built, fetched or started before its ``start``.

    Args:
        choice: which server, and where.
        progress: is told, on the event loop, what takes long while the driver starts.

    Raises:
        ServerStartError: there is no such kind of server.
    """
    if choice.kind in MODULES:
        command = [sys.executable, "-P", "-m", MODULES[choice.kind], "--host", choice.host, "--port", str(choice.port)]
        command += ["--identity-dir", choice.identity_dir] if choice.identity_dir else []
        command += ["--chaos", choice.chaos] if choice.chaos else []
        return JsonLinesDriver(command, choice.kind, Path(choice.work) / "server.log")
    if choice.kind == "leshan":
        return LeshanDriver(choice, progress)
    if choice.kind == "leshan-demo":
        # Its web client is a tenth of a second of CPU that no other server needs.
        from simulator.operator.leshan_demo import LeshanDemoDriver  # noqa: PLC0415

        log_file = Path(choice.work) / "server.log"
        return LeshanDemoDriver(
            choice.url or None,
            log_file,
            progress,
            host=choice.host,
            port=choice.port,
            block_size=choice.block_size,
            identity_dir=choice.identity_dir,
        )
    msg = f"there is no driver for a server of the kind {choice.kind!r}"
    raise ServerStartError(msg)


class LeshanDriver(JsonLinesDriver):
    """Drives Leshan's library, whose launcher is built first where it must be."""

    def __init__(self, choice: ServerChoice, progress: Callable[[str], None]) -> None:
        super().__init__([], choice.kind, Path(choice.work) / "server.log")
        self._choice = choice
        self._progress = progress

    async def start(self, on_event: OnEvent) -> ServerAddress:
        """Build the launcher if need be, start it, and wait until it is ready.

        Raises:
            ServerStartError: Java or Maven is missing, the build failed, or the server did not start.
        """
        self._command = list(await prepared(self._prepare, self._progress))
        return await super().start(on_event)

    def _prepare(self, progress: Callable[[str], None]) -> Sequence[str]:
        choice = self._choice
        jar = ensure_launcher(progress)
        return launcher_command(
            jar, host=choice.host, port=choice.port, block_size=choice.block_size, identity_dir=choice.identity_dir
        )
