"""What is to be run, what can be seen of it while it runs, and how it ended."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

    from simulator.cli.progress import Progress
    from simulator.recorder.manifest import Status
    from simulator.scenario import Scenario


PLAN: Final = "plan.json"
"""The plan as a file of the run directory."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run."""

    scenario_file: Path
    overrides: tuple[str, ...]
    devices: int | None
    scenario: Scenario
    seed: int
    processes: int
    directory: Path
    command: tuple[str, ...]
    metrics: int = 0
    """Port at which Prometheus is answered; 0 for none."""

    def write(self, path: Path, package_bytes: int) -> None:
        """Write what the fleet processes need to compute the same fleet.

        Raises:
            OSError: the file cannot be written.
        """
        document = {
            "scenario": str(self.scenario_file.resolve()),
            "set": list(self.overrides),
            "devices": self.devices,
            "seed": self.seed,
            "package_bytes": package_bytes,
            "tally": True,
        }
        path.write_text(json.dumps(document), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended."""

    status: Status
    """``complete``, ``cut short`` or ``failed``."""
    reason: str = ""
    interrupted: bool = False
    """Whether the user stopped it."""
    begun: bool = True
    """Whether devices were started, so that there is something to report."""


@dataclass(slots=True)
class View:
    """What whoever looks on can see."""

    phase: str = "preparing"
    detail: str = ""
    began: float = field(default_factory=time.monotonic)
    devices: int = 0
    fleet: dict[str, Any] = field(default_factory=dict)
    campaign: dict[str, Any] = field(default_factory=dict)
    told: str = ""
    """What the user has to know while it runs."""
    progress: Progress | None = None
    """How far the groups have come and how fast; None where nobody follows it."""
