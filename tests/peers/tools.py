"""Finding the programs that tests talk to."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest


def peer_tool(tool: str, package: str) -> Path:
    """The path of a program.

    Where it is missing the test is skipped with a hint; in CI, where it must be there, the test fails.
    """
    found = shutil.which(tool) or shutil.which(tool, path="/usr/sbin:/usr/local/sbin")
    if found:
        return Path(found)
    hint = f"{tool} is missing: install Debian package {package}"
    if os.environ.get("CI"):
        pytest.fail(hint, pytrace=False)
    pytest.skip(hint)
