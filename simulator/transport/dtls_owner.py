"""Who has a DTLS connection, and where the connection is."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from simulator.security.failures import SecurityError


class Status(Enum):
    """Where a connection is."""

    HANDSHAKE = "handshake"
    ESTABLISHED = "established"
    CLOSED = "closed"


class ConnectionOwner(Protocol):
    """Whoever has a connection. None of its methods may raise."""

    def on_established(self) -> None:
        """Data can be sent."""

    def on_data(self, data: bytes) -> None:
        """What one record held: a datagram of the layer above."""

    def on_ended(self, error: SecurityError) -> None:
        """It is over: failed, or closed by the peer; told once, and not for ``close`` on this side."""
