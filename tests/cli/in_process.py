"""The command ``lwm2m-fleet`` in the process of the test: what it starts are processes, and it need not be one more.

Its imports alone take a second of CPU. Tests of what a user sees of the command as a process - signals, a closed
output, its death - start it as one (tests/cli/test_run.py).
"""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from unittest.mock import patch

from simulator.cli import main


def typed(*arguments):
    """The exit code of a command line, and what it wrote to both of its outputs."""
    written = io.StringIO()
    line = ["lwm2m-fleet", *map(str, arguments)]
    with patch.object(sys, "argv", line), redirect_stdout(written), redirect_stderr(written):
        try:
            main()
        except SystemExit as ended:
            return int(ended.code or 0), written.getvalue()
    raise AssertionError(f"the command went on:\n{written.getvalue()}")
