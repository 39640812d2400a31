"""The manifest of a run: who ran what, on what, from when to when, and how it ended.

``manifest.json`` is written whole at the start, each time a process joins, and at the end. A run that was killed is
still ``running`` in its manifest and has no end, which is how a report knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from simulator.events import SCHEMA_VERSION
from simulator.recorder.files import write_json
from simulator.recorder.losses import Loss, with_losses
from simulator.recorder.machine import machine, versions

MANIFEST: Final = "manifest.json"

Status = Literal["running", "complete", "cut short", "failed"]

RECORDING_ROLES: Final = frozenset({"fleet", "operator"})
"""Roles whose processes have a recorder."""

_SECRET: Final = re.compile(
    r"(?:^|[_-])(?:psk|key|password|passwd|secret|token|credentials?)(?:$|[_-](?:hex|base64|file|path))"
)
_HIDDEN: Final = "***"


class RunDirectoryError(Exception):
    """The run directory cannot be used; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one process of the run has used in all."""

    process: str
    role: str
    """``fleet``, ``operator``, ``origin``, ``server`` or ``command``."""
    cpu_s: float
    """CPU seconds, user and system."""
    rss_bytes: int
    """Resident memory at its largest, bytes."""


def run_id(name: str, seed: int, at: datetime | None = None) -> str:
    """The name of a run directory: UTC time, scenario and seed, such as ``20250131T120000Z-first-7``."""
    moment = (at or datetime.now(UTC)).astimezone(UTC)
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.") or "run"
    return f"{moment:%Y%m%dT%H%M%SZ}-{plain}-{seed}"


def make_run_directory(directory: Path) -> Path:
    """Make ``directory``, which must not exist or be empty.

    Raises:
        RunDirectoryError: it holds something, is no directory, or cannot be made.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        occupied = next(directory.iterdir(), None)
    except FileExistsError:
        msg = f"{directory} is a file; name a directory that does not exist yet"
        raise RunDirectoryError(msg) from None
    except OSError as error:
        msg = f"{directory} cannot be made or read: {error.strerror}; name another directory"
        raise RunDirectoryError(msg) from error
    if occupied is not None:
        msg = f"{directory} is not empty (it holds {occupied.name}); a run needs a directory of its own, name a new one"
        raise RunDirectoryError(msg)
    return directory


class Manifest:
    """``manifest.json`` of one run, kept by the command that started it."""

    def __init__(
        self,
        directory: Path,
        *,
        scenario: Mapping[str, Any],
        seed: int,
        t0: float,
        command: Sequence[str],
        server: Mapping[str, Any] | None = None,
    ) -> None:
        """Make the run directory and write the manifest with status ``running``.

        Args:
            directory: must not exist or be empty; ``Path("runs") / run_id(name, seed)`` by custom.
            scenario: the normalised scenario, as JSON values. What looks like a key or a password is left out.
            seed: the seed of the run.
            t0: the monotonic clock at time 0 of all recorded times, in seconds.
            command: the command line; arguments that look like secrets are left out.
            server: what is known of the server under test (``kind``, ``name``, ``uri`` ...).

        Raises:
            RunDirectoryError: the directory cannot be used.
            OSError: the manifest cannot be written.
        """
        self.directory: Final = make_run_directory(directory)
        self._document: dict[str, object] = {
            "schema": SCHEMA_VERSION,
            "run": directory.resolve().name,
            "status": "running",
            "reason": "",
            "started": _utc(),
            "ended": "",
            "t0": t0,
            "seed": seed,
            "command": hide_arguments(command),
            "server": hide_values(server or {}),
            "versions": versions(),
            "machine": machine(),
            "scenario": hide_values(scenario),
        }
        self._processes: list[dict[str, object]] = []
        self._usage: list[dict[str, object]] = []
        self.losses: Sequence[Loss] = ()
        """What was lost on the way; a run that has lost something is cut short, unless it failed."""
        self._write()

    @property
    def path(self) -> Path:
        """Where the manifest is."""
        return self.directory / MANIFEST

    def add_process(self, name: str, role: str, pid: int, *, records: bool | None = None) -> None:
        """Note a process of the run, before it records.

        Args:
            name: the name under which it records.
            role: ``fleet``, ``operator``, ``origin``, ``server`` or ``command``.
            pid: its process id.
            records: whether it has a recorder of its own, so that a report can miss what it recorded; None: a fleet and
                an operator have one, others have none.

        Raises:
            ValueError: the name is taken.
            OSError: the manifest cannot be written.
        """
        if any(process["name"] == name for process in self._processes):
            msg = f"process name {name!r} is taken"
            raise ValueError(msg)
        records = role in RECORDING_ROLES if records is None else records
        self._processes.append({"name": name, "role": role, "pid": pid, "records": records})
        self._write()

    def describe_server(self, server: Mapping[str, Any]) -> None:
        """Replace the description of the server under test, once it has told its name and version.

        Raises:
            OSError: the manifest cannot be written.
        """
        self._document["server"] = hide_values(server)
        self._write()

    def end(self, status: Status, reason: str = "", usage: Iterable[Usage] = ()) -> None:
        """Write how the run ended.

        Args:
            status: ``complete``; ``cut short`` (stopped before the plan was through); ``failed`` (could not go on).
            reason: why it is not complete, in words.
            usage: what each process has used.

        Raises:
            OSError: the manifest cannot be written.
        """
        self._document.update(with_losses(status, reason, self.losses), ended=_utc())
        self._usage = [asdict(one) for one in usage]
        self._write()

    def _write(self) -> None:
        write_json(self.path, {**self._document, "processes": self._processes, "usage": self._usage})


def hide_arguments(command: Sequence[str]) -> list[str]:
    """A command line without its secrets: the value of ``--psk`` or ``--api-key=...`` becomes ``***``."""
    shown: list[str] = []
    hide_next = False
    for argument in command:
        option, equals, _ = argument.partition("=")
        secret = _is_secret(option.lstrip("-").rpartition(".")[2])
        if hide_next and not argument.startswith("--"):
            shown.append(_HIDDEN)
        elif secret and equals:
            shown.append(f"{option}={_HIDDEN}")
        else:
            shown.append(argument)
        hide_next = secret and not equals and argument.startswith("-")
    return shown


def hide_values(value: Any) -> Any:
    """JSON values without their secrets: what stands under a key such as ``psk`` or ``key_hex`` becomes ``***``.

    A table such as ``credentials`` is looked into: what kind they are is no secret.
    """
    if isinstance(value, Mapping):
        return {str(k): _HIDDEN if _is_secret(str(k)) and _is_plain(v) else hide_values(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [hide_values(one) for one in value]
    return value


def _is_plain(value: Any) -> bool:
    return bool(value) and not isinstance(value, Mapping)


def _is_secret(name: str) -> bool:
    return _SECRET.search(name.lower()) is not None


def _utc() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
