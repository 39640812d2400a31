"""Standard input and output of a process that another one started to talk to: lines in, lines out."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

EXIT_ENVIRONMENT: Final = 3
"""Exit code of such a process that could not begin."""
LINE_MAX: Final = 1 << 24
"""Longest line that is taken, in bytes."""
TOO_LONG: Final = b"a line that is too long\n"
"""What stands for a longer one; no JSON, so that it is passed over as any other that is not understood."""


class Pipes:
    """The two pipes to the process that started this one, which may be gone at any time."""

    def __init__(self) -> None:
        self._deaf = False

    def write(self, text: str) -> None:
        """Write to standard output at once; nothing where nobody reads it any more."""
        if self._deaf:
            return
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except (OSError, ValueError):
            self._deaf = True
            # What is left in the buffer must not raise again when the interpreter ends.
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    async def lines(self) -> AsyncGenerator[bytes, None]:
        """The lines of standard input until it ends; none where it is no pipe, socket or terminal."""
        if not _can_be_waited_for():
            return
        reader = asyncio.StreamReader(limit=LINE_MAX)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
        )
        try:
            while line := await _line(reader):
                yield line
        finally:
            transport.close()


def _can_be_waited_for() -> bool:
    """Whether an event loop can wait for standard input; libuv aborts the process where it cannot."""
    try:
        number = sys.stdin.fileno()
        mode = os.fstat(number).st_mode
    except (OSError, ValueError, AttributeError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(number)


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readline()
    except ValueError:
        return TOO_LONG
