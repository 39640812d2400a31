"""Starts a process under a gevent hub without a fork.

gevent's own way forks, and in the copy runs the hooks that libraries have for a fork before it becomes the new program.
OpenTelemetry has some that start threads, which are greenlets here: the copy would go on with the work of this process.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import gevent
from gevent.event import AsyncResult

if TYPE_CHECKING:
    from collections.abc import Sequence


class Spawned:
    """A process.

    Args:
        command: the path of its program, and the arguments.
        files: what it has as its first files, beginning with standard input; the others are those of this process.
        session: whether it has a session of its own: no Ctrl-C reaches it, and it can be killed with its children.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, command: Sequence[str], files: Sequence[int] = (), *, session: bool = False) -> None:
        self._code: AsyncResult[int] = AsyncResult()
        # The watcher has to be there before the hub can hear of the end.
        loop: Any = gevent.get_hub().loop
        loop.install_sigchld()
        self.pid = os.posix_spawn(
            command[0],
            list(command),
            os.environ,
            file_actions=[(os.POSIX_SPAWN_DUP2, file, number) for number, file in enumerate(files)],
            setsid=session,
            setsigdef=(signal.SIGPIPE, signal.SIGXFSZ),
        )
        """Its process id."""
        self._watcher = loop.child(self.pid)
        self._watcher.start(self._ended)

    def wait(self) -> int:
        """Wait for its end; its exit code, below 0 for a signal."""
        code = self._code.get()
        assert code is not None
        return code

    def _ended(self) -> None:
        self._watcher.stop()
        self._code.set(os.waitstatus_to_exitcode(self._watcher.rstatus))
