"""Package URIs at the edge of what the resource holds: 255 bytes (OMA registry, 5.xml), and one more.

They are long as signed URIs of object stores are: by their query, which an origin may ignore.
"""

from __future__ import annotations

from typing import Final

from simulator.faults.kinds import PULL, FaultKind, sound

KINDS: Final = (
    FaultKind(
        "uri-longest",
        "order",
        "Package URI has 255 bytes, the most that there may be; the package can be had by it.",
        sound,
        deliveries=PULL,
        order="longest",
    ),
    FaultKind(
        "uri-too-long",
        "order",
        "Package URI has 256 bytes, one more than the resource holds; the Write is refused (4.00).",
        sound,
        expected=(0, 7),
        deliveries=PULL,
        order="too-long",
    ),
)
