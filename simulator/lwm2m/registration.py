"""The registration of a device at one server: Register, Update, De-register (TS 1.1 Core, §6.2).

A pure machine. Its owner sends the requests that it makes, tells it how they ended, and asks again at its ``deadline``.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Final, NamedTuple

from simulator.coap.codes import DELETE, FORMAT_LINK, INTERNAL_SERVER_ERROR, POST, is_success
from simulator.lwm2m.registration_states import (
    ENDS,
    IN_PROGRESS,
    STARTS,
    SUCCESS,
    Operation,
    Outcome,
    RegistrationState,
    RegistrationStateError,
    RequestParts,
    RetryPolicy,
)

REGISTER_PATH: Final = ("rd",)

UPDATE_MARGIN_S: Final = 247.0
"""How long before the end of its lifetime a registration is renewed: EXCHANGE_LIFETIME of RFC 7252 (§4.8.2), so that
an Update with all its retransmissions is through, or given up for a Register, before the server drops the device. For
a lifetime below twice this, half of the lifetime."""


class _Terms(NamedTuple):
    """What a server knows of a registration, and what an Update may change."""

    lifetime_s: int
    binding: str
    links: bytes


class Registration:
    """One device at one server.

    ``binding`` is without ``Q``; ``queue`` asks for queue mode, as ``b=UQ`` in LwM2M 1.0 and as ``Q`` from 1.1 on.

    Raises:
        ValueError: the lifetime is below one second, or the version is not 1.0 or 1.1.
    """

    __slots__ = (
        "_failures",
        "_known",
        "_offered",
        "_started_at",
        "_wanted",
        "deadline",
        "endpoint",
        "location",
        "queue",
        "retry",
        "state",
        "version",
    )

    def __init__(
        self,
        endpoint: str,
        lifetime_s: int,
        links: bytes,
        *,
        version: str = "1.1",
        binding: str = "U",
        queue: bool = False,
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008 - immutable, and shared by all devices
    ) -> None:
        if lifetime_s < 1 or version not in ("1.0", "1.1"):
            msg = f"{endpoint}: no registration with lifetime {lifetime_s} s in LwM2M {version}"
            raise ValueError(msg)
        self.endpoint = endpoint
        self.version = version
        self.queue = queue
        self.retry = retry
        self.state = RegistrationState.DEREGISTERED
        self.location: tuple[str, ...] = ()
        """Path segments that the server gave to the registration; empty where there is none."""
        self.deadline = -inf
        """When ``due`` has an operation; ``inf`` while one is in progress, after De-register, and when given up."""
        self._wanted = _Terms(lifetime_s, binding, links)
        self._known: _Terms | None = None
        self._offered = self._wanted
        self._started_at = 0.0
        self._failures = 0

    @property
    def lifetime_s(self) -> int:
        """The lifetime in seconds that the device wants."""
        return self._wanted.lifetime_s

    @property
    def is_registered(self) -> bool:
        """Whether the device holds a registration, as far as it knows."""
        return bool(self.location)

    def due(self, now: float) -> Operation | None:
        """The operation to start by now, or None."""
        if self.deadline > now:
            return None
        return Operation.UPDATE if self.state is RegistrationState.REGISTERED else Operation.REGISTER

    def change(
        self, now: float, *, lifetime_s: int | None = None, binding: str | None = None, links: bytes | None = None
    ) -> None:
        """Take new terms, of which the server is to learn at once (TS 1.1 Core, §6.2.2).

        Raises:
            ValueError: the lifetime is below one second.
        """
        if lifetime_s is not None and lifetime_s < 1:
            msg = f"{self.endpoint}: the lifetime is {lifetime_s} s"
            raise ValueError(msg)
        wanted = self._wanted
        self._wanted = _Terms(
            wanted.lifetime_s if lifetime_s is None else lifetime_s,
            wanted.binding if binding is None else binding,
            wanted.links if links is None else links,
        )
        if self.state is RegistrationState.REGISTERED and self._wanted != self._known:
            self.deadline = min(self.deadline, now)

    def trigger(self, now: float) -> None:
        """Registration Update Trigger (/1/x/8) was executed: an Update is due now."""
        if self.state is RegistrationState.REGISTERED:
            self.deadline = min(self.deadline, now)

    def start(self, operation: Operation, now: float) -> RequestParts:
        """Start an operation; returns its request.

        Raises:
            RegistrationStateError: it cannot start in this state.
        """
        state = STARTS.get((self.state, operation))
        if state is None:
            msg = f"{self.endpoint}: no {operation.value} while {self.state.value}"
            raise RegistrationStateError(msg)
        self.state = state
        self.deadline = inf
        self._started_at = now
        self._offered = self._wanted
        if operation is Operation.REGISTER:
            return self._register()
        return self._update() if operation is Operation.UPDATE else RequestParts(DELETE, self.location)

    def answered(self, code: int, location: Sequence[str], now: float) -> Outcome:
        """The answer to the request that was started is here, with its Location-Path segments.

        Raises:
            RegistrationStateError: no request is in progress.
        """
        operation = self._operation()
        if code == SUCCESS[operation] and (location or operation is not Operation.REGISTER):
            if operation is Operation.REGISTER:
                self.location = tuple(location)
            return self._end(Outcome.ACCEPTED, now)
        # Any 4.xx leaves nothing to update; 5.xx is the server's own trouble, and the registration may still be there.
        client_error = code < INTERNAL_SERVER_ERROR and not is_success(code)
        return self._end(Outcome.FORGOTTEN if operation is Operation.UPDATE and client_error else Outcome.REFUSED, now)

    def unanswered(self, now: float) -> Outcome:
        """The request that was started had no answer in time.

        Raises:
            RegistrationStateError: no request is in progress.
        """
        self._operation()
        return self._end(Outcome.SILENT, now)

    def connection_lost(self, now: float) -> bool:
        """The connection of the registration has ended; whether there was a registration that ended with it.

        An operation in progress learns of it by itself (``unanswered``). The next Register waits, so that a server that
        closes every connection is not asked without pause.
        """
        if self.state is not RegistrationState.REGISTERED:
            return False
        self.state = RegistrationState.DEREGISTERED
        self.location = ()
        self._known = None
        self._failures += 1
        self.deadline = now + self.retry.delay_s(self._failures)
        return True

    def _operation(self) -> Operation:
        operation = IN_PROGRESS.get(self.state)
        if operation is None:
            msg = f"{self.endpoint}: an answer, but no request is in progress while {self.state.value}"
            raise RegistrationStateError(msg)
        return operation

    def _end(self, outcome: Outcome, now: float) -> Outcome:
        before = self.state
        self.state = ENDS[before, outcome]
        if outcome is Outcome.ACCEPTED:
            self._failures = 0
            self._known = self._offered
            self.deadline = self._next_update(now) if self.state is RegistrationState.REGISTERED else inf
        elif before is RegistrationState.DEREGISTERING:
            self.deadline = inf
        elif before is RegistrationState.UPDATING and self.state is RegistrationState.DEREGISTERED:
            self.deadline = now  # nothing was tried in vain yet: the first Register follows at once
        else:
            self._failures += 1
            self.deadline = now + self.retry.delay_s(self._failures)
        if self.state is RegistrationState.DEREGISTERED:
            self.location = ()
            self._known = None
        return outcome

    def _next_update(self, now: float) -> float:
        """The server counts from when it had the request, so the device counts from when it sent it."""
        if self._wanted != self._known:
            return now
        lifetime = self._offered.lifetime_s
        return max(now, self._started_at + lifetime - min(UPDATE_MARGIN_S, lifetime / 2))

    def _register(self) -> RequestParts:
        query = [f"lwm2m={self.version}", f"ep={self.endpoint}", f"lt={self._wanted.lifetime_s}"]
        query += self._binding_query()
        if self.queue and self.version != "1.0":
            query.append("Q")
        return RequestParts(POST, REGISTER_PATH, tuple(query), FORMAT_LINK, self._wanted.links)

    def _update(self) -> RequestParts:
        wanted, known = self._wanted, self._known
        query = []
        if known is None or wanted.lifetime_s != known.lifetime_s:
            query.append(f"lt={wanted.lifetime_s}")
        if known is None or wanted.binding != known.binding:
            query += self._binding_query()
        if known is None or wanted.links != known.links:
            return RequestParts(POST, self.location, tuple(query), FORMAT_LINK, wanted.links)
        return RequestParts(POST, self.location, tuple(query))

    def _binding_query(self) -> list[str]:
        in_binding = self.queue and self.version == "1.0"
        return [f"b={self._wanted.binding}{'Q' if in_binding else ''}"]


__all__ = [
    "REGISTER_PATH",
    "Operation",
    "Outcome",
    "Registration",
    "RegistrationState",
    "RegistrationStateError",
    "RequestParts",
    "RetryPolicy",
]
