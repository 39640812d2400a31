"""The sections about devices: ``[devices]`` (defaults), ``[groups.NAME]`` and what a fault of a group is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field, InstanceOf, model_validator

from simulator.coap.params import TransmissionParameters
from simulator.lwm2m.firmware_table import ALLOWED, Event, Row, State
from simulator.lwm2m.profiles import Profile, habits_of
from simulator.scenario.endpoints import endpoint_pattern
from simulator.scenario.links import CredentialSettings, HandshakeSettings, Network, NetworkSettings, QueueSettings
from simulator.scenario.procedure import Procedure
from simulator.scenario.sections import HeaderText, Section
from simulator.scenario.switches import Switch
from simulator.scenario.units import SIZE, Duration, DurationRange, PositiveDuration, Share, Size, refuse
from simulator.security.spec import NO_CREDENTIALS, CredentialSpec

TRANSPORTS: Final = ("coap", "coaps", "coap+tcp", "coaps+tcp", "http", "https")
"""The URI schemes that devices can pull from."""
MANAGEMENT: Final = ("coap", "coaps", "coap+tcp", "coaps+tcp")
"""The URI schemes that devices can be managed over, and pushed to."""

SUCCESS: Final = (0, 1)
"""State and Update Result after a successful update."""


class End(Section):
    """State and Update Result in which an update is declared to end."""

    state: int = Field(ge=0, le=3, description="State (/5/0/3): 0 Idle, 1 Downloading, 2 Downloaded, 3 Updating.")
    result: int = Field(ge=0, le=11, description="Update Result (/5/0/5), 0 to 11.")

    @model_validator(mode="after")
    def _possible(self) -> End:
        allowed = sorted(map(int, ALLOWED[State(self.state)]))
        if self.result not in allowed:
            problem = f"no device can be in State {self.state} with Update Result {self.result}"
            refuse(problem, f"State {self.state} allows {', '.join(map(str, allowed))}")
        return self


class Fault(NamedTuple):
    """One fault of a group, with its parameters in bytes, seconds and shares between 0 and 1."""

    kind: str
    parameters: Mapping[str, Any]
    """With the keys that say when it strikes, where the table has them; a place is a ``Place``."""
    share: float
    """Share of the group's devices that carry it, above 0, at most 1."""
    expected: tuple[int, int] | None
    """State and Update Result in which the fault makes an update end; None where it should not show in them."""
    devices: int | None = None
    """Number of the group's devices that carry it, instead of ``share``."""
    alone: bool = False
    """Whether it decides the end although that looks like a success, as a device has it that lies of its version."""

    @property
    def decisive(self) -> bool:
        """Whether it decides how the update ends; a device carries at most one such fault."""
        return self.alone or (self.expected is not None and self.expected != SUCCESS)

    def carriers(self, size: int) -> int:
        """How many devices of a group of this size carry it."""
        return self.devices if self.devices is not None else max(1, round(self.share * size))


def _lifetime(value: float) -> float:
    if value < 1 or value % 1:
        refuse("a lifetime is a whole number of seconds, at least 1", 'write it as "300 s"')
    return value


def _block_size(value: object) -> int:
    size = value if isinstance(value, int) and not isinstance(value, bool) else SIZE.parse(value)
    if size not in (16, 32, 64, 128, 256, 512, 1024):
        refuse(f"{value!r} is no block size", "RFC 7959 has 16, 32, 64, 128, 256, 512 and 1024 bytes")
    return int(size)


class TransmissionSettings(Section):
    """Transmission parameters of CoAP (RFC 7252 §4.8)."""

    ack_timeout: PositiveDuration = Field(
        default="2 s", validate_default=True, description="ACK_TIMEOUT: the shortest wait before a CON is sent again."
    )
    ack_random_factor: float = Field(
        default=1.5, ge=1, le=10, description="ACK_RANDOM_FACTOR: the first wait is up to this many times ACK_TIMEOUT."
    )
    max_retransmit: int = Field(default=4, ge=0, le=20, description="MAX_RETRANSMIT: how often a CON is sent again.")
    nstart: int = Field(default=1, ge=1, le=64, description="NSTART: requests that are open to one peer at a time.")
    max_latency: PositiveDuration = Field(
        default="100 s", validate_default=True, description="MAX_LATENCY: the longest that a message is on its way."
    )

    @property
    def parameters(self) -> TransmissionParameters:
        """What the engine takes."""
        return TransmissionParameters(
            self.ack_timeout, self.ack_random_factor, self.max_retransmit, self.nstart, self.max_latency
        )

    @property
    def max_transmit_wait_s(self) -> float:
        """MAX_TRANSMIT_WAIT (RFC 7252 §4.8.2): after this time a sender gives up at the latest."""
        return self.parameters.MAX_TRANSMIT_WAIT


class DeviceSettings(Procedure):
    """Defaults of all groups; each group may set any of them anew."""

    delivery: Literal["pull", "push", "none"] = Field(
        default="pull",
        description="How the package comes: by Package URI (pull), by Package (push), or not at all (none).",
    )
    management: Literal["coap", "coaps", "coap+tcp", "coaps+tcp"] = Field(
        default="coap", description="URI scheme of the server that manages the devices, and pushes to them."
    )
    transport: Literal["coap", "coaps", "coap+tcp", "coaps+tcp", "http", "https"] = Field(
        default="coap", description="URI scheme of the download; of no meaning for push."
    )
    protocols: tuple[Literal["coap", "coaps", "coap+tcp", "coaps+tcp", "http", "https"], ...] | None = Field(
        default=None,
        strict=False,
        description="Schemes that the devices support and list in Protocol Support (/5/0/8). Default: `transport`.",
    )
    pull_retries: int = Field(
        default=0,
        ge=0,
        le=100,
        description="How often a pull that was interrupted is taken up again, beside what the profile does.",
    )
    credentials: CredentialSettings = Field(
        default_factory=CredentialSettings, description="What the devices show to the servers; a table."
    )
    download_credentials: CredentialSettings | None = Field(
        default=None, description="What they show to the package origin. Default: the same as to the server."
    )
    network: Network = Field(
        default_factory=NetworkSettings,
        description="Access network: the name of a profile, or a table with `profile` and figures of one's own.",
    )
    stack: Literal["own", "aiocoap"] = Field(
        default="own",
        description="Whose CoAP the devices speak: own, or aiocoap (managed over coap; tens to hundreds).",
    )
    profile: Literal["oma", "anjay", "zephyr"] = Field(
        default="oma", description="The client whose habits the devices have where the specification leaves a choice."
    )
    switches: tuple[Switch, ...] = Field(
        default=(),
        strict=False,
        description="Points of the specification that the devices read otherwise than their profile does, by name.",
    )
    object_version: Literal["1.0", "1.1", "1.2"] | None = Field(
        default=None, description="Version of the Firmware Update object. Default: what the profile has with `lwm2m`."
    )
    lwm2m: Literal["1.0", "1.1"] = Field(default="1.1", description="The LwM2M version that the devices register with.")
    from_version: HeaderText | None = Field(
        default=None, description="Firmware Version (/3/0/3) before the update. Default: that of `[firmware]`."
    )
    endpoint: Annotated[str, Field(min_length=1), AfterValidator(endpoint_pattern)] = Field(
        default="vd-{group}-{index:06d}",
        description="Endpoint Client Name; {group} is the group's name, {index} the index of the device in the run.",
    )
    lifetime: Annotated[PositiveDuration, AfterValidator(_lifetime)] = Field(
        default="1 d", validate_default=True, description="Lifetime (/1/0/1) of the registration."
    )
    queue_mode: QueueSettings | None = Field(
        default=None, description="Whether the devices are in queue mode, and how they sleep; a table."
    )
    flash: Size = Field(
        default="2 MiB", validate_default=True, description="Capacity of the flash that takes the package."
    )
    flash_file: bool = Field(
        default=False, description="Whether the flash is a file, flash/INDEX.bin in the run directory; for few devices."
    )
    boot_time: DurationRange = Field(
        default="500 ms", validate_default=True, description="Time of a boot, or { min, max } drawn per device."
    )
    install_time: DurationRange = Field(
        default="1 s", validate_default=True, description="Time of an installation, or { min, max } drawn per device."
    )
    block_size: Annotated[int, BeforeValidator(_block_size, json_schema_input_type=int | str)] = Field(
        default=1024, description="The largest block that the device asks for or takes: 16 to 1024, a power of two."
    )
    think_time: Duration = Field(
        default="0 s",
        validate_default=True,
        description="Time that a device takes over each datagram of coap and coaps.",
    )
    notifications: Literal["con", "non"] = Field(
        default="con", description="Whether notifications are confirmable (con) or not (non)."
    )
    coap: TransmissionSettings = Field(
        default_factory=TransmissionSettings, description="How a device sends CoAP messages again; a table."
    )
    dtls: HandshakeSettings = Field(
        default_factory=HandshakeSettings, description="How a device sends handshakes of DTLS again; a table."
    )


class Group(DeviceSettings):
    """A group of equal devices."""

    count: int = Field(ge=0, le=10_000_000, description="Number of devices.")
    expect: End | None = Field(
        default=None, description="How updates of devices without fault end. Default: state 0, result 1 (updated)."
    )
    faults: tuple[InstanceOf[Fault], ...] = Field(default=(), strict=False, description="Faults to inject.")

    @property
    def expected(self) -> tuple[int, int]:
        """State and Update Result in which a device without a decisive fault is declared to end.

        Where nothing is said, a download with wrong credentials ends as the profile has it.
        """
        if self.expect is not None:
            return self.expect.state, self.expect.result
        return self._end_of_credentials or SUCCESS

    @property
    def _end_of_credentials(self) -> tuple[int, int] | None:
        wrong = self.download_spec.wrong_for(self.transport)
        if self.delivery != "pull" or not wrong:
            return None
        lost = Event.CONNECTION_LOST
        if wrong == "missing":
            lost = self.habits.no_credential
        row = self.habits.table[State.DOWNLOADING, lost]
        assert isinstance(row, Row)
        return int(row.state or 0), int(row.result or 0)

    @property
    def habits(self) -> Profile:
        """The profile with the switches and the version of object 5."""
        return habits_of(self.profile, self.switches, self.object_version)

    @property
    def attempts_in_silence(self) -> int:
        """How often a pull asks in all before it gives up an origin that says nothing."""
        return 1 + self.pull_retries + self.habits.extra_pull_retries

    def found_in(self, directory: Path) -> Group:
        """The same with the paths of credential files made absolute; they are relative to the scenario."""
        sets = {"credentials": self.credentials, "download_credentials": self.download_credentials}
        found = {name: each.found_in(directory) for name, each in sets.items() if each is not None}
        return self.model_copy(update=found)

    @property
    def scheme(self) -> str:
        """URI scheme by which the package comes."""
        return self.management if self.delivery == "push" else self.transport

    @property
    def management_spec(self) -> CredentialSpec:
        """What the devices show to the management server."""
        own = self.credentials.spec(self.management)
        if self.download_credentials is not None:
            return own
        return self.credentials.spec(self.management, self.scheme)

    @property
    def download_spec(self) -> CredentialSpec:
        """What the devices show to the package origin: by default what they show to the management server."""
        if self.download_credentials is None:
            # A security context of OSCORE is shared with one server.
            return NO_CREDENTIALS if self.management_spec.kinds == {"oscore"} else self.management_spec
        return self.download_credentials.spec(self.scheme)


def _some(share: float) -> float:
    if share <= 0:
        refuse("a fault that no device carries has no effect", "raise `share` or drop the fault")
    return share


ShareOfDevices = Annotated[Share, AfterValidator(_some)]
