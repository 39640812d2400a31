"""The sections of a scenario that are not about devices: run, server, firmware, arrivals, campaign, criteria.

Field descriptions are the reference that an editor shows (JSON Schema) and that ``docs/scenario.md`` is held against.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    model_validator,
)

from simulator.scenario.units import (
    PositiveDuration,
    Rate,
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
