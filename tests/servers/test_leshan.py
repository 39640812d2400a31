"""Building the launcher and fetching the demo, with a made-up Maven on a path of the test's own."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from simulator.servers.java import ToolMissingError
from simulator.servers.leshan import demo
from simulator.servers.leshan.cache import cache_directory
from simulator.servers.leshan.demo import ensure_demo_jar
from simulator.servers.leshan.launcher import SOURCES, ensure_launcher, launcher_command
from simulator.servers.leshan.maven import MavenError, run_maven
from simulator.servers.tied import tied

BUILDS = 'mkdir -p target && echo "$PWD" >> "$COUNT" && sleep 0.2 && cp src/body target/launcher.jar'
FETCHES = 'for a; do case "$a" in -DoutputDirectory=*) cp "$BODY" "${a#*=}/' + demo.JAR + '";; esac; done'


class Machine:
    """Directories that stand for a machine: programs, a cache and a Maven project."""

    def __init__(self, root: Path) -> None:
        self.programs = root / "bin"
        self.cache = root / "cache"
        self.sources = root / "sources"
        self.count = root / "count"
        self.programs.mkdir()
        (self.sources / "src").mkdir(parents=True)
        (self.sources / "pom.xml").write_text("<project/>")
        (self.sources / "src" / "body").write_text("one")
        self.program("java", "echo 'openjdk version \"17.0.1\"' >&2")
        self.program("javac", "")

    def program(self, name: str, script: str) -> None:
        path = self.programs / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    @property
    def builds(self) -> int:
        return len(self.count.read_text().splitlines()) if self.count.exists() else 0


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", f"{made.programs}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(made.cache))
    monkeypatch.setenv("COUNT", str(made.count))
    made.program("mvn", BUILDS)
    return made


def quiet(text: str) -> None:
    """Takes progress and forgets it."""


def test_the_cache_is_where_the_specification_says(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_directory() == machine.cache / "lwm2m-fleet"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(machine.programs))
    assert cache_directory() == machine.programs / ".cache" / "lwm2m-fleet"


def test_the_launcher_is_built_once_and_again_when_its_sources_change(machine: Machine) -> None:
    told: list[str] = []
    first = ensure_launcher(told.append, machine.sources)
    assert first.read_text() == "one"
    assert ensure_launcher(told.append, machine.sources) == first
    assert (machine.builds, len(told)) == (1, 1)
    assert "building the launcher" in told[0]
    (machine.sources / "src" / "body").write_text("two")
    second = ensure_launcher(quiet, machine.sources)
    assert (first.read_text(), second.read_text(), machine.builds) == ("one", "two", 2)


def test_what_maven_left_in_the_sources_is_not_part_of_them(machine: Machine) -> None:
    first = ensure_launcher(quiet, machine.sources)
    (machine.sources / "target").mkdir()
    (machine.sources / "target" / "x").touch()
    assert ensure_launcher(quiet, machine.sources) == first


def test_builds_at_the_same_time_are_one_build(machine: Machine) -> None:
    with ThreadPoolExecutor(4) as pool:
        jars = set(pool.map(lambda _: ensure_launcher(quiet, machine.sources), range(4)))
    assert len(jars) == 1
    assert machine.builds == 1


def test_a_failed_build_shows_the_last_lines_and_leaves_nothing_but_its_log(machine: Machine) -> None:
    machine.program("mvn", "seq 1 100 && echo '[ERROR] no such symbol' && exit 1")
    with pytest.raises(MavenError, match="exit code 1") as raised:
        ensure_launcher(quiet, machine.sources)
    assert str(raised.value).endswith("99\n100\n[ERROR] no such symbol")
    assert "\n50\n" not in str(raised.value)
    left = {path.suffix for path in cache_directory().iterdir()}
    assert left == {".lock", ".log"}
    machine.program("mvn", BUILDS)
    assert ensure_launcher(quiet, machine.sources).read_text() == "one"


@pytest.mark.parametrize(
    ("missing", "package"),
    [
        ("mvn", "install Debian package maven"),
        ("javac", "openjdk-17-jdk-headless"),
        ("java", "openjdk-17-jdk-headless"),
    ],
)
def test_a_missing_program_names_its_package(
    machine: Machine, missing: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (machine.programs / missing).unlink()
    monkeypatch.setenv("PATH", str(machine.programs))
    with pytest.raises(ToolMissingError, match=package):
        ensure_launcher(quiet, machine.sources)


def test_maven_is_called_without_colours_and_questions(machine: Machine, tmp_path: Path) -> None:
    machine.program("mvn", 'echo "$@" >&2; exit 1')
    with pytest.raises(MavenError, match=r"--quiet --batch-mode -Dstyle\.color=never package"):
        run_maven(["package"], tmp_path, tmp_path / "log")


def test_the_demo_is_fetched_once_and_checked(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    body = machine.programs / "body"
    body.write_bytes(b"the jar")
    monkeypatch.setenv("BODY", str(body))
    machine.program("mvn", FETCHES)
    with pytest.raises(MavenError, match=r"its SHA-256 is .* and not 6d1cf53a"):
        ensure_demo_jar(quiet)
    assert not list(cache_directory().glob("*.jar"))
    monkeypatch.setattr(demo, "SHA256", hashlib.sha256(b"the jar").hexdigest())
    assert ensure_demo_jar(quiet).read_bytes() == b"the jar"
    machine.program("mvn", "exit 1")
    assert ensure_demo_jar(quiet).read_bytes() == b"the jar"


def test_commands(machine: Machine) -> None:
    command = launcher_command(Path("/x.jar"), host="127.0.0.1", port=5683, block_size=64)
    assert " ".join(command[-8:]) == "-jar /x.jar --host 127.0.0.1 --port 5683 --block-size 64"
    command = demo.demo_command(Path("/d.jar"), host="127.0.0.1", coap=1, coaps=2, web=3)
    assert command.count("--add-opens") == 3
    assert " ".join(command[-12:]) == "-lh 127.0.0.1 -lp 1 -slh 127.0.0.1 -slp 2 -wh 127.0.0.1 -wp 3"


def test_the_sources_are_shipped() -> None:
    assert (SOURCES / "pom.xml").is_file()
    assert len(list(SOURCES.rglob("*.java"))) > 5


def test_a_tied_program_ends_with_its_starter() -> None:
    # The starter tells the id of a tied program and is killed; the program shares the pipe, which ends when it has.
    starter = (
        "import subprocess, time; from simulator.servers.tied import tied;"
        "p = subprocess.Popen(tied(['sh', '-c', 'echo ready; exec sleep 60'])); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.kill()
        assert process.stdout.read() == ""


def test_a_tied_program_gets_its_arguments_and_a_missing_one_is_told() -> None:
    ended = subprocess.run(tied(["echo", "a b", "c"]), capture_output=True, text=True, check=True)
    assert ended.stdout == "a b c\n"
    ended = subprocess.run(tied(["/nonexistent"]), capture_output=True, text=True, check=False)
    assert ended.returncode == 127
    assert "/nonexistent: No such file" in ended.stderr
