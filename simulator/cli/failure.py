"""Exit codes, and the error that ends a command with one message."""

from __future__ import annotations

from typing import Final

HOLDS: Final = 0
"""All criteria hold."""
CRITERION_FAILED: Final = 1
USAGE: Final = 2
"""The scenario or the arguments are wrong; nothing was started."""
ENVIRONMENT: Final = 3
"""Server not reachable, no ports, disk full ..."""
INTERRUPTED: Final = 130


class CommandFailedError(Exception):
    """A command cannot go on; the text is for the user and says what to do."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code
