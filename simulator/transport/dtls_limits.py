"""What a DTLS server gives to its peers, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ListenerLimits:
    """What a listener gives to its peers."""

    sessions: int = 200_000
    """Connections, those in their handshake counted."""
    handshakes: int = 20_000
    """Handshakes under way."""
    resumable: int = 200_000
    """Sessions that peers may come back to."""
    idle_s: float = 86_400.0
    """A connection that has said nothing for so long is closed, at the latest after half as long again."""


@dataclass(slots=True)
class ListenerCounts:
    """What became of handshakes."""

    established: int = 0
    resumed: int = 0
    failed: int = 0
    refused: int = 0
    """There were too many."""
    malformed: int = 0
    """A ClientHello that could not be read."""
    closed: int = 0
    """By the peer, in order."""
    idle: int = 0
    """Connections closed because nothing came."""
