"""The states of a registration as data, the shape of its requests, and how it is tried again (TS 1.1 Core, §6.2)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from math import inf
from typing import Final, NamedTuple

from simulator.coap.codes import CHANGED, CREATED, DELETED


class RegistrationState(Enum):
    """Where a registration stands."""

    DEREGISTERED = "deregistered"
    REGISTERING = "registering"
    REGISTERED = "registered"
    UPDATING = "updating"
    DEREGISTERING = "deregistering"


class Operation(Enum):
    """The three operations of the interface, in the words of the recorded events."""

    REGISTER = "register"
    UPDATE = "update"
    DEREGISTER = "deregister"


class Outcome(Enum):
    """How an operation ended."""

    ACCEPTED = "accepted"
    FORGOTTEN = "forgotten"
    """A 4.xx to an Update, 4.04 above all: the server has no such registration."""
    REFUSED = "refused"
    SILENT = "silent"
    """No answer came."""


_S = RegistrationState
_O = Outcome

STARTS: Final[Mapping[tuple[RegistrationState, Operation], RegistrationState]] = {
    (_S.DEREGISTERED, Operation.REGISTER): _S.REGISTERING,
    (_S.REGISTERED, Operation.REGISTER): _S.REGISTERING,
    (_S.REGISTERED, Operation.UPDATE): _S.UPDATING,
    (_S.REGISTERED, Operation.DEREGISTER): _S.DEREGISTERING,
}
"""Which operation may start in which state, and the state that it leads to; what is absent is an error of the owner."""

ENDS: Final[Mapping[tuple[RegistrationState, Outcome], RegistrationState]] = {
    (_S.REGISTERING, _O.ACCEPTED): _S.REGISTERED,
    (_S.REGISTERING, _O.REFUSED): _S.DEREGISTERED,
    (_S.REGISTERING, _O.SILENT): _S.DEREGISTERED,
    (_S.UPDATING, _O.ACCEPTED): _S.REGISTERED,
    (_S.UPDATING, _O.FORGOTTEN): _S.DEREGISTERED,
    (_S.UPDATING, _O.REFUSED): _S.REGISTERED,
    (_S.UPDATING, _O.SILENT): _S.DEREGISTERED,
    (_S.DEREGISTERING, _O.ACCEPTED): _S.DEREGISTERED,
    (_S.DEREGISTERING, _O.REFUSED): _S.DEREGISTERED,
    (_S.DEREGISTERING, _O.SILENT): _S.DEREGISTERED,
}

IN_PROGRESS: Final[Mapping[RegistrationState, Operation]] = {
    _S.REGISTERING: Operation.REGISTER,
    _S.UPDATING: Operation.UPDATE,
    _S.DEREGISTERING: Operation.DEREGISTER,
}
SUCCESS: Final[Mapping[Operation, int]] = {
    Operation.REGISTER: CREATED,
    Operation.UPDATE: CHANGED,
    Operation.DEREGISTER: DELETED,
}


class RegistrationStateError(RuntimeError):
    """An operation was started or ended that the state of the registration does not allow."""


class RetryPolicy(NamedTuple):
    """How failed attempts are repeated: /1/x/17 to /1/x/20 of the Server object 1.1, with the defaults of the TS."""

    retry_count: int = 5
    """Attempts in a sequence."""
    retry_timer_s: float = 60.0
    """Wait after the first failed attempt; it doubles with each further one."""
    sequence_delay_s: float = 86400.0
    """Wait between two sequences."""
    sequence_count: int = 1
    """Sequences until the device gives up; 0 for no end."""

    def delay_s(self, failures: int) -> float:
        """The wait after so many failures in a row (one or more); ``inf`` to give up."""
        sequence, step = divmod(failures, self.retry_count)
        if step:
            return self.retry_timer_s * 2.0 ** (step - 1)
        return inf if sequence == self.sequence_count else self.sequence_delay_s


class RequestParts(NamedTuple):
    """What a request is made of, without message layer."""

    code: int
    path: tuple[str, ...]
    query: tuple[str, ...] = ()
    content_format: int = -1
    payload: bytes = b""
