"""What the operator process is to do, as a file: the server, the targets and the tactics.

The command that starts a run writes it from the scenario; the operator knows no scenario and no fleet, as a person at
a console would not.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from simulator.operator.acts import Act
from simulator.operator.campaign import Tactics, Target
from simulator.operator.course import Course
from simulator.operator.requests import Patience
from simulator.operator.update import Order


@dataclass(frozen=True, slots=True)
class ServerChoice:
    """The server under test and how to come by it."""

    kind: str
    """``embedded``, ``aiocoap``, ``leshan`` or ``leshan-demo``."""
    host: str
    port: int
    """UDP port of the registration interface; 0 for a free one."""
    url: str
    """Of a Leshan demo server that already runs; empty to start one."""
    work: str
    """Directory for the server's log and files."""
    block_size: int
    """Largest block of a push, where the server can be told."""
    identity_dir: str = ""
    """Directory of ``server.pem``, ``server.key`` and ``ca.pem``: with it the transports with certificates open."""
    chaos: str = ""
    """What an embedded server does wrong, as JSON (``Chaos``); empty for a sound one."""


@dataclass(frozen=True, slots=True)
class Job:
    """All that the operator process needs."""

    server: ServerChoice
    tactics: Tactics
    patience: Patience
    targets: tuple[Target, ...]
    seed: int = 0
    """Of the run: from it come the pre-shared keys of the devices that have none in a file."""

    def write(self, path: Path) -> None:
        """Write the job as JSON.

        Raises:
            OSError: the file cannot be written.
        """
        path.write_text(json.dumps(asdict(self), default=str), encoding="utf-8")

    @staticmethod
    def read(path: Path) -> Job:
        """Read a job that ``write`` wrote.

        Raises:
            OSError: there is no such file.
            ValueError, KeyError, TypeError: it is not a job.
        """
        document = json.loads(path.read_text(encoding="utf-8"))
        return Job(
            ServerChoice(**document["server"]),
            Tactics(**document["tactics"]),
            Patience(**document["patience"]),
            tuple(_target(target) for target in document["targets"]),
            document["seed"],
        )


def _target(document: dict[str, Any]) -> Target:
    order = document["order"]
    if order is not None:
        acts = tuple(Act(**{**act, "file": Path(act["file"])}) for act in order["acts"])
        course = order["course"]
        if course is not None:
            course = Course(**{**course, "states": tuple(course["states"]), "results": tuple(course["results"])})
        order = Order(**{**order, "package": Path(order["package"]), "acts": acts, "course": course})
    return Target(document["device"], document["endpoint"], order, document["security"], document["psk_file"])
