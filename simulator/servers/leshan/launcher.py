"""The launcher: a small Java program around Leshan's server library that speaks the driver protocol.

Its sources lie beside this file. It is built on first use and again when they change; a build is kept under a name made
from the sources' hash, so that two versions of this project do not disturb each other.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from simulator.servers.java import find_java
from simulator.servers.leshan.cache import cache_directory, only_one
from simulator.servers.leshan.maven import run_maven
from simulator.servers.tied import tied

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SOURCES: Final = Path(__file__).with_name("java")


def ensure_launcher(progress: Callable[[str], None], sources: Path = SOURCES) -> Path:
    """The runnable jar, built where it is not in the cache.

    Args:
        progress: is told, in words for the user, what takes long.
        sources: the Maven project.

    Raises:
        ToolMissingError: Java, its compiler or Maven is missing.
        MavenError: the build failed.
        OSError: the cache directory cannot be written.
    """
    name = f"leshan-{_digest(sources)}"
    directory = cache_directory()
    jar = directory / name / "launcher.jar"
    if jar.exists():
        return jar
    with only_one(directory / f"{name}.lock", lambda: progress("waiting for another process that builds the launcher")):
        if not jar.exists():
            progress("building the launcher of Leshan; the first time, Maven fetches Leshan's library as well")
            _build(sources, directory, name)
    return jar


def launcher_command(jar: Path, *, host: str, port: int, block_size: int, identity_dir: str = "") -> list[str]:
    """The command that runs the launcher.

    Args:
        jar: from ``ensure_launcher``.
        host: address to bind.
        port: UDP port of coap; 0 for a free one.
        block_size: largest block of a push, in bytes.
        identity_dir: directory of ``server.pem``, ``server.key`` and ``ca.pem``; empty for keys alone.

    Raises:
        ToolMissingError: Java is missing.
    """
    options = ["--host", host, "--port", str(port), "--block-size", str(block_size)]
    options += ["--identity-dir", identity_dir] if identity_dir else []
    # A server that has run out of memory is to end, not to go on without the thread that ran out.
    return tied([find_java(), "-XX:+ExitOnOutOfMemoryError", "-jar", jar, *options])


def _build(sources: Path, directory: Path, name: str) -> None:
    with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=directory) as work:
        project = Path(work) / "project"
        shutil.copytree(sources, project, ignore=shutil.ignore_patterns("target"))
        run_maven(["package"], project, directory / f"{name}.log")
        built = Path(work) / name
        built.mkdir()
        (project / "target" / "launcher.jar").rename(built / "launcher.jar")
        # Seen whole or not at all, as the whole directory moves at once. An empty one is replaced.
        built.rename(directory / name)


def _digest(sources: Path) -> str:
    digest = hashlib.sha256()
    for path in _files(sources):
        body = path.read_bytes()
        digest.update(f"{path.relative_to(sources)}\0{len(body)}\0".encode())
        digest.update(body)
    return digest.hexdigest()[:16]


def _files(sources: Path) -> Iterator[Path]:
    for path in sorted(sources.rglob("*")):
        if path.is_file() and path.relative_to(sources).parts[0] != "target":
            yield path
