"""The section about an embedded server that misbehaves on purpose: ``[server.chaos]``."""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import Field, model_validator

from simulator.scenario.sections import Section
from simulator.scenario.units import Duration, PositiveDuration, Share, refuse

ACTS = (
    "silent",
    "busy",
    "late",
    "forgets_after",
    "misses",
    "result",
    "observes_once",
    "gives_up_after",
    "retries_every",
    "alters_push",
    "drops",
    "slow_by",
    "restarts_after",
    "skips_block",
    "ignores_413",
    "ignores_408",
)


class ChaosSettings(Section):
    """What the server does wrong; what is not set is done as it should be."""

    share: Share = Field(
        default="100 %", validate_default=True, description="Share of the devices that meet it, drawn by the seed."
    )
    silent: Share = Field(
        default="0 %",
        validate_default=True,
        description="Share of Registers and Updates that are acknowledged and never answered.",
    )
    busy: Share = Field(
        default="0 %", validate_default=True, description="Share of Registers and Updates that are answered with 5.03."
    )
    busy_for: Duration = Field(default="1 min", validate_default=True, description="Max-Age of these.")
    late: Share = Field(
        default="0 %", validate_default=True, description="Share of Registers and Updates that are answered late."
    )
    late_by: PositiveDuration = Field(default="10 s", validate_default=True, description="How late.")
    forgets_after: PositiveDuration | None = Field(
        default=None, description="When each registration is forgotten, as by a server that restarts without a store."
    )
    misses: tuple[Annotated[int, Field(ge=0, le=3)], ...] = Field(
        default=(), strict=False, description="States (/5/0/3) whose notifications are not passed on."
    )
    result: Literal["stale", "silent"] | None = Field(
        default=None,
        description="Update Result (/5/0/5): stale tells the first value for ever, silent tells none.",
    )
    observes_once: bool = Field(
        default=False, description="Whether only the first registration is observed, and later ones are read."
    )
    gives_up_after: PositiveDuration | None = Field(default=None, description="When a push is given up.")
    retries_every: PositiveDuration | None = Field(
        default=None,
        description="How long after its answer a Write of Package or Package URI is made again, for ever.",
    )
    alters_push: bool = Field(default=False, description="Whether a byte in the middle of a push is left out.")

    drops: Share = Field(
        default="0 %",
        validate_default=True,
        description="Share of the datagrams that the server loses, in and out, from the first Register on.",
    )
    slow_by: Duration = Field(
        default="0 s", validate_default=True, description="How much later a device is asked something than is due."
    )
    restarts_after: PositiveDuration | None = Field(
        default=None,
        description="How long after the first Register all registrations are forgotten, and connections closed.",
    )
    skips_block: bool = Field(
        default=False, description="Whether blocks of a push have wrong numbers from the fifth on (coap, coaps)."
    )
    ignores_413: bool = Field(
        default=False, description="Whether a 4.13 that asks for smaller blocks is the end of a push (coap, coaps)."
    )
    ignores_408: bool = Field(
        default=False, description="Whether a 4.08 is the end of a push, which should begin anew (coap, coaps)."
    )

    @model_validator(mode="after")
    def _does_something(self) -> ChaosSettings:
        if not self.share or not any(getattr(self, act) for act in ACTS):
            refuse("this server does nothing wrong", f"set one of {', '.join(ACTS)}, or drop the table")
        return self

    def to_json(self, seed: int) -> str:
        """The settings as the server takes them, in seconds and shares from 0 to 1."""
        return json.dumps({"seed": seed, **self.model_dump(), "result": self.result or ""})
