"""What a download over HTTP asks of the one who owns its connections and its time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from simulator.transport.http_uri import HttpUri


class HttpOwner(Protocol):
    """Opens connections, one at a time, and wakes the download."""

    def connect(self, uri: HttpUri, now: float) -> None:
        """Open a connection to the URI's host and port, with TLS for https; tell by ``connected`` or ``unreachable``.

        Not from within this call.
        """

    def send(self, data: bytes) -> None:
        """Send on the present connection."""

    def disconnect(self, *, orderly: bool) -> None:
        """Let go of the present connection, or of the wish for one: nothing of it is wanted any more.

        ``orderly`` where all that was asked for has come; else the peer may still be sending.
        """

    def wake_by(self, when: float) -> None:
        """Have ``expire`` called by this time, which is earlier than any told before."""
