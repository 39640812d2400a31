"""The server's end of the driver protocol: lines of JSON on standard input and output (docs/driver-protocol.md)."""

from __future__ import annotations

import asyncio
import json
import logging
import resource
from contextlib import aclosing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulator.recorder.pipes import Pipes

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)


class CommandError(Exception):
    """A command cannot be done; ``kind`` is the ``error`` of the answer line."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


class JsonLines:
    """Reads commands and writes answers and events; writes are joined per turn of the event loop."""

    def __init__(self) -> None:
        self.on_command: Callable[[dict[str, Any]], None] = lambda _command: None
        """Takes each command; set it before ``serve``."""
        self._out: list[str] = []
        self._pipes = Pipes()

    def tell(self, line: dict[str, Any]) -> None:
        """Write one line, soon."""
        if not self._out:
            asyncio.get_running_loop().call_soon(self._flush)
        self._out.append(json.dumps(line, separators=(",", ":")))

    def _flush(self) -> None:
        if self._out:
            self._pipes.write("\n".join(self._out) + "\n")
            self._out.clear()

    async def serve(self) -> None:
        """Take commands until the input ends."""
        async with aclosing(self._pipes.lines()) as lines:
            async for raw in lines:
                self._take(raw)
        self._flush()

    def _take(self, raw: bytes) -> None:
        try:
            command = json.loads(raw)
            number = command["id"]
        except (ValueError, TypeError, KeyError, RecursionError):
            # What it holds is not told: it may be a key.
            log.warning("not a command: %d bytes", len(raw))
            return
        try:
            self.on_command(command)
        except CommandError as error:
            self.tell({"id": number, "error": error.kind, "detail": str(error)})
        except Exception as error:
            # A command gets its one answer, and no command ends the server.
            log.exception("command failed: %r", command.get("do"))
            self.tell({"id": number, "error": "failed", "detail": f"{type(error).__name__}: {error}"})


def usage() -> dict[str, float | int]:
    """CPU seconds (user and system) and resident memory of this process, as the ``stats`` answer wants them."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    rss = used.ru_maxrss * 1024
    with suppress(OSError, ValueError, IndexError):
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        rss = pages * resource.getpagesize()
    return {"cpu_s": used.ru_utime + used.ru_stime, "rss_bytes": rss}
