"""What a download over HTTP puts up with."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Bounds of one download; none of them can be switched off. Times in seconds, sizes in bytes.

    Raises:
        ValueError: a limit is not above 0.
    """

    connect_s: float = 45.0
    """From the wish for a connection, TLS included, to the request."""
    idle_s: float = 60.0
    """Longest silence of the origin, before the response and within it."""
    progress_s: float = 600.0
    """Longest time in which an origin gives less than ``progress_bytes`` of a body: what ends one that drips."""
    progress_bytes: int = 4096
    """With the above, 7 byte/s: a hundredth of what a device on NB-IoT gets in a poor place."""
    overall_s: float = 86_400.0
    """The whole download with its redirects. It is not what ends one that drips: 10 MiB over NB-IoT take hours."""
    head_bytes: int = 16_384
    """Of the head of a response, and of a chunk's header or the trailers."""
    head_fields: int = 100
    """Fields in a head."""
    informational: int = 8
    """Responses of class 1xx before the final one."""
    redirects: int = 5
    requests: int = 20
    """Requests of the whole download: first one, redirects, beginnings anew, and the rest after a 206 of less."""

    def __post_init__(self) -> None:
        for limit in fields(self):
            value = getattr(self, limit.name)
            if limit.name != "redirects" and not value > 0:
                msg = f"{limit.name} of a download must be above 0, not {value}"
                raise ValueError(msg)


DEFAULT_HTTP_LIMITS: Final = HttpLimits()
