"""The seams of a device: everything that it touches outside itself, as protocols.

Bytes leave a device through a datagram port or a stream port and no other way; storage and installation are ports
too. A fault wraps one port and is itself that port, so nothing above can tell. DTLS, TLS, CoAP over TCP and HTTP are
layers between a device and one of the two byte ports, and never open a socket themselves.
"""

from __future__ import annotations

import errno
import random
from typing import Final, NamedTuple, Protocol


class Address(NamedTuple):
    """An IP address and a UDP or TCP port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class DatagramReceiver(Protocol):
    """What stands above a datagram port."""

    def on_datagram(self, data: bytes, peer: Address) -> None:
        """Take one datagram. Must not raise, whatever it holds."""

    def on_datagram_error(self, error: OSError) -> None:
        """The network told of an error, such as an ICMP port unreachable (``ConnectionRefusedError``)."""


class DatagramPort(Protocol):
    """One local UDP port, connected to a peer or open to many."""

    @property
    def local(self) -> Address:
        """The address that peers see (without NAT)."""

    def send(self, data: bytes, peer: Address | None = None, /) -> None:
        """Send one datagram; without ``peer``, to the one that the port is connected to. Never blocks."""

    def close(self) -> None:
        """Give the port back. Later calls of ``send`` do nothing."""


class StreamReceiver(Protocol):
    """What stands above a stream port."""

    def on_data(self, data: bytes) -> None:
        """Take the next bytes."""

    def on_eof(self) -> None:
        """The peer will send no more."""

    def on_lost(self, error: OSError | None) -> None:
        """The connection is gone: closed on this side (None), reset, or timed out. Called once."""


UNSENT_MAX: Final = 1 << 20
"""Bytes that may wait in a stream port until the peer takes them, before another write."""


def unread(local: Address) -> OSError:
    """What a stream port is lost by whose peer does not take what is sent; ``local`` is its address."""
    return OSError(errno.ENOBUFS, f"TCP {local}: the peer has left more than {UNSENT_MAX} bytes unread")


class StreamPort(Protocol):
    """One TCP connection.

    A peer that takes nothing cannot make it grow: a write that finds more than ``UNSENT_MAX`` bytes waiting resets the
    connection (ENOBUFS). What waits is so bounded by that and one write.
    """

    @property
    def local(self) -> Address:
        """The address that the peer sees (without NAT)."""

    def write(self, data: bytes) -> None:
        """Send bytes. Never blocks."""

    def pause(self) -> None:
        """Take no more bytes from the peer until ``resume`` (TCP's own flow control does the rest)."""

    def resume(self) -> None:
        """Take bytes again."""

    def close(self) -> None:
        """Close in order, after what was written is sent."""

    def abort(self) -> None:
        """Close at once, with a reset."""


class Listener(Protocol):
    """A stream port that accepts connections."""

    @property
    def local(self) -> Address:
        """The address that peers connect to."""

    def close(self) -> None:
        """Accept no more."""


class Accept(Protocol):
    """What makes a receiver for a new connection."""

    def __call__(self, port: StreamPort, peer: Address, /) -> StreamReceiver:
        """Give what stands above the new stream port."""


class Network(Protocol):
    """Opens the two kinds of port. Real sockets, or packets in memory under a virtual clock."""

    async def open_datagram(
        self, remote: Address, receiver: DatagramReceiver, *, local: Address | None = None
    ) -> DatagramPort:
        """A datagram port connected to ``remote``.

        Raises:
            OSError: no local port is free, or the address cannot be used.
        """

    async def bind_datagram(self, local: Address, receiver: DatagramReceiver) -> DatagramPort:
        """A datagram port open to every peer; port 0 takes a free one.

        Raises:
            OSError: the port is taken.
        """

    async def open_stream(
        self, remote: Address, receiver: StreamReceiver, *, local: Address | None = None
    ) -> StreamPort:
        """A stream port connected to ``remote``.

        Raises:
            OSError: refused, unreachable or timed out.
        """

    async def listen_stream(self, local: Address, accept: Accept) -> Listener:
        """Accept connections on ``local``; port 0 takes a free one.

        Raises:
            OSError: the port is taken.
        """


class Clock(Protocol):
    """Time as a device knows it."""

    def now(self) -> float:
        """Seconds since the start of the run; never goes back."""

    async def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass."""


class FlashFullError(Exception):
    """A package does not fit into the flash."""


class FlashWriteError(Exception):
    """The flash did not take what was to be written, although there is room."""


class OutOfMemoryError(Exception):
    """A device ran out of RAM while it received a package."""


class Flash(Protocol):
    """The storage for one package, written in order and read back as what a check needs."""

    @property
    def capacity(self) -> int:
        """Bytes that fit."""

    @property
    def written(self) -> int:
        """Bytes written since the last ``erase``."""

    def erase(self) -> None:
        """Forget what was written."""

    def reserve(self, size: int) -> None:
        """See whether a package of ``size`` bytes can be taken at all, before its first byte.

        Raises:
            FlashFullError: it does not fit.
            OutOfMemoryError: the device has no RAM to take it.
        """

    def write(self, data: bytes) -> None:
        """Append bytes.

        Raises:
            FlashFullError: they do not fit; nothing of them is kept.
            FlashWriteError: the flash does not take them; nothing of them is kept.
            OutOfMemoryError: the device has no RAM to take them.
        """

    def header(self, length: int) -> bytes:
        """The first ``length`` bytes (at most 256), as they are stored."""

    def digest(self) -> bytes:
        """SHA-256 of what is stored after the package's header (``simulator.firmware.HEADER_SIZE`` bytes)."""


class Installer(Protocol):
    """Puts a checked package in the place of the running firmware."""

    async def install(self, version: str) -> InstallOutcome:
        """Install what the flash holds; takes the time that it takes."""


class InstallOutcome(NamedTuple):
    """How an installation ended."""

    succeeded: bool
    integrity: bool = True
    """False where the installer found the image corrupt (Update Result 5 instead of 8)."""
    version: str = ""
    """The version that the device runs from now on."""
    reverted: bool = False
    """Whether the old firmware boots: a failure shows only then, and a success is a lie."""
    boots: int = 1
    """How often the device boots until it is up; 0 where it never is."""


class Dice(Protocol):
    """A stream of chance; each device and each seam has one of its own, drawn from the seed of the run."""

    def random(self) -> float:
        """A float in [0, 1)."""

    def getrandbits(self, k: int, /) -> int:
        """An integer of ``k`` random bits."""

    def randrange(self, stop: int, /) -> int:
        """An integer in [0, stop)."""

    def uniform(self, a: float, b: float, /) -> float:
        """A float between ``a`` and ``b``."""


def dice(seed: int) -> Dice:
    """Dice that always fall the same way for the same seed."""
    return random.Random(seed)
