"""What a second of a run came to, for the live page."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from locust.runners import MasterRunner

from simulator.lwm2m.firmware_table import STATES

if TYPE_CHECKING:
    from locust.env import Environment

    from simulator.load.conductor import Conductor

TRANSFERS = ("download ", "push ")


class Watcher:
    """Takes the differences from one second to the next.

    Args:
        environment: Locust's.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._bytes: Counter[str] = Counter()
        self._ended: Counter[str] = Counter()

    def row(self, conductor: Conductor) -> dict[str, Any]:
        """The row of this second."""
        states = dict.fromkeys(STATES, 0)
        for _group, number, devices in conductor.gauges["states"]:
            states[STATES[number]] += devices
        ended = Counter(conductor.outcomes.total)
        updates, self._ended = {name: max(0, ended[name] - self._ended[name]) for name in ended}, ended
        return {
            "t": round(conductor.now(), 1),
            "states": states,
            "updates": updates,
            "bytes": self._moved(),
            "health": self._health(),
        }

    def _moved(self) -> dict[str, int]:
        sums: Counter[str] = Counter()
        for (name, _), entry in list(self._environment.stats.entries.items()):
            if name.startswith(TRANSFERS):
                sums[name.partition(" ")[2]] += entry.total_content_length
        moved = {transport: max(0, total - self._bytes[transport]) for transport, total in sums.items()}
        self._bytes = sums
        return moved

    def _health(self) -> dict[str, float]:
        runner: Any = self._environment.runner
        health = {"master": float(runner.current_cpu_usage)}
        if isinstance(runner, MasterRunner):
            for position, client in enumerate(runner.clients.all):
                health[f"worker {position}"] = float(client.cpu_usage)
        return health
