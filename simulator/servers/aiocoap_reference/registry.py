"""Who is registered, and until when (OMA LwM2M Core 1.1.1, 6.2). Pure: the time is an argument."""

from __future__ import annotations

import heapq
import math
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

DEFAULT_LIFETIME_S: Final = 86_400
"""Lifetime of a registration that names none (6.2.1)."""

_LIFETIME: Final = re.compile(r"(?!0+$)[0-9]{1,10}")

VERSIONS: Final = frozenset({"1.0", "1.1", "1.2"})


class RegistrationError(Exception):
    """A Register or an Update that must be refused.

    ``code`` is the response code that the device deserves, such as ``4.00``.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(slots=True)
class Registration:
    """One registered endpoint."""

    id: str
    endpoint: str
    lifetime_s: int
    remote: Any
    """The address that the last Register or Update came from, as the transport knows it."""
    deadline: float


@dataclass(frozen=True, slots=True)
class Parameters:
    """What the query of a Register or an Update says; None where it says nothing."""

    endpoint: str | None
    lifetime_s: int | None
    version: str | None


def parse_query(arguments: Iterable[str]) -> Parameters:
    """The parameters of a Register or an Update; those that a server need not know are passed over.

    Raises:
        RegistrationError: 4.00 for a lifetime that is no number of seconds above 0.
    """
    known: dict[str, str] = {}
    for argument in arguments:
        name, _, value = argument.partition("=")
        known.setdefault(name, value)
    lifetime_s = None
    if "lt" in known:
        text = known["lt"]
        if not _LIFETIME.fullmatch(text):
            raise RegistrationError("4.00", f"lt is no lifetime in seconds: {text[:40]!r}")
        lifetime_s = int(text)
    return Parameters(known.get("ep"), lifetime_s, known.get("lwm2m"))


class Registry:
    """The registrations, by id and by Endpoint Client Name."""

    def __init__(self) -> None:
        self._by_id: dict[str, Registration] = {}
        self._by_endpoint: dict[str, Registration] = {}
        # One entry per deadline that was ever set; an entry whose registration has another one by now is stale.
        self._deadlines: list[tuple[float, str]] = []

    def register(self, query: Iterable[str], remote: Any, now: float) -> tuple[Registration, Registration | None]:
        """Take a Register; gives the new registration and the one that it replaces, if any.

        Raises:
            RegistrationError: 4.00 without an Endpoint Client Name, 4.12 for a version that the server does not speak.
        """
        said = parse_query(query)
        if not said.endpoint:
            raise RegistrationError("4.00", "ep is missing")
        if said.version is not None and said.version not in VERSIONS:
            raise RegistrationError("4.12", f"LwM2M {said.version[:10]} is not supported")
        replaced = self._by_endpoint.get(said.endpoint)
        if replaced:
            del self._by_id[replaced.id]
        lifetime_s = said.lifetime_s or DEFAULT_LIFETIME_S
        # The id is not to be guessed: whoever knows it can end the registration.
        registration = Registration(secrets.token_hex(5), said.endpoint, lifetime_s, remote, now + lifetime_s)
        self._by_id[registration.id] = self._by_endpoint[said.endpoint] = registration
        heapq.heappush(self._deadlines, (registration.deadline, registration.id))
        return registration, replaced

    def update(self, id_: str, query: Iterable[str], remote: Any, now: float) -> Registration:
        """Take an Update: the lifetime starts again, and the address becomes that of the Update.

        Raises:
            RegistrationError: 4.04 for an id that is not registered.
        """
        said = parse_query(query)
        registration = self.known(id_)
        registration.lifetime_s = said.lifetime_s or registration.lifetime_s
        registration.remote = remote
        registration.deadline = now + registration.lifetime_s
        heapq.heappush(self._deadlines, (registration.deadline, id_))
        return registration

    def deregister(self, id_: str) -> Registration:
        """Take a De-register.

        Raises:
            RegistrationError: 4.04 for an id that is not registered.
        """
        registration = self.known(id_)
        self._forget(registration)
        return registration

    def expire(self, now: float) -> list[Registration]:
        """Forget the registrations whose lifetime is over, and give them."""
        expired = []
        while self.next_deadline() <= now:
            registration = self._by_id[self._deadlines[0][1]]
            self._forget(registration)
            expired.append(registration)
        return expired

    def next_deadline(self) -> float:
        """When the next lifetime ends, or infinity."""
        while self._deadlines:
            deadline, id_ = self._deadlines[0]
            registration = self._by_id.get(id_)
            if registration and registration.deadline == deadline:
                return deadline
            heapq.heappop(self._deadlines)
        return math.inf

    def find(self, endpoint: str) -> Registration | None:
        """The registration of an endpoint."""
        return self._by_endpoint.get(endpoint)

    def endpoints(self) -> list[str]:
        """The Endpoint Client Names, in the order of their first registration."""
        return list(self._by_endpoint)

    def known(self, id_: str) -> Registration:
        """The registration of an id.

        Raises:
            RegistrationError: 4.04 for an id that is not registered.
        """
        registration = self._by_id.get(id_)
        if registration is None:
            raise RegistrationError("4.04", "no such registration")
        return registration

    def _forget(self, registration: Registration) -> None:
        del self._by_id[registration.id]
        del self._by_endpoint[registration.endpoint]
