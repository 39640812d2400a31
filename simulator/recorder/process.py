"""A process of a run: its clock, its recorder, its health, and its line to the command that started it.

Commands come as lines of JSON on standard input, what is to be told goes out as lines of JSON on standard output, and
the end of input means: stop. So a process never outlives the command, however that ended.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from simulator.recorder.health import HealthSampler
from simulator.recorder.recorder import Recorder, describe

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

TICK_S: Final = 0.05
"""Period of the timer by which the lag of the event loop is measured."""

LINE_MAX: Final = 1 << 24

EXIT_ENVIRONMENT: Final = 3


class RunProcess:
    """The frame of one process.

    Args:
        directory: the run directory.
        name: of this process in the records, such as ``fleet-0``.
        t0: what the monotonic clock of the machine said at the start of the run, the same for all processes.
    """

    def __init__(self, directory: Path, name: str, t0: float) -> None:
        self.name = name
        self.t0 = t0
        self.sampler = HealthSampler(name)
        self.recorder = Recorder(directory, name, self.now)
        self.devices: Callable[[], int] = lambda: 0
        self.status: Callable[[], dict[str, Any]] = dict
        self.stopping = asyncio.Event()
        self._commands: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    def now(self) -> float:
        """Seconds since the start of the run."""
        return time.monotonic() - self.t0

    def emit(self, event: Any) -> None:
        """Record an event."""
        self.recorder.emit(event)

    def tell(self, **line: Any) -> None:
        """Say something to the command that started this process."""
        with suppress(BrokenPipeError, ValueError):
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()

    async def start(self) -> None:
        """Listen for commands, measure and record from now on."""
        # Ctrl-C reaches the whole foreground group; the command decides what it means for this process.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._listen()), loop.create_task(self._tick())]

    def watch(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something until this process closes."""
        self._tasks.append(asyncio.get_running_loop().create_task(work))

    async def command(self) -> dict[str, Any] | None:
        """The next command, or None when the process is to stop."""
        get = asyncio.ensure_future(self._commands.get())
        stop = asyncio.ensure_future(self.stopping.wait())
        done, pending = await asyncio.wait({get, stop}, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        return get.result() if get in done else None

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=LINE_MAX)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            with suppress(ValueError):
                command = json.loads(line)
                if command.get("do") == "stop":
                    break
                self._commands.put_nowait(command)
        self.stopping.set()

    async def _tick(self) -> None:
        sampled = 0.0
        while True:
            expected = self.now() + TICK_S
            await asyncio.sleep(TICK_S)
            now = self.now()
            self.sampler.tick(now, expected)
            if now - sampled < 1.0:
                continue
            sampled = now
            self.recorder.emit(self.sampler.sample(now, self.devices()))
            self.recorder.poll(now)
            status = self.status()
            if status:
                self.tell(status=status)
            if self.recorder.error is not None:
                self.tell(failed=f"the run directory cannot be written: {describe(self.recorder.error)}")
                self.stopping.set()

    async def close(self) -> None:
        """Write what is left and say what was used."""
        for task in self._tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*self._tasks)
        sample = self.sampler.sample(self.now(), self.devices())
        self.recorder.emit(sample)
        self.recorder.close(timeout_s=30)
        self.tell(ended=True, cpu_s=sample.cpu_s, rss_bytes=sample.rss_bytes, status=self.status())
