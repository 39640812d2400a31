"""``lwm2m-fleet doctor``: what this machine lacks for which purpose, and what to do about each."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from rich.table import Table

from simulator.cli.failure import ENVIRONMENT, HOLDS
from simulator.recorder.machine import usable_cores
from simulator.servers.java import java_version
from simulator.stacks.extras import missing_for_oscore

if TYPE_CHECKING:
    from rich.console import Console

FILES_GOOD: Final = 20_000
FILES_NEEDED: Final = 4_096
BUFFER_GOOD: Final = 4 << 20
JAVA_NEEDED: Final = 17


class Finding(NamedTuple):
    """One thing that was looked at."""

    what: str
    status: str
    """``ok``, ``optional`` (missing, but only some uses need it) or ``missing``."""
    seen: str
    do: str


def _open_files() -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    seen = f"soft limit {soft}, hard limit {hard}"
    if hard >= FILES_GOOD:
        return Finding("open files", "ok", seen, "")
    status = "optional" if hard >= FILES_NEEDED else "missing"
    do = f"each device needs 1 to 2; `ulimit -Hn {FILES_GOOD}` as root, or more --processes"
    return Finding("open files", status, seen, do)


def _local_ports() -> Finding:
    path = Path("/proc/sys/net/ipv4/ip_local_port_range")
    try:
        low, high = (int(part) for part in path.read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return Finding("local ports", "ok", "range not known", "")
    return Finding(
        "local ports",
        "ok",
        f"{low} to {high}: {high - low + 1} sockets per source address",
        "more devices take 127.0.0.2, 127.0.0.3 ... by themselves",
    )


def _loopback() -> Finding:
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.2", 0))
    except OSError as error:
        do = "fleets beyond one address's ports need 127.0.0.0/8 on the loopback interface"
        return Finding("source addresses", "optional", f"127.0.0.2: {error.strerror}", do)
    return Finding("source addresses", "ok", "all of 127.0.0.0/8", "")


def _cores() -> Finding:
    cores = usable_cores()
    do = "each process fills one: server, operator, --processes of the fleet, firmware.processes of the package origin"
    return Finding("cores", "ok", f"{cores} that may be used", do)


def _receive_buffer() -> Finding:
    path = Path("/proc/sys/net/core/rmem_max")
    try:
        size = int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return Finding("receive buffer", "ok", "limit not known", "")
    if size >= BUFFER_GOOD or os.geteuid() == 0:
        return Finding("receive buffer", "ok", f"limit {size} bytes", "")
    do = f"bursts may be dropped at the embedded server; `sysctl -w net.core.rmem_max={BUFFER_GOOD}`"
    return Finding("receive buffer", "optional", f"limit {size} bytes", do)


def _python() -> Finding:
    seen = ".".join(map(str, sys.version_info[:3]))
    try:
        found = metadata.version("uvloop")
    except metadata.PackageNotFoundError:
        return Finding("Python", "optional", f"{seen} without uvloop", "`pip install uvloop` makes the fleet faster")
    return Finding("Python", "ok", f"{seen}, uvloop {found}", "")


def _java() -> Finding:
    version = java_version()
    do = "for --server leshan and leshan-demo: `apt-get install openjdk-17-jdk-headless`"
    if version is None:
        return Finding("Java", "optional", "not found", do)
    if version < JAVA_NEEDED:
        return Finding("Java", "optional", f"version {version}, {JAVA_NEEDED} is needed", do)
    return Finding("Java", "ok", f"version {version}", "")


def _oscore() -> Finding:
    missing = missing_for_oscore()
    if missing:
        return Finding("OSCORE", "optional", f"without {', '.join(missing)}", "`pip install 'lwm2m-fleet[oscore]'`")
    return Finding("OSCORE", "ok", "all packages are there", "")


def _program(name: str, package: str, purpose: str) -> Callable[[], Finding]:
    def look() -> Finding:
        found = shutil.which(name)
        if found:
            return Finding(name, "ok", found, "")
        return Finding(name, "optional", "not found", f"{purpose}: `apt-get install {package}`")

    return look


CHECKS: Final[tuple[Callable[[], Finding], ...]] = (
    _python,
    _cores,
    _open_files,
    _local_ports,
    _loopback,
    _receive_buffer,
    _java,
    _oscore,
    _program("mvn", "maven", "builds the launcher of Leshan on first use"),
    _program("coap-server-openssl", "libcoap3-bin", "interop tests against libcoap"),
    _program("nginx", "nginx-light", "interop tests over HTTP"),
    _program("tshark", "tshark", "reads captures of `lwm2m-fleet reproduce` in tests"),
    _program("cc", "gcc", "the C reference of `make bench`"),
)

COLOURS: Final = {"ok": "green", "optional": "yellow", "missing": "red"}


def examine(console: Console) -> int:
    """Look at everything and print it; the exit code says whether something is missing that every run needs."""
    table = Table(title="This machine", title_justify="left", title_style="bold")
    for column in ("what", "status", "seen", "what to do"):
        table.add_column(column, overflow="fold")
    findings = [check() for check in CHECKS]
    for finding in findings:
        colour = COLOURS[finding.status]
        table.add_row(finding.what, f"[{colour}]{finding.status}[/]", finding.seen, finding.do)
    console.print(table)
    return ENVIRONMENT if any(finding.status == "missing" for finding in findings) else HOLDS
