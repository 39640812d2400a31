"""What a group of devices has between itself and the servers: a network profile, and credentials."""

from __future__ import annotations

import dataclasses
from math import inf
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from simulator.lwm2m.queue_mode import AWAKE_S, QueueMode
from simulator.network.profiles import IDEAL, PROFILES, NetworkProfile
from simulator.scenario.sections import Section
from simulator.scenario.units import BIT_RATE, Duration, PositiveDuration, Share, Size, refuse
from simulator.security.spec import SHOWN, WRONGS, CredentialSpec, Kind, Wrong, kinds_for
from simulator.transport.dtls_handshake import DEFAULT_TIMERS, HandshakeTimers

BitRate = Annotated[float, BIT_RATE]
"""Bits per second, above 0."""

ETHERNET_MTU: Final = 1500
_FIGURES: Final = {
    "delay": "delay_s",
    "jitter": "jitter_s",
    "loss": "loss",
    "duplicate": "duplicate",
    "reorder": "reorder",
    "rate": "rate_bps",
    "rate_up": "rate_up_bps",
    "burst": "burst_bytes",
    "mtu": "mtu",
    "queue": "queue_s",
}
"""Keys of a scenario, and fields of ``NetworkProfile``."""


class NetworkSettings(Section):
    """The access network of the devices: a named profile, and figures of one's own in its place."""

    profile: str = Field(default="ideal", description=f"The profile that the figures are from: {', '.join(PROFILES)}.")
    delay: Duration | None = Field(default=None, description="One way, without the time of sending.")
    jitter: Duration | None = Field(default=None, description="Further delay, evenly drawn from 0 to this.")
    loss: Share | None = Field(default=None, description="Probability that a packet is lost.")
    duplicate: Share | None = Field(default=None, description="Probability that a datagram arrives twice.")
    reorder: Share | None = Field(default=None, description="Probability that later datagrams overtake one.")
    rate: BitRate | None = Field(default=None, description="To the device, headers included.")
    rate_up: BitRate | None = Field(default=None, description="From the device. Default: as `rate`.")
    burst: Size | None = Field(default=None, description="Bytes that may pass at once after a pause; at least one MTU.")
    mtu: Annotated[int, Field(ge=68, le=65535)] | None = Field(default=None, description="Bytes of an IP packet.")
    queue: Duration | None = Field(default=None, description="What would wait longer than this is dropped.")

    @field_validator("profile")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in PROFILES:
            refuse(f"{value!r} is no network profile", f"there are {', '.join(PROFILES)}")
        return value

    @property
    def resolved(self) -> NetworkProfile:
        """The profile with all its figures."""
        own = {
            field: value
            for key, field in _FIGURES.items()
            if (value := getattr(self, key)) is not None
        }  # fmt: skip
        profile = PROFILES[self.profile]
        if own and profile is IDEAL:
            # Without limits a packet may be of any length; with a rate or a delay it is that of Ethernet.
            own.setdefault("mtu", ETHERNET_MTU)
        return dataclasses.replace(profile, **own, name=f"{self.profile}*") if own else profile

    def normalised(self) -> dict[str, Any]:
        """The figures for a record, in seconds, bits per second and bytes; None for without limit."""
        resolved = self.resolved
        figures = dataclasses.asdict(resolved) | {
            "rate_up_bps": resolved.up_bps,
            "burst_bytes": resolved.bucket_bytes,
        }
        return {name: None if value == inf else value for name, value in figures.items()}


def _short(value: object) -> object:
    """A profile may be named without a table."""
    return {"profile": value} if isinstance(value, str) else value


Network = Annotated[NetworkSettings, BeforeValidator(_short, json_schema_input_type=str | NetworkSettings)]


class HandshakeSettings(Section):
    """When a device sends a flight of the DTLS handshake again (RFC 6347 §4.2.4.1)."""

    timeout: PositiveDuration = Field(
        default="1 s",
        validate_default=True,
        description="Wait before a flight is sent again; it doubles with each time, up to 60 s.",
    )
    retransmissions: int = Field(
        default=5, ge=0, le=20, description="How often a flight is sent again before the handshake has failed."
    )

    @field_validator("timeout")
    @classmethod
    def _bounded(cls, value: float) -> float:
        if value > DEFAULT_TIMERS.maximum_s:
            refuse(f"a flight is sent again after {DEFAULT_TIMERS.maximum_s:g} s at the latest", "lower it")
        return value

    @property
    def timers(self) -> HandshakeTimers:
        """The timers of the handshakes."""
        return HandshakeTimers(float(self.timeout), DEFAULT_TIMERS.maximum_s, self.retransmissions)


class QueueSettings(Section):
    """Queue mode: for how long a device listens, and when it wakes up."""

    awake: PositiveDuration = Field(
        default=f"{AWAKE_S:g} s",
        validate_default=True,
        description="For how long a device listens after each message; then it sleeps. The server takes it for 93 s.",
    )
    update_every: PositiveDuration | None = Field(
        default=None,
        description="How often it wakes up to send an Update. Default: only before its registration ends.",
    )

    @property
    def mode(self) -> QueueMode:
        """What a device takes."""
        return QueueMode(self.awake, self.update_every)


class CredentialSettings(Section):
    """What a device shows to a server, and whom it trusts."""

    kind: Literal["psk", "x509", "oscore", "psk+x509"] | None = Field(
        default=None,
        description="What the devices have. Default: what their schemes need, psk for coaps, x509 for TLS.",
    )
    wrong: Wrong = Field(
        default="",
        description="What is wrong with it: missing; of a psk wrong-key, unknown-identity; of x509 unknown-ca, "
        "wrong-host (the device refuses the server), expired, untrusted (the server refuses the device).",
    )
    psk_file: str = Field(
        default="", description="Keys: CSV or JSON with endpoint, identity, key_hex. Default: derived from the seed."
    )
    certificate: str = Field(
        default="", description="PEM file with the certificate; {endpoint} is replaced. Default: made by the run's CA."
    )
    key: str = Field(default="", description="PEM file with the private key of `certificate`.")
    trust: str = Field(default="", description="PEM file with the CAs that the devices trust. Default: the run's CA.")
    server_name: str = Field(
        default="", max_length=253, description="Name that the server's certificate has to be for. Default: the host."
    )

    @model_validator(mode="after")
    def _fits(self) -> CredentialSettings:
        if bool(self.certificate) != bool(self.key):
            refuse("`certificate` and `key` belong together", "give both files or neither")
        kinds = self.kinds
        if kinds and not any(self.wrong in WRONGS[kind] for kind in kinds):
            allowed = sorted({name for kind in kinds for name in WRONGS[kind]} - {""})
            refuse(f"a credential of kind {self.kind} cannot be {self.wrong}", f"it can be {', '.join(allowed)}")
        if "psk" not in (kinds or {"psk"}) and self.psk_file:
            refuse(f"`psk_file` has no use with kind = {self.kind}", 'drop it, or set kind = "psk"')
        return self

    @property
    def kinds(self) -> frozenset[Kind]:
        """The kinds that are set; empty where they follow from the schemes."""
        parts: list[Kind] = self.kind.split("+") if self.kind is not None else []  # type: ignore[assignment]
        return frozenset(parts)

    def found_in(self, directory: Path) -> CredentialSettings:
        """The same with absolute paths."""
        names = ("psk_file", "certificate", "key", "trust")
        paths = {name: str((directory / value).resolve()) for name in names if (value := getattr(self, name))}
        return self.model_copy(update=paths)

    def spec(self, *schemes: str) -> CredentialSpec:
        """What a device has that uses these URI schemes."""
        return CredentialSpec(
            self.kinds or _implied(self.wrong, schemes),
            self.wrong,
            self.psk_file,
            self.certificate,
            self.key,
            self.trust,
            self.server_name,
        )


def _implied(wrong: Wrong, schemes: tuple[str, ...]) -> frozenset[Kind]:
    """What the schemes need: where one kind only can be wrong in this way, that one, wherever it is taken."""
    kinds: list[Kind] = [kind for kind in ("psk", "x509") if wrong in WRONGS[kind]]
    if len(kinds) > 1:
        return kinds_for(*schemes)
    return frozenset(kinds) | kinds_for(*(scheme for scheme in schemes if kinds[0] not in SHOWN.get(scheme, ())))
