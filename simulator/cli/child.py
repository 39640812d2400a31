"""A process of a run as the command sees it: started, listened to, told what to do, stopped."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from simulator.recorder.manifest import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

LINE_MAX: Final = 1 << 24
STOP_TIMEOUT_S: Final = 60.0
"""How long a process may take to write its last part and end."""


class ChildError(Exception):
    """A process of the run could not do its work; the text is for the user."""


class Child:
    """One process of a run.

    Args:
        name: of the process in the records.
        role: ``fleet``, ``operator`` or ``origin``.
        module: the Python module that it runs.
        arguments: of the module.
        log: file for its standard error.
    """

    def __init__(self, name: str, role: str, module: str, arguments: Sequence[str], log: Path) -> None:
        self.name = name
        self.role = role
        self.status: dict[str, Any] = {}
        self.used: Usage | None = None
        self.failed: str = ""
        self.on_line: Callable[[dict[str, Any]], None] = lambda _line: None
        self._command = [sys.executable, "-m", module, *arguments]
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._lines: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._reader: asyncio.Task[None] | None = None
        self.ended = asyncio.Event()

    @property
    def pid(self) -> int:
        """Process id; -1 before the start."""
        return -1 if self._process is None else self._process.pid

    async def start(self) -> None:
        """Start the process.

        Raises:
            ChildError: the machine would not.
        """
        try:
            with self._log.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=log,
                    limit=LINE_MAX,
                    # Ctrl-C is for the command alone, which then stops its processes in order.
                    start_new_session=True,
                )
        except OSError as error:
            msg = f"{self.name} could not be started: {error}"
            raise ChildError(msg) from error
        self._reader = asyncio.get_running_loop().create_task(self._read())

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        while raw := await self._process.stdout.readline():
            with suppress(ValueError):
                self._take(json.loads(raw))
        await self._process.wait()
        self.ended.set()
        self._lines.put_nowait(None)

    def _take(self, line: dict[str, Any]) -> None:
        if line.get("status"):
            self.status = line["status"]
        if "failed" in line and not self.failed:
            self.failed = str(line["failed"])
        if line.get("ended"):
            self.used = Usage(self.name, self.role, float(line["cpu_s"]), int(line["rss_bytes"]))
        self.on_line(line)
        if set(line) != {"status"}:
            self._lines.put_nowait(line)

    async def tell(self, **command: Any) -> None:
        """Send a command; nothing where the process is gone."""
        if self._process is not None and self._process.stdin is not None:
            with suppress(ConnectionError):
                self._process.stdin.write(json.dumps(command).encode() + b"\n")
                await self._process.stdin.drain()

    async def expect(self, key: str) -> dict[str, Any]:
        """The next line that has ``key``.

        Raises:
            ChildError: the process failed or ended before.
        """
        while True:
            line = await self._lines.get()
            if line is None or "failed" in line:
                raise ChildError(self.failed or self._last_words())
            if key in line:
                return line

    def _last_words(self) -> str:
        text = ""
        with suppress(OSError):
            text = self._log.read_text(errors="replace").strip()
        last = text.splitlines()[-1] if text else "no message"
        return f"{self.name} ended unexpectedly: {last} (see {self._log})"

    async def stop(self) -> None:
        """Ask the process to end and wait for it; kill it if it does not."""
        if self._process is None:
            return
        await self.tell(do="stop")
        try:
            await asyncio.wait_for(self.ended.wait(), STOP_TIMEOUT_S)
        except TimeoutError:
            self._process.kill()
            await self.ended.wait()
            self.failed = self.failed or f"{self.name} did not stop within {STOP_TIMEOUT_S:.0f} s and was killed"
        if self._process.stdin is not None:
            self._process.stdin.close()
