"""How the operator reaches a server under test: a protocol, and what a server tells.

A driver is asked for one operation on one device at a time and answers with what the *server* said. An error code of a
device is an answer; an error is raised only where the server gave none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from simulator.lwm2m.formats.packed import OPAQUE
from simulator.security.credentials import Psk
from simulator.security.oscore import Oscore


class Answer(NamedTuple):
    """What the server passed on of a device's response."""

    code: str
    """Response code such as ``2.05``."""
    value: str = ""
    """The value of a resource as text; an opaque one in base64."""


class ServerAddress(NamedTuple):
    """A server that is ready."""

    coap: str
    """URI at which devices register, such as ``coap://127.0.0.1:5683``."""
    server: str
    """Name and version."""
    uris: Mapping[str, str]
    """URI at which devices register, by scheme, for every transport that the server has open."""


class ServerUsage(NamedTuple):
    """What the server's process has used; -1 where that is not known."""

    cpu_s: float
    rss_bytes: int


@dataclass(frozen=True, slots=True)
class ByCertificate:
    """A device shows a certificate of a CA that the server trusts, whose common name is its Endpoint Client Name."""


Secret = Psk | ByCertificate | Oscore
"""How a device shows who it is."""


class DriverError(Exception):
    """The server could not do what it was asked; the text is for the user."""


class NoAnswerError(DriverError):
    """The device did not answer the server in time: the outcome is unknown."""


class UnknownEndpointError(DriverError):
    """The server has no registration of this endpoint."""


class ServerStartError(DriverError):
    """The server could not be started or reached; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A new registration."""

    endpoint: str
    registration_id: str
    replaces: str = ""
    """Id of the registration that it takes the place of."""


@dataclass(frozen=True, slots=True)
class Updated:
    """A registration was renewed."""

    endpoint: str
    registration_id: str


@dataclass(frozen=True, slots=True)
class Deregistered:
    """A registration ended."""

    endpoint: str
    registration_id: str
    cause: str
    """``deregister`` or ``expired``; empty where the server does not tell."""


@dataclass(frozen=True, slots=True)
class Notified:
    """A notification arrived."""

    endpoint: str
    path: str
    value: str


@dataclass(frozen=True, slots=True)
class NotifyFailed:
    """An observation came to an end, or a notification could not be read."""

    endpoint: str
    path: str
    detail: str


@dataclass(frozen=True, slots=True)
class Misbehaved:
    """The server did something wrong on purpose, as the scenario has it."""

    endpoint: str
    act: str
    detail: str


ServerEvent = Registered | Updated | Deregistered | Notified | NotifyFailed | Misbehaved
OnEvent = Callable[[ServerEvent], None]


class Driver(Protocol):
    """A server under test.

    Operations raise ``NoAnswerError``, ``UnknownEndpointError`` or another ``DriverError``. Paths are of the form
    ``/5/0/3``; time-outs are in seconds.
    """

    @property
    def name(self) -> str:
        """Kind of the server."""

    @property
    def max_in_flight(self) -> int:
        """How many requests at once make sense."""

    async def start(self, on_event: OnEvent) -> ServerAddress:
        """Start or reach the server.

        Raises:
            ServerStartError: it cannot be had.
        """

    async def stop(self) -> None:
        """Stop what was started. Never raises."""

    async def closed(self) -> str:
        """Returns, with the reason, when the server is gone without having been stopped."""

    async def credentials(self, endpoint: str, secret: Secret) -> None:
        """From now on the device may register only over a secure transport, and shows this.

        Raises:
            DriverError: the server does not take it. The text does not hold the key.
        """

    async def read(self, endpoint: str, path: str, timeout_s: float) -> Answer:
        """Read a resource."""

    async def observe(self, endpoint: str, path: str, timeout_s: float) -> Answer:
        """Observe a resource; the answer carries its value now."""

    async def write_text(self, endpoint: str, path: str, text: str, timeout_s: float) -> Answer:
        """Write a resource by the text form of its value."""

    async def write_file(self, endpoint: str, path: str, file: Path, timeout_s: float, form: str = OPAQUE) -> Answer:
        """Write an opaque resource with the content of a file, block-wise; ``form`` is one of ``packed.FORMS``."""

    async def execute(self, endpoint: str, path: str, arguments: str, timeout_s: float) -> Answer:
        """Execute a resource."""

    async def attributes(self, endpoint: str, path: str, values: Mapping[str, int], timeout_s: float) -> Answer:
        """Write attributes such as ``pmin``."""

    async def clients(self) -> list[str]:
        """Endpoints that are registered now."""

    async def usage(self) -> ServerUsage:
        """What the server's process has used."""
