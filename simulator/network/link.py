"""One direction of a link, as a pure queue: a size and the time go in, the times of its arrival come out.

All that a device sends goes through one token bucket, and all that it gets through another. What is counted is what an
IPv4 network carries: each fragment and each segment with its headers.
"""

from __future__ import annotations

from math import ceil, inf
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from simulator.network.profiles import NetworkProfile
    from simulator.ports import Dice

IP_HEADER: Final = 20
"""Bytes of an IPv4 header without options (RFC 791); each fragment has one."""
UDP_HEADER: Final = 8
"""Bytes of a UDP header (RFC 768); a datagram has one, however many fragments it travels in."""
TCP_HEADERS: Final = 40
"""Bytes of the IPv4 and TCP headers without options (RFC 9293 §3.1)."""
ICMP_SIZE: Final = 28
"""Payload of an ICMP port unreachable as a link counts it: headers of what could not be delivered (RFC 792)."""
RTO_MIN_S: Final = 1.0
"""Least retransmission time-out of TCP (RFC 6298 §2.4)."""
RTO_MAX_S: Final = 60.0
TRANSMISSIONS_MAX: Final = 16
"""How often TCP sends a segment before it gives up: Linux' tcp_retries2 of 15, and the first time."""
AHEAD_SEGMENTS: Final = 4
"""Most segments of one connection that wait to be sent, as far as the link is slow: others get their turn between."""
AHEAD_S: Final = 0.02
"""A fast link has segments for this time, so that the timer of the event loop does not slow it down."""

Direction = Literal["up", "down"]


class Bucket:
    """A token bucket: in any time t, no more than rate · t + depth leaves the sender.

    A packet has left when its last bit has. With a depth of one packet, the link is a line of that rate, and nothing
    else; what is above that may leave at once after a pause.

    Args:
        rate_bps: bits per second; infinity for no limit.
        depth_bytes: at least the longest packet.
        packet_bytes: the longest packet.
    """

    __slots__ = ("_credit_s", "_free_at", "seconds_per_byte")

    def __init__(self, rate_bps: float, depth_bytes: int, packet_bytes: int) -> None:
        self.seconds_per_byte = 8.0 / rate_bps
        self._credit_s = (depth_bytes - packet_bytes) * self.seconds_per_byte
        self._free_at = -inf

    def send(self, wire_size: int, now: float) -> float:
        """When a packet has left that is handed over now and has to wait for all before it."""
        begin = now - self._credit_s
        if begin < self._free_at:
            begin = self._free_at
        self._free_at = left = begin + wire_size * self.seconds_per_byte
        return max(now, left)

    def wait(self, now: float) -> float:
        """Seconds until a packet that is handed over now begins to be sent; below 0 where tokens are left."""
        return self._free_at - now


class Link:
    """A sender with a rate and a queue, and the way behind it.

    Args:
        profile: its figures.
        dice: its own stream of chance.
        direction: ``up`` is from the device.
    """

    __slots__ = (
        "_bucket",
        "_delay_s",
        "_dice",
        "_fragment",
        "_jitter_s",
        "_last",
        "_loss",
        "_plain",
        "_profile",
        "_queue_s",
        "_whole",
        "ahead",
        "rto_s",
        "segment",
    )

    def __init__(self, profile: NetworkProfile, dice: Dice, direction: Direction = "down") -> None:
        self._profile = profile
        self._dice = dice
        rate = profile.up_bps if direction == "up" else profile.rate_bps
        self._bucket = Bucket(rate, profile.bucket_bytes, profile.mtu)
        self._delay_s, self._jitter_s, self._queue_s = profile.delay_s, profile.jitter_s, profile.queue_s
        self._loss = profile.loss
        self._whole = profile.mtu - IP_HEADER - UDP_HEADER
        """Most bytes of a datagram in one packet."""
        self._plain = not profile.duplicate and not profile.reorder
        # Fragments but the last are multiples of 8 bytes (RFC 791 §3.2).
        self._fragment = (profile.mtu - IP_HEADER) // 8 * 8
        self._last = 0.0
        self.segment = profile.mtu - TCP_HEADERS
        """Most bytes in a TCP segment."""
        packet_s = profile.mtu * self._bucket.seconds_per_byte
        self.ahead = max(AHEAD_SEGMENTS, ceil(AHEAD_S / packet_s)) if packet_s else AHEAD_SEGMENTS
        """How many segments of one connection may wait to be sent."""
        # SRTT + 4 RTTVAR (RFC 6298 §2.3); a third of the jitter is the mean deviation of two evenly drawn ones.
        self.rto_s = max(RTO_MIN_S, 2 * profile.delay_s + profile.jitter_s * (1 + 4 / 3) + packet_s)
        """First retransmission time-out of TCP, in seconds."""

    def plan(self, size: int, now: float) -> list[float]:
        """When a datagram arrives that is handed over now: no time where it is lost, two where it is doubled.

        Args:
            size: bytes of its payload.
            now: in seconds, never less than in the call before.
        """
        bucket = self._bucket
        if bucket.wait(now) > self._queue_s:
            return []
        packet = size + UDP_HEADER
        fragments = 1 if size <= self._whole else -(-packet // self._fragment)
        sent = bucket.send(packet + fragments * IP_HEADER, now)
        # What is lost on the way has taken its time at the sender all the same.
        if self._loss and self.loses(fragments):
            return []
        if self._plain:
            arrival = sent + self._delay_s
            if self._jitter_s:
                arrival += self._jitter_s * self._dice.random()
            # Those behind wait: a network that jitters keeps the order of one flow.
            if arrival < self._last:
                arrival = self._last
            self._last = arrival
            return [arrival]
        profile = self._profile
        arrival = self._arrival(sent + profile.delay_s)
        if profile.duplicate and self._dice.random() < profile.duplicate:
            return [arrival, arrival + self._dice.uniform(0.0, profile.delay_s + profile.jitter_s)]
        return [arrival]

    def flow(self) -> Flow:
        """One direction of a new TCP connection over this link."""
        return Flow(self, self._profile)

    def send(self, wire_size: int, now: float) -> float:
        """Take a packet's bytes, headers included, out of the bucket: when its last bit has left."""
        return self._bucket.send(wire_size, now)

    def loses(self, packets: int = 1) -> bool:
        """Whether one of so many packets is lost."""
        loss = self._loss
        return loss > 0 and self._dice.random() < (loss if packets == 1 else 1 - (1 - loss) ** packets)

    def jitter(self) -> float:
        """What one packet takes longer than the delay, in seconds."""
        jitter_s = self._profile.jitter_s
        return self._dice.uniform(0.0, jitter_s) if jitter_s else 0.0

    def _arrival(self, earliest: float) -> float:
        profile, dice = self._profile, self._dice
        if profile.reorder and dice.random() < profile.reorder:
            return earliest + dice.uniform(0.0, 2 * (profile.delay_s + profile.jitter_s))
        # Those behind wait: a network that jitters keeps the order of one flow.
        self._last = last = max(earliest + self.jitter(), self._last)
        return last


class Flow:
    """One direction of a TCP connection: nothing is lost, and nothing overtakes; what is lost comes later instead."""

    __slots__ = ("_delay_s", "_last", "_link")

    def __init__(self, link: Link, profile: NetworkProfile) -> None:
        self._link = link
        self._delay_s = profile.delay_s
        self._last = 0.0

    def plan(self, size: int, now: float) -> tuple[float, float]:
        """When a segment has left the sender, and when it is handed over in its turn; infinity where TCP gives up.

        Each loss costs a retransmission time-out (RFC 6298 §5), which doubles, and the bytes of another transmission.
        Those are taken out of the bucket at once, although they are sent later.

        Args:
            size: bytes of its payload, at most ``Link.segment``; 0 for SYN, FIN or RST.
            now: in seconds.
        """
        link = self._link
        wire_size = size + TCP_HEADERS
        left = last_left = link.send(wire_size, now)
        timeout, transmissions = link.rto_s, 1
        while link.loses():
            if transmissions == TRANSMISSIONS_MAX:
                return left, inf
            transmissions += 1
            last_left = max(last_left + timeout, link.send(wire_size, now))
            timeout = min(2 * timeout, RTO_MAX_S)
        # The receiver hands over in order, so what is lost holds up all that comes behind it.
        self._last = arrival = max(last_left + self._delay_s + link.jitter(), self._last)
        return left, arrival
