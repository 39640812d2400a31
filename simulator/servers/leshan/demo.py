"""Leshan's demo server 2.0.0-M4: fetched by Maven, checked, and run on loopback."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from simulator.servers.java import find_java
from simulator.servers.leshan.cache import cache_directory, only_one
from simulator.servers.leshan.maven import MavenError, run_maven
from simulator.servers.tied import tied

if TYPE_CHECKING:
    from collections.abc import Callable

VERSION: Final = "2.0.0-M4"
JAR: Final = f"leshan-server-demo-{VERSION}-jar-with-dependencies.jar"
ARTIFACT: Final = f"org.eclipse.leshan:leshan-server-demo:{VERSION}:jar:jar-with-dependencies"
PLUGIN: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
SHA256: Final = "6d1cf53a18d516f02ae0b7bc34dd06dac15f3d67797d163574dec4b5feecbd32"

Certificates = tuple[Path, Path, Path]
"""Files: the server's chain (PEM), its key (PKCS #8, DER) and the CA of the devices (DER)."""

OPENED: Final = ("java.base/java.util", "java.base/java.lang", "java.base/java.time")
"""Packages into which M4's JSON library reaches; without them it cannot write a registration on Java 16 and later."""


def ensure_demo_jar(progress: Callable[[str], None]) -> Path:
    """The demo server's jar, fetched where it is not in the cache.

    Args:
        progress: is told, in words for the user, what takes long.

    Raises:
        ToolMissingError: Java or Maven is missing.
        MavenError: it could not be fetched, or is not the jar that it should be.
        OSError: the cache directory cannot be written.
    """
    directory = cache_directory()
    jar = directory / JAR
    if jar.exists():
        return jar
    with only_one(directory / f"{JAR}.lock", lambda: progress("waiting for another process that fetches the demo")):
        if not jar.exists():
            progress(f"fetching Leshan's demo server {VERSION} (14 MB)")
            _fetch(directory)
    return jar


def _fetch(directory: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=f"{JAR}-", dir=directory) as work:
        arguments = [PLUGIN, f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={work}"]
        run_maven(arguments, Path(work), directory / f"{JAR}.log")
        fetched = Path(work) / JAR
        check(fetched)
        fetched.rename(directory / JAR)


def check(jar: Path) -> None:
    """Hold the jar against the hash that it must have.

    Raises:
        MavenError: it has another one.
    """
    with jar.open("rb") as body:
        seen = hashlib.file_digest(body, "sha256").hexdigest()
    if seen != SHA256:
        msg = f"{jar.name} is not what was expected: its SHA-256 is {seen} and not {SHA256}"
        raise MavenError(msg)


def demo_command(
    jar: Path, *, host: str, coap: int, coaps: int, web: int, certificates: Certificates | None = None
) -> list[str]:
    """The command that runs the demo server; it writes files into its working directory.

    Args:
        jar: from ``ensure_demo_jar``.
        host: address of the three ports.
        coap: UDP port of coap.
        coaps: UDP port of coaps.
        web: TCP port of the web interface and the REST interface.
        certificates: without them the server shows one that comes with it, and trusts every certificate of a device.

    Raises:
        ToolMissingError: Java is missing.
    """
    opened = [word for package in OPENED for word in ("--add-opens", f"{package}=ALL-UNNAMED")]
    ports = ["-lh", host, "-lp", str(coap), "-slh", host, "-slp", str(coaps), "-wh", host, "-wp", str(web)]
    options: list[str | Path] = []
    if certificates is not None:
        chain, key, ca = certificates
        options = ["-cert", chain, "-prik", key, "-truststore", ca]
    return tied([find_java(), *opened, "-jar", jar, *ports, *options])
