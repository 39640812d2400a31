"""What the embedded server tells of devices, and what it keeps of what it has asked them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from simulator.coap.call import Call, Result
from simulator.coap.exchange import Failure
from simulator.coap.retransmission import send_again

if TYPE_CHECKING:
    from simulator.coap.endpoint import Endpoint
    from simulator.coap.message import Options
    from simulator.lwm2m.registration_table import Entry

NO_CONNECTION: Final = Result(0, [], b"", Failure.UNREACHABLE, False)
"""What comes of a request to a device whose connection is gone: it will make a new one."""


class UnknownEndpointError(LookupError):
    """No device is registered under this Endpoint Client Name."""


class Happened(NamedTuple):
    """Something that a server's user wants to know."""

    event: str
    """``registered``, ``updated`` or ``deregistered``."""
    endpoint: str
    registration_id: str
    detail: str = ""
    """For ``registered`` the id of the registration that it replaces; for ``deregistered`` the cause."""


class Observing(NamedTuple):
    """An observation of a path, and what it takes to observe that again."""

    call: Call
    code: int
    options: Options
    done: Callable[[Result], None]


def in_queue_mode(entry: Entry) -> bool:
    """Whether a device sleeps: LwM2M 1.0 tells it by the binding, which an Update may change."""
    return entry.request.queue or "Q" in entry.request.binding


def repeat_lost(endpoint: Endpoint | None, now: float) -> None:
    """Send what a device has not acknowledged once more; it may have slept, and has just shown that it is awake."""
    if endpoint is not None:
        send_again(endpoint, now)


def nothing() -> None:
    """Gives up a request that was never sent."""
