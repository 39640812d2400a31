"""The server and the client in C that everything else is measured against.

Both are compiled once per version of their source, into `build/bench`. The server is the common
counterpart of all clients, so that their figures differ by the client alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal, NamedTuple

SOURCES: Final = Path(__file__).resolve().parent
BUILD_DIR: Final = SOURCES.parent.parent / "build" / "bench"
CFLAGS: Final = ("-O2", "-std=c11", "-Wall", "-Wextra", "-Werror")

BODY_PATH: Final = "fw"
SMALL_PATH: Final = "s"
SMALL_BODY: Final = b"ok"

Mode = Literal["block", "small"]


class Measured(NamedTuple):
    """What one client used for a number of exchanges."""

    exchanges: int
    cpu_s: float
    """CPU seconds of the client, user and system."""
    wall_s: float
    resent: int
    """Requests sent again because nothing came back; more than a few make the run worthless."""

    @property
    def per_cpu_second(self) -> float:
        """Exchanges per CPU-second of the client."""
        return self.exchanges / self.cpu_s


def body(size: int) -> bytes:
    """The content of the server's resource ``/fw``."""
    return bytes((i * 7 + (i >> 10)) & 0xFF for i in range(size))


def pinned(command: list[str], core: int | None) -> list[str]:
    """A command that runs on one core, where there are several and ``taskset`` is installed."""
    cores = sorted(os.sched_getaffinity(0))
    if core is None or len(cores) < 2 or shutil.which("taskset") is None:
        return command
    return ["taskset", "-c", str(cores[core % len(cores)]), *command]


def build(name: Literal["coap_server", "coap_client", "http_client"]) -> Path:
    """The program made from ``<name>.c``.

    Raises:
        FileNotFoundError: there is no C compiler.
        subprocess.CalledProcessError: the source does not compile; ``stderr`` says why.
    """
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        raise FileNotFoundError("no C compiler: install Debian package gcc and libc6-dev, or set CC")
    source = SOURCES / f"{name}.c"
    digest = hashlib.sha256(source.read_bytes() + repr((compiler, CFLAGS)).encode()).hexdigest()[:16]
    program = BUILD_DIR / f"{name}-{digest}"
    if not program.exists():
        BUILD_DIR.mkdir(parents=True, exist_ok=True)
        # Renamed when it is whole: two processes may build at the same time.
        partial = program.with_name(f"{program.name}.{os.getpid()}")
        command = [compiler, *CFLAGS, "-o", str(partial), str(source)]
        subprocess.run(command, check=True, capture_output=True, text=True)
        partial.replace(program)
    return program


@contextmanager
def server(size: int, file: Path | None = None, *, core: int | None = 1) -> Iterator[int]:
    """Run the server with a resource ``/fw`` of ``size`` bytes; gives its UDP port on loopback.

    The bytes are those of ``body``, which the C client checks, or those at the beginning of ``file``.

    Raises:
        RuntimeError: it did not start.
    """
    content = [] if file is None else [str(file)]
    command = pinned([str(build("coap_server")), "0", str(size), *content], core)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            msg = f"the C server ended with exit code {process.wait()}"
            raise RuntimeError(msg)
        try:
            yield int(json.loads(line)["port"])
        finally:
            process.stdin.close()


def run_client(port: int, *, devices: int, exchanges: int, mode: Mode, core: int | None = 0) -> Measured:
    """Run the C client against a server.

    Raises:
        RuntimeError: it got a wrong answer, or none.
    """
    return _run(pinned([str(build("coap_client")), str(port), str(devices), str(exchanges), mode], core))


def fetch_by_http(port: int, *, at_once: int, transfers: int, size: int) -> Measured:
    """Fetch ``/fw`` of ``size`` bytes so many times by the HTTP client, pinned to no core.

    Raises:
        RuntimeError: it got a wrong answer, or none.
    """
    return _run([str(build("http_client")), str(port), str(at_once), str(transfers), str(size)])


def _run(command: list[str]) -> Measured:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        msg = done.stderr.strip() or f"the C client ended with exit code {done.returncode}"
        raise RuntimeError(msg)
    return Measured(**json.loads(done.stdout))
