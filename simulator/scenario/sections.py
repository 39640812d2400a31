"""The sections of a scenario that are about the run, the firmware and the arrivals, and what all sections are.

Field descriptions are the reference that an editor shows (JSON Schema) and that ``docs/scenario.md`` is held against.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from simulator.firmware import HEADER_SIZE, PackageError, parse_header
from simulator.firmware.image import TEXT_SIZE
from simulator.scenario.units import Duration, PositiveDuration, Rate, Share, Size, StartRate, refuse

Host = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[^\s/\[\]@]+$")]
"""A name or an address, without brackets."""


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


def _header_text(value: str) -> str:
    if not value or not value.isprintable() or len(value.encode("utf-8", "replace")) > TEXT_SIZE:
        refuse(f"not 1 to {TEXT_SIZE} bytes of printable text: {value!r}", "a package's header has no room for more")
    return value


HeaderText = Annotated[str, AfterValidator(_header_text)]
"""Text that fits its field in the header of a package."""


class OriginChaosSettings(Section):
    """What the package origin does wrong with requests of devices, over every transport."""

    silent: Share = Field(
        default="0 %", validate_default=True, description="Share of the requests that are never answered."
    )
    busy: Share = Field(
        default="0 %", validate_default=True, description="Share of the requests that are answered with 5.03 (503)."
    )
    busy_for: Duration = Field(default="1 min", validate_default=True, description="Max-Age (Retry-After) of these.")
    alters: Share = Field(
        default="0 %",
        validate_default=True,
        description="Share of the answers whose bytes are out of place, under the same ETag.",
    )
    late: Share = Field(
        default="0 %", validate_default=True, description="Share of the requests that are answered late."
    )
    late_by: PositiveDuration = Field(default="10 s", validate_default=True, description="How late.")
    breaks: Share = Field(
        default="0 %",
        validate_default=True,
        description="Share of the answers over a stream whose connection is reset in the middle, or closed.",
    )
    drops: Share = Field(
        default="0 %", validate_default=True, description="Share of the datagrams that it loses, in and out."
    )

    @model_validator(mode="after")
    def _does_something(self) -> OriginChaosSettings:
        acts = ("silent", "busy", "alters", "late", "breaks", "drops")
        if not any(getattr(self, act) for act in acts):
            refuse("this origin does nothing wrong", f"set one of {', '.join(acts)}, or drop the table")
        return self

    def to_json(self, seed: int) -> str:
        """The settings as the origin takes them, in seconds and shares from 0 to 1."""
        return json.dumps({"seed": seed, **self.model_dump()})


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
    version: HeaderText = Field(default="2.0.0", description="Firmware Version (/3/0/3) after the update.")
    from_version: HeaderText = Field(default="1.0.0", description="Firmware Version (/3/0/3) before the update.")
    model: HeaderText = Field(default="vd-1", description="The model that the devices are and the package is for.")

    host: Host = Field(
        default="127.0.0.1", description="The address that the package origin binds, and devices pull from."
    )
    processes: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Processes of the package origin, which serve the same ports; each can fill a core.",
    )
    chaos: OriginChaosSettings | None = Field(
        default=None, description="What the package origin does wrong on purpose; a table."
    )

    @model_validator(mode="after")
    def _one_source(self) -> Firmware:
        if self.file is not None and "size" in self.model_fields_set:
            refuse("`size` and `file` exclude each other", "drop one of the two")
        return self

    def chaos_json(self, seed: int) -> str:
        """What the package origin does wrong, as its process takes it; empty for a sound one."""
        return "" if self.chaos is None else self.chaos.to_json(seed)

    def found_in(self, directory: Path) -> Firmware:
        """The same with ``file`` made absolute, and ``size``, ``version`` and ``model`` as the file has them.

        A file that is no package yet is given a header before it is sent, which counts in ``size``.

        Raises:
            OSError: the file cannot be read.
        """
        if self.file is None:
            return self
        path = (directory / self.file).resolve()
        with path.open("rb") as content:
            start = content.read(HEADER_SIZE)
            size = os.fstat(content.fileno()).st_size
        known: dict[str, Any] = {"file": str(path)}
        try:
            header = parse_header(start)
            known |= {"size": size, "version": header.version, "model": header.model}
        except PackageError:
            known["size"] = size + HEADER_SIZE
        return self.model_copy(update=known)


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
