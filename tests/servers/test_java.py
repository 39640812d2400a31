"""Finding Java and Maven, with made-up programs on a path of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.servers import java


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that is the whole path, and no JAVA_HOME."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def put_java(directory: Path, version: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "java"
    path.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2026-01-01' >&2\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ('openjdk version "17.0.21" 2026-10-20', 17),
        ('java version "1.8.0_392"', 8),
        ('openjdk version "21" 2023-09-19', 21),
        ('Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version "11.0.2"', 11),
        ("", None),
        ('version "x"', None),
    ],
)
def test_version_is_read_from_what_java_writes(text: str, version: int | None) -> None:
    assert java.parse_version(text) == version


def test_missing_programs_name_their_packages(programs: Path) -> None:
    assert java.java_version() is None
    with pytest.raises(java.ToolMissingError, match="openjdk-17-jdk-headless"):
        java.find_java()
    with pytest.raises(java.ToolMissingError, match="install Debian package maven"):
        java.find_maven()


def test_old_java_is_refused(programs: Path) -> None:
    put_java(programs, "11.0.2")
    assert java.java_version() == 11
    with pytest.raises(java.ToolMissingError, match="is Java 11, and Java 17 is needed"):
        java.find_java()


def test_java_that_tells_nothing_is_refused(programs: Path) -> None:
    silent = programs / "java"
    silent.write_text("#!/bin/sh\nexit 1\n")
    silent.chmod(0o755)
    assert java.java_version() is None
    with pytest.raises(java.ToolMissingError, match="does not tell its version"):
        java.find_java()


def test_java_home_comes_first(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_java(programs, "11.0.2")
    ours = put_java(programs / "home" / "bin", "21.0.1")
    monkeypatch.setenv("JAVA_HOME", str(programs / "home"))
    assert java.find_java() == ours
    monkeypatch.setenv("JAVA_HOME", str(programs / "none"))
    assert java.java_version() == 11


def test_a_runtime_without_compiler_is_told_apart(programs: Path) -> None:
    put_java(programs, "17.0.1")
    with pytest.raises(java.ToolMissingError, match="no compiler"):
        java.find_compiler()
    (programs / "javac").touch()
    assert java.find_compiler() == programs / "javac"
