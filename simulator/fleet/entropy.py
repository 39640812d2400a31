"""Chance, split from one seed: a stream of its own for each device and each seam.

A stream is derived by hash from the seed, the device and the name of the seam. So it does not depend on how a fleet is
sliced, in which order devices start, or what other devices draw.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

_MASK: Final = (1 << 64) - 1
_GOLDEN: Final = 0x9E3779B97F4A7C15
SEED_BITS: Final = 63
"""Seeds that are drawn stay below 2**63, so that they fit a signed column of 64 bits."""


def mix(value: int) -> int:
    """A bijection of 64-bit integers in which every input bit reaches every output bit.

    It is the output function of SplitMix64 (Steele, Lea and Flood, Fast splittable pseudorandom number generators,
    2014).
    """
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


class SmallDice:
    """SplitMix64 as ``simulator.ports.Dice``: one integer of state, where ``random.Random`` keeps 2.5 KB.

    Good enough for jitter, loss and draws of a load test; not for secrets.
    """

    __slots__ = ("_state",)

    def __init__(self, seed: int) -> None:
        self._state = seed & _MASK

    def _next(self) -> int:
        self._state = (self._state + _GOLDEN) & _MASK
        return mix(self._state)

    def random(self) -> float:
        """A float in [0, 1), a multiple of 2**-53."""
        # ``mix`` in place: every packet of a device on a lossy link throws its dice.
        self._state = value = (self._state + _GOLDEN) & _MASK
        value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
        return ((value ^ (value >> 31)) >> 11) * 2.0**-53

    def getrandbits(self, k: int, /) -> int:
        """An integer of ``k`` random bits.

        Raises:
            ValueError: ``k`` is negative.
        """
        if k < 0:
            msg = f"number of bits must not be negative: {k}"
            raise ValueError(msg)
        if k <= 64:
            return self._next() >> (64 - k)
        value = 0
        for _ in range((k + 63) >> 6):
            value = (value << 64) | self._next()
        return value >> (-k % 64)

    def randrange(self, stop: int, /) -> int:
        """An integer in [0, stop), each as likely as the others.

        Raises:
            ValueError: ``stop`` is not above 0.
        """
        if stop < 1:
            msg = f"an empty range has nothing to draw: {stop}"
            raise ValueError(msg)
        bits = (stop - 1).bit_length()
        while True:
            value = self.getrandbits(bits)
            if value < stop:
                return value

    def uniform(self, a: float, b: float, /) -> float:
        """A float between ``a`` and ``b``, evenly distributed."""
        return a + (b - a) * self.random()


class Entropy:
    """The source of all streams of a run."""

    __slots__ = ("_key", "seed")

    def __init__(self, seed: int) -> None:
        """Take the seed of the run, an integer of 0 to 2**64 - 1.

        Raises:
            ValueError: it is out of this range.
        """
        if not 0 <= seed <= _MASK:
            msg = f"a seed is an integer from 0 to 2**64 - 1, not {seed}"
            raise ValueError(msg)
        self.seed = seed
        self._key = seed.to_bytes(8, "big")

    def number(self, device: int, seam: str) -> int:
        """64 bits that belong to one device and one seam, from which other generators may be seeded.

        ``device`` -1 stands for the run as a whole.
        """
        message = device.to_bytes(8, "big", signed=True) + seam.encode()
        return int.from_bytes(hashlib.blake2b(message, digest_size=8, key=self._key).digest(), "big")

    def stream(self, device: int, seam: str) -> SmallDice:
        """The dice of one device and one seam, always falling the same way."""
        return SmallDice(self.number(device, seam))

    @staticmethod
    def draw(text: str = "") -> int:
        """A seed for a run: out of a text (a number as it is, a commit or a date by its hash), or a new one without.

        Raises:
            ValueError: a number of 2**64 or more.
        """
        if not text:
            return secrets.randbits(SEED_BITS)
        if text.isascii() and text.isdecimal():
            return Entropy(int(text) if len(text) <= 20 else -1).seed
        digest = hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).digest()
        return int.from_bytes(digest, "big") >> (64 - SEED_BITS)


class Shuffle:
    """A random order of ``size`` things, of which each position is computed without the others.

    A Feistel network over the next power of four, walked until it falls into the range (cycle walking: Black and
    Rogaway, Ciphers with arbitrary finite domains, 2002). It costs no memory, whatever the size.
    """

    __slots__ = ("_half", "_keys", "size")

    def __init__(self, size: int, seed: int) -> None:
        self.size = size
        self._half = max(1, ((size - 1).bit_length() + 1) // 2)
        dice = SmallDice(seed)
        self._keys = tuple(dice.getrandbits(64) for _ in range(6))

    def __call__(self, index: int) -> int:
        """The place of thing ``index`` in the order, 0 to ``size`` - 1.

        Raises:
            IndexError: there is no such thing.
        """
        if not 0 <= index < self.size:
            msg = f"{index} is not in 0 to {self.size - 1}"
            raise IndexError(msg)
        place = self._permute(index)
        while place >= self.size:
            place = self._permute(place)
        return place

    def _permute(self, value: int) -> int:
        half = self._half
        low_bits = (1 << half) - 1
        left, right = value >> half, value & low_bits
        for key in self._keys:
            left, right = right, left ^ (mix((right + key) & _MASK) & low_bits)
        return (left << half) | right
