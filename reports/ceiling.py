"""How fast a transfer could be at best over a network of known figures. Pure: figures in, bytes per second out.

CoAP asks for a block only when it has the one before (RFC 7959 §2, §3), so that a block takes a round trip, over
datagrams as over a stream. HTTP asks once, and is as fast as the link can carry its segments. What comes once in a
transfer - connecting, handshakes, the slow start of TCP - is left out, and so is what a program needs to compute;
headers are the shortest that there can be. A ceiling is thus above what can be reached, on the average: where packets
are lost or jitter, it is that of many exchanges, and a lucky device may be above it.

docs/summary-schema.md has the formulas.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, inf, isfinite
from typing import Any, Final

IP_UDP: Final = 28
"""Headers of a datagram: IPv4 (RFC 791) without options, and UDP (RFC 768)."""
IP_TCP: Final = 40
"""Headers of a segment: IPv4 and TCP (RFC 9293 §3.1) without options."""
IP: Final = 20
DTLS_RECORD: Final = 29
"""Header (13), explicit nonce (8) and tag (8) of a DTLS 1.2 record with AES-CCM-8 (RFC 6347 §4.1, RFC 6655 §4)."""
TLS_RECORD: Final = 22
"""Header (5), content type (1) and tag (16) of a TLS 1.3 record (RFC 8446 §5.2)."""
TLS_RECORD_MAX: Final = 16_384
COAP_UDP_ASKING: Final = 7
"""Header (4) and Block option (3) of a message without payload (RFC 7252 §3, RFC 7959 §2.2)."""
COAP_UDP_CARRYING: Final = 8
"""The same, and the payload marker."""
COAP_TCP_ASKING: Final = 5
"""Length and code (2) and Block option (3) of a message without payload (RFC 8323 §3.2)."""
COAP_TCP_CARRYING: Final = 8
"""Length in up to 3 bytes, code, Block option and payload marker."""

LINK_RATE: Final = "link rate"
ROUND_TRIP: Final = "round trip"

_STREAMS: Final = frozenset({"coap+tcp", "coaps+tcp", "http", "https"})
_BLOCKS: Final = frozenset({"coap", "coaps", "coap+tcp", "coaps+tcp"})
_DATAGRAMS: Final = _BLOCKS - _STREAMS
_SECURE: Final = frozenset({"coaps", "coaps+tcp", "https"})


@dataclass(frozen=True, slots=True)
class Network:
    """The figures of a network profile, as the manifest has them. Delays are one way; no limit is an infinite rate."""

    delay_s: float = 0.0
    jitter_s: float = 0.0
    """Further delay, evenly drawn from 0 to this."""
    loss: float = 0.0
    """Probability that a packet is lost."""
    rate_bps: float = inf
    """To the device."""
    rate_up_bps: float = inf
    mtu: int = 1500
    burst_bytes: int = 1500
    """Depth of the token bucket of a direction; what is above the MTU may leave at once after a pause."""

    @classmethod
    def of(cls, figures: Mapping[str, Any]) -> Network | None:
        """The network of a group in the manifest; None where it has no delay and no rate, and so no ceiling."""
        number = {name: value for name, value in figures.items() if _is_number(value)}
        mtu = max(int(number.get("mtu", 1500)), IP_TCP + 1)
        rate_bps = number.get("rate_bps") or inf
        found = cls(
            delay_s=max(number.get("delay_s", 0.0), 0.0),
            jitter_s=max(number.get("jitter_s", 0.0), 0.0),
            loss=min(max(number.get("loss", 0.0), 0.0), 1.0),
            rate_bps=rate_bps,
            rate_up_bps=number.get("rate_up_bps") or rate_bps,
            mtu=mtu,
            burst_bytes=max(int(number.get("burst_bytes") or mtu), mtu),
        )
        slow = found.delay_s or found.jitter_s or isfinite(found.rate_bps) or isfinite(found.rate_up_bps)
        return found if slow else None


@dataclass(frozen=True, slots=True)
class Retry:
    """How a confirmable message is sent again. The defaults are those of RFC 7252 §4.8."""

    ack_timeout_s: float = 2.0
    ack_random_factor: float = 1.5
    max_retransmit: int = 4

    @classmethod
    def of(cls, figures: Mapping[str, Any]) -> Retry:
        """The parameters ``coap`` of a group in the manifest."""
        known = {name: figures[name] for name in cls.__slots__ if _is_number(figures.get(name))}
        return cls(**known)

    def wait_s(self, lost: float) -> float:
        """Mean time for which an exchange that has an answer in the end waits for its retransmissions, in seconds.

        The k-th retransmission is sent when time-outs of T, 2T ... 2^(k-1) T have passed, T (2^k - 1) in all, where T
        is evenly drawn from ACK_TIMEOUT to ACK_TIMEOUT times ACK_RANDOM_FACTOR (RFC 7252 §4.2).

        Args:
            lost: probability that a request or its answer is lost, so that there must be another one.
        """
        if lost >= 1:
            return inf
        first_s = self.ack_timeout_s * (1 + self.ack_random_factor) / 2
        shares = [lost**k * (1 - lost) for k in range(int(self.max_retransmit) + 1)]
        return float(sum(share * first_s * (2**k - 1) for k, share in enumerate(shares)) / sum(shares))


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What limits a transfer, and to what."""

    bytes_per_s: float
    """Payload."""
    limit: str
    """``round trip`` or ``link rate``."""


def ceiling(
    scheme: str, network: Network, *, size: int, block: int, retry: Retry | None = None, think_s: float = 0.0
) -> Ceiling | None:
    """The ceiling of a transfer to a device.

    Args:
        scheme: URI scheme of the transport.
        size: length of the package in bytes.
        block: payload of a message in bytes; several blocks in one message (BERT, RFC 8323 §6) count as one.
        retry: of the side that asks.
        think_s: what the device takes over each datagram.

    Returns:
        None where nothing limits it: an HTTP transfer without a rate, or one that passes in a burst; or for a scheme
        that is not known.
    """
    if size <= 0 or scheme not in _STREAMS | _DATAGRAMS:
        return None
    link = _link_rate(scheme, network, size, block)
    if scheme not in _BLOCKS or block <= 0:
        return link
    cycle_s = round_trip_s(scheme, network, block) + (think_s if scheme in _DATAGRAMS else 0.0)
    if scheme in _DATAGRAMS:
        cycle_s += (retry or Retry()).wait_s(_lost(scheme, network, block))
    turns = Ceiling(block / cycle_s, ROUND_TRIP) if cycle_s > 0 else None
    return min((one for one in (turns, link) if one), key=lambda one: one.bytes_per_s, default=None)


def round_trip_s(scheme: str, network: Network, block: int) -> float:
    """Mean time from one request to the next, without losses: twice the delay, the mean jitter of both ways, and the
    time of sending the message that carries the block (to the device) and the one that asks for it or acknowledges it.
    """
    down, up = _wire(scheme, network, block), _wire(scheme, network, 0)
    if scheme in _STREAMS:
        down /= max(1 - network.loss, 1e-9)  # a lost segment passes the link again
    sending_s = _sending_s(network, down, network.rate_bps) + _sending_s(network, up, network.rate_up_bps)
    return 2 * network.delay_s + network.jitter_s + sending_s


def _link_rate(scheme: str, network: Network, size: int, block: int) -> Ceiling | None:
    """As fast as the link can send the package with the headers of its packets."""
    if scheme in _DATAGRAMS:
        wire = ceil(size / max(block, 1)) * _wire(scheme, network, block)
    else:
        wire = _segments(scheme, network, size) / max(1 - network.loss, 1e-9)
    seconds = _sending_s(network, wire, network.rate_bps)
    return Ceiling(size / seconds, LINK_RATE) if seconds > 0 else None


def _sending_s(network: Network, wire: float, rate_bps: float) -> float:
    """Time of sending so many bytes after a pause, in which the token bucket has filled."""
    return max(0.0, wire - (network.burst_bytes - network.mtu)) * 8 / rate_bps


def _lost(scheme: str, network: Network, block: int) -> float:
    """Probability that one of the packets of an exchange is lost."""
    packets = _fragments(network, _wire(scheme, network, block)) + 1
    return float(1 - (1 - network.loss) ** packets)


def _wire(scheme: str, network: Network, block: int) -> float:
    """Bytes on the link of a message with a block, or of one without payload."""
    if scheme in _STREAMS:
        return _segments(scheme, network, block + (COAP_TCP_CARRYING if block else COAP_TCP_ASKING))
    datagram = block + (COAP_UDP_CARRYING if block else COAP_UDP_ASKING) + IP_UDP
    datagram += DTLS_RECORD if scheme in _SECURE else 0
    return datagram + (_fragments(network, datagram) - 1) * IP


def _segments(scheme: str, network: Network, payload: int) -> float:
    records = ceil(payload / TLS_RECORD_MAX) * TLS_RECORD if scheme in _SECURE else 0
    return payload + records + ceil((payload + records) / (network.mtu - IP_TCP)) * IP_TCP


def _fragments(network: Network, datagram: float) -> int:
    """Packets that an IP datagram of this length travels in; all but the last carry a multiple of 8 bytes (RFC 791)."""
    if datagram <= network.mtu:
        return 1
    return ceil((datagram - IP) / ((network.mtu - IP) // 8 * 8))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)
