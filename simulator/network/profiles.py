"""Network profiles: how a link delays, loses and limits what passes it.

The figures of the named profiles are settings, chosen inside the ranges that ``simulator.network.sources`` names for
each; they are not measurements of any network. A real link changes with coverage and load: a run that must match one
sets its own figures (``dataclasses.replace``). docs/network-profiles.md says what is modelled, and what is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import inf, isnan
from types import MappingProxyType
from typing import Final

MTU_MIN: Final = 68
"""The smallest MTU that IPv4 allows (RFC 791)."""
IP_PACKET_MAX: Final = 65_535


@dataclass(frozen=True, slots=True)
class NetworkProfile:
    """One kind of access network, seen from a device. Delays are one way.

    Raises:
        ValueError: a figure is out of its range; the text names it.
    """

    name: str
    delay_s: float = 0.0
    """Shortest time from one end to the other, without the time of sending."""
    jitter_s: float = 0.0
    """Further delay, evenly drawn from 0 to this. It does not change the order of datagrams."""
    loss: float = 0.0
    """Probability that a packet is lost."""
    duplicate: float = 0.0
    """Probability that a datagram arrives twice."""
    reorder: float = 0.0
    """Probability that a datagram is held back for up to twice the delay and jitter, so that later ones overtake it."""
    rate_bps: float = inf
    """Bits per second to the device, headers included."""
    rate_up_bps: float | None = None
    """Bits per second from the device; None: the same."""
    mtu: int = 1500
    """Bytes of an IP packet; longer datagrams travel in fragments, and are lost with any one of them."""
    queue_s: float = inf
    """A datagram that would wait longer than this before it is sent is dropped."""
    burst_bytes: int | None = None
    """Depth of the token bucket of each direction; None, and what is below one MTU: one MTU, for packets are not cut.

    In any time t, no more than rate · t + this leaves a sender. A packet counts when its last bit has left, so that one
    MTU is a line of the rate, and what is above that may leave at once after a pause.
    """

    def __post_init__(self) -> None:
        for name in ("loss", "duplicate", "reorder"):
            self._demand(name, 0.0, 1.0)
        for name in ("delay_s", "jitter_s", "queue_s"):
            self._demand(name, 0.0, inf)
        if self.delay_s == inf or self.jitter_s == inf:
            msg = f"network profile {self.name}: delay_s and jitter_s must be finite"
            raise ValueError(msg)
        for rate in (self.rate_bps, self.up_bps):
            if not rate > 0:
                msg = f"network profile {self.name}: a rate must be above 0 bit/s, not {rate}"
                raise ValueError(msg)
        self._demand("mtu", MTU_MIN, IP_PACKET_MAX)
        if self.burst_bytes is not None and not 0 <= self.burst_bytes < inf:
            msg = f"network profile {self.name}: burst_bytes must be finite and not below 0, not {self.burst_bytes}"
            raise ValueError(msg)

    def _demand(self, name: str, least: float, most: float) -> None:
        value = getattr(self, name)
        if isnan(value) or not least <= value <= most:
            msg = f"network profile {self.name}: {name} must be from {least:g} to {most:g}, not {value}"
            raise ValueError(msg)

    @property
    def up_bps(self) -> float:
        """Bits per second from the device."""
        return self.rate_bps if self.rate_up_bps is None else self.rate_up_bps

    @property
    def bucket_bytes(self) -> int:
        """Depth of the token bucket of each direction, in bytes."""
        return max(self.mtu, self.burst_bytes or 0)

    @property
    def transparent(self) -> bool:
        """Whether it does nothing to what passes."""
        idle = ("name", "mtu", "burst_bytes")
        return all(getattr(self, f.name) == f.default for f in fields(self) if f.name not in idle)


IDEAL: Final = NetworkProfile("ideal", mtu=IP_PACKET_MAX)

_GPRS: Final = NetworkProfile(
    "gprs",
    delay_s=0.3,
    jitter_s=0.15,
    loss=0.01,
    rate_bps=40e3,
    rate_up_bps=13.4e3,
    mtu=1358,
    queue_s=20.0,
    burst_bytes=1358,
)

PROFILES: Final[Mapping[str, NetworkProfile]] = MappingProxyType(
    {
        "ideal": IDEAL,
        "lan": NetworkProfile(
            "lan",
            delay_s=0.000_25,
            jitter_s=0.000_1,
            rate_bps=100e6,
            rate_up_bps=100e6,
            mtu=1500,
            queue_s=0.1,
            burst_bytes=1500,
        ),
        "wifi": NetworkProfile(
            "wifi",
            delay_s=0.001,
            jitter_s=0.008,
            loss=0.001,
            rate_bps=20e6,
            rate_up_bps=20e6,
            mtu=1500,
            queue_s=0.25,
            burst_bytes=9000,
        ),
        "lte-m": NetworkProfile(
            "lte-m",
            delay_s=0.04,
            jitter_s=0.03,
            loss=0.005,
            rate_bps=300e3,
            rate_up_bps=375e3,
            mtu=1358,
            queue_s=5.0,
            burst_bytes=1358,
        ),
        "nb-iot": NetworkProfile(
            "nb-iot",
            delay_s=0.7,
            jitter_s=0.6,
            loss=0.01,
            rate_bps=25e3,
            rate_up_bps=16e3,
            mtu=1358,
            queue_s=30.0,
            burst_bytes=1358,
        ),
        "gprs": _GPRS,
        "2g": _GPRS,
        "satellite": NetworkProfile(
            "satellite",
            delay_s=0.27,
            jitter_s=0.03,
            loss=0.001,
            rate_bps=256e3,
            rate_up_bps=64e3,
            mtu=1500,
            queue_s=10.0,
            burst_bytes=1500,
        ),
    }
)
"""By name; ``2g`` is another name of ``gprs``."""


def profile_named(name: str) -> NetworkProfile:
    """The profile of that name.

    Raises:
        ValueError: there is none; the text lists those that are.
    """
    found = PROFILES.get(name)
    if found is None:
        msg = f"{name!r} is no network profile; there are {', '.join(PROFILES)}"
        raise ValueError(msg)
    return found
