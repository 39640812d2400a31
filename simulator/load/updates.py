"""A finished firmware update as Locust has it: one ``request`` event, with all that is known of it in its context."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulator.load.merging import UPDATE

if TYPE_CHECKING:
    from locust.env import Environment

    from simulator.fleet.population import DevicePlan


class FleetUpdateError(Exception):
    """An update did not end as it was declared to, or nobody could find out how it ended."""


@dataclass(frozen=True, slots=True)
class Update:
    """How the update of a device ended, as the operator saw it."""

    plan: DevicePlan
    outcome: str
    """``ok``, ``fail`` or ``unknown``."""
    seconds: float
    """From when it was due to its end."""
    due: float
    """When it was due, seconds of Unix time."""
    state: int
    """The last State that the server told; below 0 for none."""
    result: int
    """The last Update Result that the server told; below 0 for none."""
    reason: str

    @property
    def declared(self) -> str:
        """State and Update Result with which it was to end."""
        return f"{self.plan.expected_state}/{self.plan.expected_result}"

    @property
    def observed(self) -> str:
        """State and Update Result that the server told; empty where it told none."""
        return f"{self.state}/{self.result}" if self.state >= 0 and self.result >= 0 else ""

    @property
    def context(self) -> dict[str, Any]:
        """What listeners of ``request`` are told beside its time."""
        plan = self.plan
        return {
            "endpoint": plan.endpoint,
            "group": plan.group,
            "transport": plan.transport,
            "fault": plan.fault,
            "outcome": self.outcome,
            "declared": self.declared,
            "observed": self.observed,
        }

    def fire(self, environment: Environment) -> None:
        """Fire it."""
        environment.events.request.fire(
            request_type=UPDATE,
            name=f"update {self.plan.transport}",
            response_time=self.seconds * 1000,
            start_time=self.due,
            response_length=0,
            exception=None if self.outcome == "ok" else FleetUpdateError(f"{self.outcome}: {self.reason}"),
            context=self.context,
        )
