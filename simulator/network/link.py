"""One direction of a link, as a pure queue: a datagram and the time go in, the times of its arrival come out."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from simulator.network.profiles import NetworkProfile
    from simulator.ports import Dice

UDP_HEADERS: Final = 28
"""Bytes of the IPv4 and UDP headers, which take their time on the link too."""
TCP_HEADERS: Final = 40
RTO_MIN_S: Final = 1.0
"""First retransmission time-out of TCP (RFC 6298 §2), as far as the way is not longer."""
RTO_MAX_S: Final = 60.0
TRANSMISSIONS_MAX: Final = 16
"""How often TCP sends a segment before it gives up: Linux' tcp_retries2 of 15, and the first time."""

Direction = Literal["up", "down"]


class Link:
    """A sender with a rate and a queue, and the way behind it.

    Args:
        profile: its figures.
        dice: its own stream of chance.
        direction: ``up`` is from the device.
    """

    __slots__ = ("_dice", "_free_at", "_last", "_payload_max", "_profile", "_seconds_per_byte", "segment")

    def __init__(self, profile: NetworkProfile, dice: Dice, direction: Direction = "down") -> None:
        self._profile = profile
        self._dice = dice
        self._seconds_per_byte = 8.0 / (profile.up_bps if direction == "up" else profile.rate_bps)
        self._payload_max = profile.mtu - UDP_HEADERS
        self.segment = profile.mtu - TCP_HEADERS
        """Most bytes in a TCP segment."""
        self._free_at = 0.0
        self._last = 0.0

    def plan(self, size: int, now: float) -> list[float]:
        """When a datagram arrives that is handed over now: no time where it is lost, two where it is doubled.

        Args:
            size: bytes of its payload.
            now: in seconds, never less than in the call before.
        """
        profile = self._profile
        if self._free_at - now > profile.queue_s:
            return []
        fragments = -(-size // self._payload_max) if size > self._payload_max else 1
        sent = self._sent(size + fragments * UDP_HEADERS, now)
        # What is lost on the way has taken its time at the sender all the same.
        if profile.loss and self._is_lost(fragments):
            return []
        arrival = self._arrival(sent + profile.delay_s)
        if profile.duplicate and self._dice.random() < profile.duplicate:
            return [arrival, arrival + self._dice.uniform(0.0, profile.delay_s + profile.jitter_s)]
        return [arrival]

    def plan_segment(self, size: int, now: float) -> float:
        """When a TCP segment arrives in its turn, however often it has to be sent; infinity where TCP gives up.

        Args:
            size: bytes of its payload, at most ``segment``; 0 for SYN, FIN, RST or an acknowledgement.
            now: in seconds, never less than in the call before.
        """
        profile = self._profile
        sent = self._sent(size + TCP_HEADERS, now)
        timeout = max(RTO_MIN_S, 3 * profile.delay_s + 4 * profile.jitter_s)
        transmissions = 1
        while profile.loss and self._is_lost(1):
            if transmissions == TRANSMISSIONS_MAX:
                return inf
            transmissions += 1
            sent += timeout
            timeout = min(2 * timeout, RTO_MAX_S)
        arrival = sent + profile.delay_s
        if profile.jitter_s:
            arrival += self._dice.uniform(0.0, profile.jitter_s)
        # The receiver hands over in order, so what is lost holds up all that comes behind it.
        self._last = last = max(arrival, self._last)
        return last

    def _sent(self, wire_size: int, now: float) -> float:
        self._free_at = sent = max(now, self._free_at) + wire_size * self._seconds_per_byte
        return sent

    def _is_lost(self, fragments: int) -> bool:
        loss = self._profile.loss
        return self._dice.random() < (loss if fragments == 1 else 1 - (1 - loss) ** fragments)

    def _arrival(self, earliest: float) -> float:
        profile, dice = self._profile, self._dice
        if profile.reorder and dice.random() < profile.reorder:
            return earliest + dice.uniform(0.0, 2 * (profile.delay_s + profile.jitter_s))
        if profile.jitter_s:
            earliest += dice.uniform(0.0, profile.jitter_s)
        # Those behind wait: a network that jitters keeps the order of one flow.
        self._last = last = max(earliest, self._last)
        return last
