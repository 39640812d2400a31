"""A process of a run as the command sees it: started, listened to, told what to do, stopped."""

from __future__ import annotations

import asyncio
import json
import os
import signal
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
LAST_BYTES: Final = 8192
"""How much of the end of a log is searched for its last line."""
DRAIN_S: Final = 2.0
"""How long a command may take to reach a process, and its last words to reach us."""


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
        self.ended = asyncio.Event()
        self.on_line: Callable[[dict[str, Any]], None] = lambda _line: None
        self._command = [sys.executable, "-P", "-m", module, *arguments]
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._ready: dict[str, Any] | None = None
        self._told = asyncio.Event()
        """Set when ``ready`` has something to say: the line, a failure, or the end."""
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def pid(self) -> int:
        """Process id; -1 before the start."""
        return -1 if self._process is None else self._process.pid

    # -- what it says ----------------------------------------------------------------------------------------------

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
        reading = asyncio.create_task(self._read(self._process))
        self._tasks = [reading, asyncio.create_task(self._wait(self._process, reading))]

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while True:
            try:
                raw = await process.stdout.readline()
            except ValueError:  # longer than LINE_MAX; what was read of it is dropped
                continue
            if not raw:
                return
            try:
                line = json.loads(raw)
            except (ValueError, RecursionError):
                continue
            if isinstance(line, dict):
                with suppress(KeyError, ValueError, TypeError):
                    self._take(line)

    async def _wait(self, process: asyncio.subprocess.Process, reading: asyncio.Task[None]) -> None:
        """See the end of the process, even where a process of its own still holds its output open."""
        # asyncio's wait() returns when the pipes are closed, too; that may be never.
        closing = asyncio.create_task(process.wait())
        await _exit_of(process.pid)
        await asyncio.wait({reading, closing}, timeout=DRAIN_S)
        self.ended.set()
        self._told.set()
        await asyncio.wait({reading, closing})

    def _take(self, line: dict[str, Any]) -> None:
        status = line.get("status")
        if isinstance(status, dict):
            self.status = status
        if "failed" in line:
            self.failed = self.failed or str(line["failed"]) or f"{self.name} failed"
            self._told.set()
        if line.get("ready") and self._ready is None:
            self._ready = line
            self._told.set()
        if line.get("ended"):
            self.used = Usage(self.name, self.role, float(line["cpu_s"]), int(line["rss_bytes"]))
        self.on_line(line)

    async def ready(self) -> dict[str, Any]:
        """The line with which the process said that it is ready.

        Raises:
            ChildError: it failed or ended before.
        """
        await self._told.wait()
        if self.failed or self._ready is None:
            raise ChildError(self.failed or self.last_words())
        return self._ready

    def last_words(self) -> str:
        """How the process ended and the last line of its log, for a message to the user."""
        text = b""
        with suppress(OSError), self._log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - LAST_BYTES))
            text = log.read().strip()
        last = text.splitlines()[-1].decode("utf-8", "replace").strip() if text else "no message"
        code = None if self._process is None else self._process.returncode
        how = "" if code is None else f" with exit code {code}" if code >= 0 else f", killed by signal {-code}"
        return f"{self.name} ended unexpectedly{how}: {last} (see {self._log})"

    # -- what it is told -------------------------------------------------------------------------------------------

    async def tell(self, **command: Any) -> None:
        """Send a command; nothing where the process is gone or listens no more."""
        if self._process is None or self._process.stdin is None or self._process.stdin.is_closing():
            return
        with suppress(OSError, TimeoutError):
            self._process.stdin.write(json.dumps(command).encode() + b"\n")
            await asyncio.wait_for(self._process.stdin.drain(), DRAIN_S)

    async def stop(self, hurry: asyncio.Event) -> None:
        """Ask the process to end and wait for it; kill it if it does not, or when ``hurry`` is set."""
        if self._process is None:
            return
        await self.tell(do="stop")
        if self._process.stdin is not None:
            # The end of its input means the same, should the line have been lost.
            self._process.stdin.close()
        waits = [asyncio.ensure_future(event.wait()) for event in (self.ended, hurry)]
        await asyncio.wait(waits, timeout=STOP_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if not self.ended.is_set():
            why = "was killed" if hurry.is_set() else f"did not stop within {STOP_TIMEOUT_S:.0f} s and was killed"
            self.failed = self.failed or f"{self.name} {why}"
            self._kill()
            await self.ended.wait()
        if not self._tasks[0].done():
            # Its output is still open: something that it started has outlived it.
            self._kill()
        await asyncio.wait(self._tasks, timeout=DRAIN_S)

    def _kill(self) -> None:
        """Kill the process with all that it started: it leads a group of its own."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)


async def _exit_of(pid: int) -> None:
    """Wait until a child process has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
