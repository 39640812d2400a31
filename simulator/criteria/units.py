"""What a number of a criterion measures, and the units in which it may be written."""

from __future__ import annotations

from typing import Final, NamedTuple


class Dimension(NamedTuple):
    """Powers of seconds, of bytes and of things that are counted; a share has none of them."""

    seconds: int = 0
    bytes: int = 0
    things: int = 0

    def times(self, other: Dimension, power: int = 1) -> Dimension:
        """The dimension of a product, or with a power of -1 of a quotient."""
        return Dimension(*(mine + power * its for mine, its in zip(self, other, strict=True)))

    def __str__(self) -> str:
        return _NAMES.get(self, "a quantity without a unit of its own")


SHARE: Final = Dimension()
SECONDS: Final = Dimension(seconds=1)
BYTES: Final = Dimension(bytes=1)
BYTES_PER_S: Final = Dimension(seconds=-1, bytes=1)
THINGS: Final = Dimension(things=1)

_NAMES: Final = {
    SHARE: "a share",
    SECONDS: "a duration",
    BYTES: "a size",
    BYTES_PER_S: "a throughput",
    THINGS: "a count",
}
BASE: Final = {SHARE: "share", SECONDS: "s", BYTES: "B", BYTES_PER_S: "B/s", THINGS: "count"}
"""The unit in which a value is measured and, where it has no unit, written."""

_SIZES: Final = {"B": 1.0, "kB": 1e3, "KiB": 1024.0, "MB": 1e6, "MiB": 1024.0**2, "GB": 1e9, "GiB": 1024.0**3}
_TIMES: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}

UNITS: Final[dict[str, tuple[float, Dimension]]] = {
    "%": (0.01, SHARE),
    **{name: (factor, SECONDS) for name, factor in _TIMES.items()},
    **{name: (factor, BYTES) for name, factor in _SIZES.items()},
    **{f"{name}/s": (factor, BYTES_PER_S) for name, factor in _SIZES.items()},
}
"""By unit: what turns it into the base unit, and what it measures."""
