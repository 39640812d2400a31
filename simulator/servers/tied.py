"""Runs a program that does not outlive the process which started it, and that Ctrl-C does not reach.

    python -m simulator.servers.tied PARENT PROGRAM [ARGUMENT ...]

PARENT is the process id of the starter. A program that listens to its standard input needs this only for Ctrl-C; one
that does not, such as a server with a web interface, would stay behind when its starter is killed.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PR_SET_PDEATHSIG: Final = 1


def tied(command: Sequence[str | Path]) -> list[str]:
    """The command that runs ``command`` tied to this process."""
    return [sys.executable, "-P", "-m", __name__, str(os.getpid()), *(str(word) for word in command)]


def main(arguments: list[str]) -> int:
    """Become the program; the exit code where that fails."""
    parent, program, *rest = arguments
    # Both survive execve(2); a Java virtual machine leaves an ignored signal ignored.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):
        return 1  # The starter ended before prctl(2) could tie this process to it.
    try:
        os.execvp(program, [program, *rest])  # noqa: S606  that is what this module is for
    except OSError as error:
        sys.stderr.write(f"{program}: {error.strerror}\n")
        return 127


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
