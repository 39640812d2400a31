"""The sections about what is done and what must hold: ``[campaign]`` and ``[criteria]``."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from simulator.scenario.sections import Section
from simulator.scenario.units import DURATION, THROUGHPUT, Duration, PositiveDuration, Rate, Share, refuse


class Moment(NamedTuple):
    """When a step of the campaign comes: at an event, or some seconds after one."""

    event: str
    seconds: float


class MomentOf:
    """Reads one of some words, or a table with one duration, as a ``Moment``."""

    def __init__(self, words: tuple[str, ...], key: str) -> None:
        self.words = words
        self.key = key

    def parse(self, value: object) -> Moment:
        """The moment.

        Raises:
            PydanticCustomError: neither one of the words nor the table.
        """
        if isinstance(value, str) and value in self.words:
            return Moment(value, 0.0)
        if not isinstance(value, dict) or set(value) != {self.key}:
            forms = ", ".join(f'"{word}"' for word in self.words)
            refuse(f"{value!r} is not possible here", f'write {forms} or {{ {self.key} = "5 s" }}')
        return Moment(self.key, DURATION.parse(value[self.key]))

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        inside = {self.key: {"type": "string", "pattern": DURATION.pattern, "description": "How long."}}
        table = {"type": "object", "properties": inside, "required": [self.key], "additionalProperties": False}
        return {"anyOf": [{"enum": list(self.words)}, table]}


class Campaign(Section):
    """What the operator does: whom it updates, when and how fast."""

    start: Annotated[Moment, MomentOf(("registered", "all-registered"), "after")] = Field(
        default="registered",
        validate_default=True,
        description=(
            "When the updates begin: each device's once it has registered, all once all have registered, or "
            '{ after = "5 s" } from the start of the run.'
        ),
    )
    concurrency: int = Field(default=100, ge=1, le=1_000_000, description="Updates that are open at the same time.")
    execute: Annotated[Moment, MomentOf(("downloaded", "all-downloaded", "never"), "delay")] = Field(
        default="downloaded",
        validate_default=True,
        description=(
            "When Update (/5/0/2) is executed: at once when a device has downloaded, when all have, "
            '{ delay = "2 s" } after each, or never.'
        ),
    )
    groups: tuple[str, ...] | None = Field(
        default=None, strict=False, description="Names of the groups to update. Default: all that have a delivery."
    )
    order: Literal["arrival", "random"] = Field(
        default="arrival", description="Devices in the order of their arrival, or drawn by the seed."
    )
    rate: Rate | None = Field(default=None, description="Updates started per second. Default: as fast as they may.")
    timeout: PositiveDuration = Field(
        default="3 min",
        validate_default=True,
        description="After this time the operator stops looking at one update; its outcome is then unknown.",
    )
    request_timeout: PositiveDuration = Field(
        default="1 min",
        validate_default=True,
        description="How long the operator waits for the answer to one request; a push of a whole package is one.",
    )
    retries: int = Field(
        default=0,
        ge=0,
        le=1000,
        description=(
            "How often a package is ordered again of which nothing came: a push that was not answered, or an update "
            "that a device forgot over a restart."
        ),
    )


class ThroughputOf:
    """Reads a throughput, or a table of them per transport and delivery such as ``"coap/pull"``."""

    suffix = THROUGHPUT.suffix

    def parse(self, value: object) -> float | dict[str, float]:
        """Bytes per second, or a table of them.

        Raises:
            PydanticCustomError: a value that is no throughput.
        """
        if isinstance(value, dict):
            return {str(name): THROUGHPUT.parse(each) for name, each in value.items()}
        return THROUGHPUT.parse(value)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        one = {"type": "string", "pattern": THROUGHPUT.pattern}
        return {"anyOf": [one, {"type": "object", "additionalProperties": one}], "examples": [THROUGHPUT.example]}


Count = Annotated[int, Field(ge=0)]


class Criteria(Section):
    """What must hold at the end; a criterion that is not set is not judged."""

    failed_max: Count | None = Field(default=0, description="Updates that ended otherwise than declared.")
    unknown_max: Count | None = Field(default=0, description="Updates whose end the operator could not find out.")
    as_declared_min: Share | None = Field(
        default=None, description="Share of devices that ended as declared, in their own view and in the server's."
    )
    pattern_complete_min: Share | None = Field(
        default=None, description="Share of sound devices whose every State the server reported."
    )
    server_differs_max: Count | None = Field(
        default=None, description="Devices with which the server did something wrong that nothing else explains."
    )
    late_starts_max: Count | None = Field(default=None, description="Devices that started later than 100 ms after due.")
    missed_starts_max: Count | None = Field(default=None, description="Devices that were due and never started.")
    update_p95_max: Duration | None = Field(default=None, description="95th percentile of the time of an update.")
    update_p99_max: Duration | None = Field(default=None, description="99th percentile of the time of an update.")
    download_p95_max: Duration | None = Field(default=None, description="95th percentile of the time of a transfer.")
    loop_lag_max: Duration | None = Field(default=None, description="Longest delay of a timer in the load generator.")
    throughput_min: Annotated[float | dict[str, float], ThroughputOf()] | None = Field(
        default=None, description='Payload per second over all transfers, or a table per "coap/pull", "coap/push" ...'
    )
    expressions: tuple[str, ...] | None = Field(
        default=None,
        strict=False,
        description=(
            "Comparisons of metrics (docs/metrics.md), each of which must hold, such as "
            "'p95(update_seconds{group=\"a\"}) < 20 s'."
        ),
    )
