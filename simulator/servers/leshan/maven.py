"""Running Maven, with an error that a user can do something about."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

from simulator.servers.java import find_compiler, find_maven
from simulator.servers.tied import tied

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMEOUT_S: Final = 1200.0
LAST_LINES: Final = 12


class MavenError(Exception):
    """Maven failed; the text holds its last lines and the log file with all of them."""


def run_maven(arguments: Sequence[str], directory: Path, log_file: Path) -> None:
    """Run Maven in a directory. Its output goes to ``log_file``, which is gone again where all went well.

    Raises:
        ToolMissingError: there is no Maven, or no Java with a compiler.
        MavenError: it failed, or took longer than 20 minutes.
        OSError: the log file cannot be written.
    """
    find_compiler()
    command = [str(find_maven()), "--quiet", "--batch-mode", "-Dstyle.color=never", *arguments]
    with log_file.open("wb") as log:
        try:
            ended = subprocess.run(
                tied(command),
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                timeout=TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            msg = f"Maven was not done within {TIMEOUT_S:g} s; see {log_file}"
            raise MavenError(msg) from None
    if ended.returncode != 0:
        msg = f"Maven failed with exit code {ended.returncode}; its last lines (all are in {log_file}):\n"
        raise MavenError(msg + last_lines(log_file))
    log_file.unlink(missing_ok=True)


def last_lines(log_file: Path, count: int = LAST_LINES) -> str:
    """The last lines of a text file that say something; empty where it cannot be read."""
    try:
        text = log_file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return "\n".join(lines[-count:])
