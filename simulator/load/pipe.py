"""A process of a run under a gevent hub: lines of JSON to it, lines of JSON from it."""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import gevent
from gevent.event import Event
from gevent.fileobject import FileObject

from simulator.load.spawning import Spawned

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

STOP_TIMEOUT_S: Final = 60.0
"""How long a process may take to end after the end of its input."""


class Process:
    """A Python module as a process, whose input and output are lines of JSON.

    It ends by itself when its input ends, so it does not outlive this process.

    Args:
        module: the module that it runs.
        arguments: of the module.
        log: file that takes its standard error.
        on_line: told each line; what it raises ends nothing.
        on_end: told the exit code, once.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        log: Path,
        on_line: Callable[[dict[str, Any]], None],
        on_end: Callable[[int], None],
    ) -> None:
        self.log = log
        self.ended = Event()
        self._on_line = on_line
        self._on_end = on_end
        command = [sys.executable, "-P", "-m", module, *arguments]
        to_it, from_here = os.pipe()
        to_here, from_it = os.pipe()
        try:
            with log.open("ab") as file:
                self._spawned = Spawned(command, (to_it, from_it, file.fileno()), session=True)
        except OSError:
            os.close(from_here)
            os.close(to_here)
            raise
        finally:
            os.close(to_it)
            os.close(from_it)
        self._input, self._output = FileObject(from_here, "wb"), FileObject(to_here, "rb")
        self._reader = gevent.spawn(self._read)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._spawned.pid

    def tell(self, line: dict[str, Any]) -> None:
        """Send a line; nothing where the process is gone."""
        with suppress(OSError, ValueError):
            self._input.write(json.dumps(line).encode() + b"\n")
            self._input.flush()

    def _read(self) -> None:
        for raw in self._output:
            try:
                line = json.loads(raw)
            except ValueError:
                continue
            if isinstance(line, dict):
                self._on_line(line)
        code = self._spawned.wait()
        self._output.close()
        self.ended.set()
        self._on_end(code)

    def close(self) -> None:
        """End its input, which tells it to end."""
        with suppress(OSError, ValueError):
            self._input.close()

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> bool:
        """Have it end, and wait for that; whether it did so by itself."""
        self.close()
        if self.ended.wait(timeout_s):
            return True
        self.kill()
        self.ended.wait(5.0)
        return False

    def kill(self) -> None:
        """Kill it with all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def last_words(self) -> str:
        """The last line of its log, for a message to the user."""
        with suppress(OSError):
            lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            return lines[-1].strip() if lines else "no message"
        return "no message"
