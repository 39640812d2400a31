"""The product's package origin for the transports that the server in C does not speak, and curl as its other client."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from simulator.cli.child import Child
from simulator.security.issue import Issuer
from tests.bench.c_peers import pinned
from tests.bench.rig import SEED, Rig

NAME: Final = "package.bin"
PSKS_AT_ONCE: Final = 1000


@asynccontextmanager
async def origin(under_test: Rig) -> AsyncIterator[dict[str, str]]:
    """Give the package of a rig out over all transports; its URI by scheme.

    Raises:
        ChildError: the origin did not start.
    """
    packages = under_test.directory / "packages"
    packages.mkdir()
    (packages / NAME).write_bytes(under_test.package.read_bytes())
    arguments = [str(under_test.directory), repr(under_test.t0), str(packages), str(under_test.identity)]
    child = Child("origin", "origin", "simulator.servers.origin", arguments, under_test.directory / "origin.log")
    try:
        await child.start()
        ready = await child.ready()
        issuer = Issuer(SEED)
        psks = [(psk.identity.decode(), psk.key.hex()) for psk in map(issuer.psk, under_test.endpoints)]
        for first in range(0, len(psks), PSKS_AT_ONCE):
            await child.tell(do="credentials", psks=psks[first : first + PSKS_AT_ONCE])
        yield {scheme: f"{uri}/{NAME}" for scheme, uri in ready["origins"].items()}
    finally:
        await child.stop(asyncio.Event())


def curl_missing() -> str:
    """What to install for curl to run here, or nothing."""
    return "" if shutil.which("curl") else "install Debian package curl"


def curl_cpu_s(uri: str, transfers: int, identity: Path) -> float:
    """CPU seconds, user and system, of one curl that fetches a URI so many times, with a connection for each.

    Its start is not in it: that of a curl that fetches nothing is taken away.

    Raises:
        RuntimeError: a transfer failed.
    """
    whole, nothing = (_curl(uri, count, identity) for count in (transfers + 1, 1))
    return whole - nothing


def _curl(uri: str, transfers: int, identity: Path) -> float:
    options = ["--disable", "--silent", "--show-error", "--fail", "--cacert", str(identity / "ca.pem")]
    # A device has a connection for each package, too.
    options += ["--header", "Connection: close", "--output", "/dev/null"]
    command = pinned(["curl", *options, f"{uri}?[1-{transfers}]"], 0)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        msg = f"curl ended with exit code {process.returncode}: {said.strip()}"
        raise RuntimeError(msg)
    return used.ru_utime + used.ru_stime
