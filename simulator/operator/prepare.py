"""Building or fetching what a server needs, beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from simulator.operator.driver import ServerStartError
from simulator.servers.java import ToolMissingError
from simulator.servers.leshan.maven import MavenError

T = TypeVar("T")


async def prepared(prepare: Callable[[Callable[[str], None]], T], progress: Callable[[str], None]) -> T:
    """What ``prepare`` gives, which may take long and runs in a thread.

    Args:
        prepare: is given a function to tell its progress to, from its thread.
        progress: is told the same on the event loop.

    Raises:
        ServerStartError: a program is missing, Maven failed, or a file cannot be written.
    """
    loop = asyncio.get_running_loop()

    def tell(text: str) -> None:
        loop.call_soon_threadsafe(progress, text)

    try:
        return await asyncio.to_thread(prepare, tell)
    except (ToolMissingError, MavenError) as error:
        raise ServerStartError(str(error)) from error
    except OSError as error:
        msg = f"{error.filename or 'the cache directory'}: {error.strerror or error}"
        raise ServerStartError(msg) from error
