"""The sections of a scenario that are not about devices: run, server, firmware, arrivals, campaign, criteria.

Field descriptions are the reference that an editor shows (JSON Schema) and that ``docs/scenario.md`` is held against.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from simulator.scenario.units import (
    DURATION,
    THROUGHPUT,
    Duration,
    PositiveDuration,
    Rate,
    Share,
    Size,
    StartRate,
    refuse,
)

HEADER_ROOM: Final = 256
"""No package is smaller: its header alone may take this many bytes."""


class Section(BaseModel):
    """A table of a scenario: no unknown keys, no silent conversions, no changes afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Run(Section):
    """The run as a whole."""

    name: str = Field(
        default="scenario",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="Name of the run, part of the name of its directory. Default: the name of the file.",
    )
    seed: int | None = Field(
        default=None,
        ge=0,
        lt=2**64,
        description="Seed of everything that is drawn. Default: a new one for each run, which the run writes down.",
    )
    duration_max: PositiveDuration = Field(
        default="10 min", validate_default=True, description="The run is cut short after this time."
    )


Host = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[^\s/\[\]@]+$")]
Port = Annotated[int, Field(ge=0, le=65535)]


class StartedServer(Section):
    """A server under test that the run itself starts: ours, Leshan's library or the aiocoap reference."""

    kind: Literal["embedded", "leshan", "aiocoap"] = Field(
        default="embedded", description="The server under test: embedded, leshan, leshan-demo, aiocoap or external."
    )
    host: Host = Field(default="127.0.0.1", description="The address that the server binds, or is reached at.")
    port: Port = Field(default=0, description="Its UDP port; 0 takes a free one (not for external).")


def _http_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    if not good:
        refuse(f"{value!r} is no http URL", 'write it as "http://127.0.0.1:8080"')
    return value


class LeshanDemo(Section):
    """Leshan's demo server, driven through its web API."""

    kind: Literal["leshan-demo"] = Field(description="The demo server of Leshan.")
    url: Annotated[str, BeforeValidator(_http_url, json_schema_input_type=str)] | None = Field(
        default=None, description="URL of a demo server that runs already. Default: the run starts one."
    )


class ExternalServer(Section):
    """A server that somebody else runs and drives: the devices register and do what it orders."""

    kind: Literal["external"] = Field(description="A server that the run neither starts nor drives.")
    host: Host = Field(description="Where it is.")
    port: Annotated[int, Field(ge=1, le=65535)] = Field(default=5683, description="Its UDP port.")


Server = StartedServer | LeshanDemo | ExternalServer
SERVERS: Final[dict[str, type[Section]]] = {
    "embedded": StartedServer,
    "leshan": StartedServer,
    "leshan-demo": LeshanDemo,
    "aiocoap": StartedServer,
    "external": ExternalServer,
}


class Firmware(Section):
    """The package that the campaign distributes."""

    size: Size = Field(
        default="64 KiB", validate_default=True, description="Size of the whole package, contents from the seed."
    )
    file: str | None = Field(
        default=None,
        min_length=1,
        description="A package file, in place of `size`; relative to the scenario.",
    )
    version: str = Field(
        default="2.0.0", min_length=1, max_length=32, description="Firmware Version (/3/0/3) after the update."
    )
    from_version: str = Field(
        default="1.0.0", min_length=1, max_length=32, description="Firmware Version (/3/0/3) before the update."
    )
    model: str = Field(
        default="vd-1",
        min_length=1,
        max_length=32,
        description="The model that the devices are and the package is for.",
    )

    @model_validator(mode="after")
    def _one_source(self) -> Firmware:
        if self.file is not None and "size" in self.model_fields_set:
            refuse("`size` and `file` exclude each other", "drop one of the two")
        return self

    def found_in(self, directory: Path) -> Firmware:
        """The same with ``file`` made absolute and ``size`` that of the file.

        Raises:
            OSError: the file cannot be read.
        """
        if self.file is None:
            return self
        path = (directory / self.file).resolve()
        with path.open("rb"):
            size = path.stat().st_size
        return self.model_copy(update={"file": str(path), "size": size})


class AtOnce(Section):
    """All devices start at time 0."""

    kind: Literal["at-once"] = Field(description="How the devices arrive: at-once, rate or ramp.")


class ConstantRate(Section):
    """Devices start at equal distances in time, whatever the server does (open model)."""

    kind: Literal["rate"] = Field(default="rate", description="How the devices arrive: at-once, rate or ramp.")
    rate: Rate = Field(default="100/s", validate_default=True, description="Devices that start per second.")


class Ramp(Section):
    """Devices start at a rate that changes evenly from one value to another, and then stays."""

    kind: Literal["ramp"] = Field(description="How the devices arrive: at-once, rate or ramp.")
    from_: StartRate = Field(alias="from", description="The rate at the beginning; may be 0/s.")
    to: Rate = Field(description="The rate at the end, and after it.")
    over: PositiveDuration = Field(description="How long the change takes.")


Arrivals = AtOnce | ConstantRate | Ramp
ARRIVALS: Final[dict[str, type[Section]]] = {"at-once": AtOnce, "rate": ConstantRate, "ramp": Ramp}


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
    execute: Annotated[Moment, MomentOf(("downloaded", "all-downloaded"), "delay")] = Field(
        default="downloaded",
        validate_default=True,
        description=(
            "When Update (/5/0/2) is executed: at once when a device has downloaded, when all have, or "
            '{ delay = "2 s" } after each.'
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
    late_starts_max: Count | None = Field(default=None, description="Devices that started later than 100 ms after due.")
    missed_starts_max: Count | None = Field(default=None, description="Devices that were due and never started.")
    update_p95_max: Duration | None = Field(default=None, description="95th percentile of the time of an update.")
    update_p99_max: Duration | None = Field(default=None, description="99th percentile of the time of an update.")
    download_p95_max: Duration | None = Field(default=None, description="95th percentile of the time of a transfer.")
    loop_lag_max: Duration | None = Field(default=None, description="Longest delay of a timer in the load generator.")
    throughput_min: Annotated[float | dict[str, float], ThroughputOf()] | None = Field(
        default=None, description='Payload per second over all transfers, or a table per "coap/pull", "coap/push" ...'
    )
