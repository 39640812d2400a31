"""Writing a run directory: events in crash-safe part files, and a manifest that says what the run was."""

from simulator.recorder.health import HealthSampler, ProcessMeter
from simulator.recorder.machine import machine, versions
from simulator.recorder.manifest import Manifest, RunDirectoryError, Status, Usage
from simulator.recorder.recorder import Recorder

__all__ = [
    "HealthSampler",
    "Manifest",
    "ProcessMeter",
    "Recorder",
    "RunDirectoryError",
    "Status",
    "Usage",
    "machine",
    "versions",
]
