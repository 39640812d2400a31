"""How a figure grows with the number of devices: the exponent k of ``n^k``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Power:
    """``factor * n^exponent``, fitted by least squares of the logarithms."""

    exponent: float
    factor: float
    error: float | None
    """Standard error of the exponent; None of two points, through which a line always goes."""

    @property
    def told(self) -> str:
        """The exponent as text."""
        text = f"~ n^{self.exponent + 0.0:.2f}".replace("-0.00", "0.00")
        return text if self.error is None else f"{text} ± {self.error:.2f}"

    def at(self, n: float) -> float:
        """The fitted value for so many devices."""
        return float(self.factor * n**self.exponent)


def further(sizes: Sequence[int], each: Sequence[float | None]) -> float | None:
    """What each further device adds: the slope of the whole by least squares, free of what a run costs without any.

    Args:
        sizes: devices of each run.
        each: the whole of each run divided by its devices.
    """
    pairs = [(n, n * value) for n, value in zip(sizes, each, strict=True) if value is not None]
    if len({n for n, _ in pairs}) < 2:
        return None
    x, y = np.array(pairs, np.float64).T
    centred = x - x.mean()
    return float(centred @ y / (centred @ centred))


def fit(sizes: Sequence[int], values: Sequence[float | None]) -> Power | None:
    """The power law through the values that are above 0; None where they are of fewer than two sizes.

    Args:
        sizes: devices of each run, above 0.
        values: the figure of each; repetitions of a size count each for itself.
    """
    pairs = [(n, value) for n, value in zip(sizes, values, strict=True) if value is not None and value > 0]
    if len({n for n, _ in pairs}) < 2:
        return None
    x, y = np.log(np.array(pairs, np.float64)).T
    centred = x - x.mean()
    spread = float(centred @ centred)
    exponent = float(centred @ y) / spread
    offset = float(y.mean()) - exponent * float(x.mean())
    left = y - offset - exponent * x
    free = len(x) - 2
    return Power(exponent, float(np.exp(offset)), float(np.sqrt(left @ left / free / spread)) if free else None)
