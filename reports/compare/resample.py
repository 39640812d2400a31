"""Draws blocks of devices again, to say how far a difference between two runs may be chance.

Devices that are due one after the other share what the machine and the server did at that time, so they are drawn
together: a run is cut into up to ``BLOCKS`` blocks of devices in the order in which they were due, and whole blocks are
drawn (a block bootstrap; Kuensch 1989). Where both runs have the same devices, the same blocks are drawn from both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from reports.compare.rows import Numbers, Rows

BLOCKS: Final = 20
BLOCKS_LEAST: Final = 5
"""With fewer there is no telling how much blocks differ."""
RESAMPLES: Final = 2000
BINS: Final = 2000
SEED: Final = 20250131


@dataclass(frozen=True, slots=True)
class Blocked:
    """Rows with the block of each."""

    rows: Rows
    block: NDArray[np.int64]
    blocks: int


def blocked(rows: Rows, order: NDArray[np.int64], *, whole: bool) -> Blocked:
    """Cut the devices that have rows (all of ``order`` if ``whole``) into blocks by their place in ``order``."""
    own = order if whole else order[np.isin(order, rows.device)]
    blocks = min(BLOCKS, len(own))
    by_device = np.argsort(own)
    place = by_device[np.searchsorted(own[by_device], rows.device)] if len(own) else np.zeros(0, np.int64)
    return Blocked(rows, place * blocks // max(1, len(own)), blocks)


@lru_cache(maxsize=64)
def draws(blocks: int, stream: int) -> Numbers:
    """How often each block was drawn: ``(RESAMPLES, blocks)``, the same for the same arguments; not to be changed."""
    random = np.random.default_rng([SEED, stream])
    drawn = random.multinomial(blocks, np.full(blocks, 1 / blocks), RESAMPLES).astype(np.float64)
    drawn.flags.writeable = False
    return drawn


def value_of(rows: Rows, percentile: float | None) -> float | None:
    """A percentile (linear interpolation), or with None the mean by weight; None without a row."""
    if rows.value.size == 0 or rows.weight.sum() == 0:
        return None
    if percentile is None:
        return float(rows.value.sum() / rows.weight.sum())
    return float(np.percentile(rows.value, percentile))


def redrawn(data: Blocked, percentile: float | None, drawn: Numbers) -> Numbers:
    """The same of each draw."""
    if percentile is None:
        sums = np.bincount(data.block, data.rows.value, data.blocks)
        weights = np.bincount(data.block, data.rows.weight, data.blocks)
        total = drawn @ weights
        return np.divide(drawn @ sums, total, out=np.zeros(len(drawn)), where=total > 0)
    edges = np.unique(data.rows.value)
    if len(edges) == 1:
        return np.full(len(drawn), edges[0])
    if len(edges) > BINS:
        # Fine enough: a bin has a two-thousandth of the values.
        edges = np.unique(np.quantile(data.rows.value, np.linspace(0, 1, BINS)))
    bins = np.minimum(np.searchsorted(edges, data.rows.value), len(edges) - 1)
    counts = np.bincount(data.block * len(edges) + bins, minlength=data.blocks * len(edges))
    # Summed up before they are drawn, as there are fewer blocks than draws.
    upto: Numbers = np.cumsum(counts.reshape(data.blocks, len(edges)), axis=1).astype(np.float64)
    below: Numbers = drawn @ upto
    at = (below < below[:, -1:] * percentile / 100).sum(axis=1)
    return np.asarray(edges[at], np.float64)


def cliffs_delta(base: Numbers, other: Numbers) -> float | None:
    """How much more often a value of ``other`` is greater than one of ``base`` than smaller: -1 to 1 (Cliff 1993)."""
    if not base.size or not other.size:
        return None
    ordered = np.sort(base)
    below = np.searchsorted(ordered, other, "left").sum(dtype=np.float64)
    above = base.size * other.size - np.searchsorted(ordered, other, "right").sum(dtype=np.float64)
    return float((below - above) / (base.size * other.size))


def tail(t: float, freedom: float) -> float:
    """Probability of more than ``t`` under Student's distribution, by Simpson's rule over its angle."""
    if math.isinf(t) or math.isnan(t):
        return 0.0 if t > 0 else 1.0
    # With t = sqrt(freedom) tan(angle) the density is the cosine to the power of freedom - 1.
    angles = np.linspace(0.0, math.atan(abs(t) / math.sqrt(freedom)), 2001)
    density = np.cos(angles) ** (freedom - 1)
    weights = np.where(np.arange(2001) % 2, 4.0, 2.0)
    weights[[0, -1]] = 1.0
    scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(math.pi)
    inner = float((density * weights).sum() * angles[1] / 3) * scale
    return max(0.0, 0.5 - inner) if t >= 0 else min(1.0, 0.5 + inner)


@lru_cache(maxsize=1024)
def quantile_975(freedom: float) -> float:
    """The point that Student's distribution exceeds with 2.5 %."""
    low, high = 0.0, 1e3
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if tail(middle, freedom) > 0.025 else (low, middle)
    return (low + high) / 2
