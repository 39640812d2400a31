"""A process of a run: its clock, its recorder, its health, and its line to the command that started it.

Commands come as lines of JSON on standard input, what is to be told goes out as lines of JSON on standard output, and
the end of input means: stop. So a process never outlives the command, however that ended.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import time
from collections import deque
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from simulator.recorder.health import HealthSampler
from simulator.recorder.pipes import Pipes
from simulator.recorder.recorder import Recorder, describe

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from simulator.events import HealthSampled

TICK_S: Final = 0.05
"""Period of the timer by which the lag of the event loop is measured."""

SAMPLES: Final = 3
"""Samples of the health that are kept: a Locust worker passes on what it heard once in 3 s."""

CLOSE_TIMEOUT_S: Final = 30.0
"""How long the disk may take for the last part."""

log = logging.getLogger(__name__)


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
        self.samples: deque[HealthSampled] = deque(maxlen=SAMPLES)
        """The last ones, one for each second."""
        self.recorder = Recorder(directory, name, self.now)
        self.devices: Callable[[], int] = lambda: 0
        self.status: Callable[[], dict[str, Any]] = dict
        self.stopping = asyncio.Event()
        self._commands: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        self._pipes = Pipes()

    def now(self) -> float:
        """Seconds since the start of the run."""
        return time.monotonic() - self.t0

    def emit(self, event: Any) -> None:
        """Record an event."""
        self.recorder.emit(event)

    def tell(self, **line: Any) -> None:
        """Say something to the command that started this process; nothing where nobody listens any more."""
        self._pipes.write(json.dumps(line) + "\n")

    async def start(self) -> None:
        """Listen for commands, measure and record from now on."""
        # Ctrl-C reaches the whole foreground group; the command decides what it means for this process.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.watch(self._listen())
        self.watch(self._tick())

    def watch(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something until this process closes. Where it fails, the process fails and stops."""
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(self._watched)
        self._tasks.append(task)
        return task

    def _watched(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s cannot go on", self.name, exc_info=error)
            self.tell(failed=f"{self.name} cannot go on: {type(error).__name__}: {error}")
            self.stopping.set()

    async def command(self) -> dict[str, Any] | None:
        """The next command, or None when the process is to stop."""
        get = asyncio.ensure_future(self._commands.get())
        stop = asyncio.ensure_future(self.stopping.wait())
        done, pending = await asyncio.wait({get, stop}, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        return get.result() if get in done else None

    async def _listen(self) -> None:
        try:
            async with aclosing(self._pipes.lines()) as lines:
                async for line in lines:
                    command = _command(line)
                    if command.get("do") == "stop":
                        break
                    if command:
                        self._commands.put_nowait(command)
        finally:
            # Nobody can tell this process anything any more, whatever the reason.
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
            self.samples.append(self.sampler.sample(now, self.devices()))
            self.recorder.emit(self.samples[-1])
            self.recorder.poll(now)
            status = self.status()
            if status:
                self.tell(status=status)
            if self._tell_of_disk():
                self.stopping.set()
                return

    def _tell_of_disk(self) -> bool:
        """Whether the disk failed; says so if it did."""
        error = self.recorder.error
        if error is not None:
            self.tell(failed=f"the run directory cannot be written: {describe(error)}")
        return error is not None

    async def close(self) -> None:
        """Write what is left and say what was used."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        sample = self.sampler.sample(self.now(), self.devices())
        self.recorder.emit(sample)
        self.recorder.close(timeout_s=CLOSE_TIMEOUT_S)
        self._tell_of_disk()
        self.tell(ended=True, cpu_s=sample.cpu_s, rss_bytes=sample.rss_bytes, status=self.status())


def _command(line: bytes) -> dict[str, Any]:
    """The command in a line; empty where it is none."""
    try:
        command = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return command if isinstance(command, dict) else {}
