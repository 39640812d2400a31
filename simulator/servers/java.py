"""Java and Maven on this machine: where they are, which version, and what to install where they are missing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

JAVA_NEEDED: Final = 17
"""Leshan's server libraries run on less; the launcher is compiled for this."""

VERSION: Final = re.compile(r'version "(\d+)(?:\.(\d+))?', re.ASCII)
ANSWERS_WITHIN_S: Final = 30.0


class ToolMissingError(Exception):
    """A program is missing or too old; the text names the Debian package to install."""


def find_java() -> Path:
    """The ``java`` program: that of JAVA_HOME where it is set and has one, else the first on the path.

    Raises:
        ToolMissingError: there is none, or it is too old.
    """
    java = _locate("java")
    if java is None:
        msg = "Java is missing: install Debian package openjdk-17-jdk-headless"
        raise ToolMissingError(msg)
    version = _version_of(java)
    if version is None or version < JAVA_NEEDED:
        seen = "does not tell its version" if version is None else f"is Java {version}"
        msg = f"{java} {seen}, and Java {JAVA_NEEDED} is needed: install Debian package openjdk-17-jdk-headless"
        raise ToolMissingError(msg)
    return java


def find_maven() -> Path:
    """The ``mvn`` program.

    Raises:
        ToolMissingError: there is none.
    """
    found = shutil.which("mvn")
    if found is None:
        msg = "Maven is missing: install Debian package maven"
        raise ToolMissingError(msg)
    return Path(found)


def find_compiler() -> Path:
    """The ``javac`` program, which a Java without the rest of its development kit does not have.

    Raises:
        ToolMissingError: there is none beside ``java``.
    """
    java = find_java()
    compiler = java.resolve().with_name("javac")
    if not compiler.exists():
        msg = f"{java} has no compiler beside it: install Debian package openjdk-17-jdk-headless"
        raise ToolMissingError(msg)
    return compiler


def java_version() -> int | None:
    """Major version of Java, such as 17; None where there is no Java or it does not tell."""
    java = _locate("java")
    return None if java is None else _version_of(java)


def parse_version(text: str) -> int | None:
    """Major version in what ``java -version`` writes; Java 8 and older call themselves 1.8, 1.7 ..."""
    found = VERSION.search(text)
    if found is None:
        return None
    major, minor = int(found[1]), found[2]
    return int(minor) if major == 1 and minor else major


def _locate(program: str) -> Path | None:
    home = os.environ.get("JAVA_HOME")
    if home:
        path = Path(home, "bin", program)
        if os.access(path, os.X_OK):
            return path
    found = shutil.which(program)
    return Path(found) if found else None


def _version_of(java: Path) -> int | None:
    try:
        ended = subprocess.run([java, "-version"], capture_output=True, timeout=ANSWERS_WITHIN_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_version((ended.stderr + ended.stdout).decode("utf-8", "replace"))
