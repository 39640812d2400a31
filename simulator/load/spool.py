"""Where a worker's fleet process records: in the run directory itself, or in one of its own until the end of the run.

On the machine of the master the run directory is there, and a fleet process writes its parts where they belong. On
another one it writes into a directory of its own, whose files are sent to the master when the devices have left. That
directory is removed when the master has said that it has stored them, and not before.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from simulator.load.living import boot_id
from simulator.recorder.files import TEMPORARY
from simulator.recorder.manifest import MANIFEST
from simulator.recorder.sent import CHUNK, IDENTITY, SENT, Fit, files_of, fit_of, is_sent


class Spool:
    """The directory of one fleet process.

    Args:
        plan: as the stage told it: ``name`` of the process, ``directory``, ``t0``, ``unix0``, ``boot``, ``plan`` and
            the ``scenario`` as text.

    Raises:
        OSError: no directory can be made.
    """

    def __init__(self, plan: Mapping[str, Any]) -> None:
        self.run = Path(plan["directory"])
        """The run directory on the machine of the master."""
        self.shared = _is_run(self.run, float(plan["t0"]))
        """Whether it is there on this machine, too."""
        self.directory = self.run if self.shared else _make(plan)
        same_clock = bool(plan["boot"]) and plan["boot"] == boot_id()
        # The wall clocks of two machines agree as well as they are set, which is for their owners to see to.
        self.t0 = float(plan["t0"]) if same_clock else time.monotonic() - (time.time() - float(plan["unix0"]))
        """What this machine's monotonic clock said at the start of the run."""

    def chunks(self) -> Iterator[dict[str, Any]]:
        """The files to be sent, piece by piece.

        Each has ``path`` in the run directory, ``at`` which byte, and the ``data``; the last one of a file has its
        ``sha256`` in hexadecimal.

        Raises:
            OSError: a file cannot be read.
        """
        for name in () if self.shared else files_of(self.directory):
            digest, at, whole = hashlib.sha256(), 0, False
            with (self.directory / name).open("rb") as file:
                while not whole:
                    data = file.read(CHUNK)
                    digest.update(data)
                    whole = len(data) < CHUNK
                    end = {"sha256": digest.hexdigest()} if whole else {}
                    yield {"path": name, "at": at, "data": data, **end}
                    at += len(data)

    def remove(self) -> None:
        """Remove the directory once its files are stored; nothing where it is the run directory."""
        if not self.shared:
            shutil.rmtree(self.directory, ignore_errors=True)


def take_chunk(directory: Path, chunk: Mapping[str, Any]) -> None:
    """Store a piece of a file that a worker has sent; the last one puts the file into its place.

    Raises:
        ValueError: it is for another place than a worker's files have, another file is there, or it came damaged.
        OSError: it cannot be written.
    """
    name = str(chunk["path"])
    if not is_sent(name):
        msg = f"a worker has no file {name!r} to send"
        raise ValueError(msg)
    path = directory / name
    path.parent.mkdir(exist_ok=True)
    coming = path.with_name(path.name + TEMPORARY)
    with coming.open("r+b" if chunk["at"] else "wb") as file:
        file.seek(int(chunk["at"]))
        file.write(chunk["data"])
    if "sha256" in chunk:
        _settle(coming, path, str(chunk["sha256"]))


def _settle(coming: Path, path: Path, sha256: str) -> None:
    with coming.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != sha256:
        msg = f"{path} did not come as it was sent"
        raise ValueError(msg)
    if fit_of(coming, path) in (Fit.LESS, Fit.OTHER):
        msg = f"{path} is there already, with other content"
        raise ValueError(msg)
    coming.replace(path)


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
    identity = {"process": plan["name"], "run": Path(plan["directory"]).name, "t0": plan["t0"]}
    (directory / IDENTITY).write_text(json.dumps(identity), encoding="utf-8")
    for kind in SENT:
        (directory / kind).mkdir()
    return directory
