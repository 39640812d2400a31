"""``lwm2m-fleet device`` as a process of its own, whose lines a test reads and whose input it writes."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
WAIT_S = 60


class Typed:
    """A running command."""

    def __init__(self, process):
        self.process = process
        self.lines = []

    async def until(self, pattern):
        """Read lines until one has this pattern; the match."""
        async with asyncio.timeout(WAIT_S):
            while True:
                line = (await self.process.stdout.readline()).decode()
                assert line, f"{pattern!r} never came:\n" + "".join(self.lines) + await self.errors()
                self.lines.append(line)
                if found := re.search(pattern, line):
                    return found

    def say(self, *commands):
        for command in commands:
            self.process.stdin.write(command.encode() + b"\n")

    async def end(self, *, close=True):
        """The exit code, after the end of input where that is wanted; the rest of the output is in ``lines``."""
        if close:
            self.process.stdin.close()
        async with asyncio.timeout(WAIT_S):
            self.lines += (await self.process.stdout.read()).decode().splitlines(keepends=True)
            return await self.process.wait()

    async def errors(self):
        return (await self.process.stderr.read()).decode()

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    @property
    def text(self):
        return "".join(self.lines)

    @property
    def json(self):
        return [json.loads(line) for line in self.lines]


@asynccontextmanager
async def device_command(*options):
    """Start the command; what a test leaves of it is killed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulator", "device", *map(str, options),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    typed = Typed(process)
    try:
        yield typed
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
        process._transport.close()
