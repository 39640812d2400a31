"""Where a worker's fleet process records: in the run directory itself, or in one of its own until the end of the run.

On the machine of the master the run directory is there, and a fleet process writes its parts where they belong. On
another one it writes into a directory of its own, whose files are sent to the master when the devices have left.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from simulator.recorder.manifest import MANIFEST

BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
"""Tells one boot of one machine from all others."""
PID_NAMESPACE: Final = Path("/proc/self/ns/pid")
CHUNK: Final = 256 * 1024
"""Bytes of a file that are sent in one message."""
SENT: Final = ("parts", "logs")
"""Directories whose files are sent."""
_SENT_FILE: Final = re.compile(r"(?:parts(?:/[a-z_]+)?|logs)/[A-Za-z0-9_-][A-Za-z0-9_.-]*", re.ASCII)


def boot_id() -> str:
    """The id of this machine's boot; empty where there is none."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def process_space() -> str:
    """Where a process id means the same process: this boot, and this namespace (a container has its own)."""
    try:
        return f"{boot_id()} {PID_NAMESPACE.readlink()}"
    except OSError:
        return ""


class Spool:
    """The directory of one fleet process.

    Args:
        plan: as the stage told it: ``directory``, ``t0``, ``unix0``, ``boot``, ``plan`` and the ``scenario`` as text.

    Raises:
        OSError: no directory can be made.
    """

    def __init__(self, plan: Mapping[str, Any]) -> None:
        there = Path(plan["directory"])
        self.shared = _is_run(there, float(plan["t0"]))
        """Whether it is the run directory of the master."""
        self.directory = there if self.shared else _make(plan)
        same_clock = bool(plan["boot"]) and plan["boot"] == boot_id()
        # The wall clocks of two machines agree as well as they are set, which is for their owners to see to.
        self.t0 = float(plan["t0"]) if same_clock else time.monotonic() - (time.time() - float(plan["unix0"]))
        """What this machine's monotonic clock said at the start of the run."""

    def chunks(self) -> Iterator[dict[str, Any]]:
        """The files to be sent, piece by piece: ``path`` in the run directory, ``at`` which byte, and the ``data``."""
        if self.shared:
            return
        for kind in SENT:
            for path in sorted(found for found in (self.directory / kind).rglob("*") if found.is_file()):
                with path.open("rb") as file:
                    at = 0
                    while data := file.read(CHUNK):
                        yield {"path": str(path.relative_to(self.directory)), "at": at, "data": data}
                        at += len(data)

    def remove(self) -> None:
        """Remove the directory once its files are sent; nothing where it is the run directory."""
        if not self.shared:
            shutil.rmtree(self.directory, ignore_errors=True)


def take_chunk(directory: Path, chunk: Mapping[str, Any]) -> None:
    """Write a piece of a file that a worker has sent.

    Raises:
        ValueError: it is for another place than a worker's files have.
        OSError: it cannot be written.
    """
    if not _SENT_FILE.fullmatch(str(chunk["path"])):
        msg = f"a worker has no file {chunk['path']!r} to send"
        raise ValueError(msg)
    path = directory / str(chunk["path"])
    path.parent.mkdir(exist_ok=True)
    with path.open("r+b" if path.exists() else "wb") as file:
        file.seek(int(chunk["at"]))
        file.write(chunk["data"])


def _is_run(directory: Path, t0: float) -> bool:
    try:
        return bool(json.loads((directory / MANIFEST).read_bytes())["t0"] == t0)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _make(plan: Mapping[str, Any]) -> Path:
    directory = Path(tempfile.mkdtemp(prefix="lwm2m-fleet-"))
    scenario = directory / "scenario.toml"
    scenario.write_text(plan["scenario"], encoding="utf-8")
    (directory / "plan.json").write_text(json.dumps({**plan["plan"], "scenario": str(scenario)}), encoding="utf-8")
    for kind in SENT:
        (directory / kind).mkdir()
    return directory
