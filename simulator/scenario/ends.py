"""How an update with a fault ends: what the kind of the fault declares, as a device with these habits has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from simulator.faults.order import INTERFERENCES, declared
from simulator.lwm2m.firmware_table import Event, Row, State, UpdateResult

if TYPE_CHECKING:
    from simulator.lwm2m.profiles import Profile
    from simulator.scenario.faults import Carrier, FaultKind

FAILED: Final = (State.DOWNLOADED, UpdateResult.UPDATE_FAILED)
CORRUPT: Final = (State.IDLE, UpdateResult.INTEGRITY_CHECK_FAILURE)
LOST: Final = (State.IDLE, UpdateResult.CONNECTION_LOST)
INVALID_URI: Final = (State.IDLE, UpdateResult.INVALID_URI)


def declared_end(kind: FaultKind, carrier: Carrier, parameters: Mapping[str, Any]) -> tuple[int, int] | None:
    """State and Update Result in which an update with a fault ends; None where it ends as without the fault.

    Args:
        kind: of the fault.
        carrier: the group that has it.
        parameters: of the fault, complete.
    """
    expected = kind.end(carrier.scheme, carrier.retries, parameters)
    habits = carrier.habits
    if expected is None:
        return None
    if kind.order in INTERFERENCES:
        # A request that the device refuses or ignores changes nothing.
        return expected if declared(kind.order, str(parameters["state"]), habits)[1] else None
    if (kind.seam == "installer" or kind.at_boot) and expected in (FAILED, CORRUPT):
        failed = Event.OLD_FIRMWARE_BOOTED if kind.at_boot else Event.INSTALL_FAILED
        return _after(habits, failed if expected == FAILED else Event.INSTALL_CORRUPT, expected)
    if carrier.push and expected == LOST:
        # A push is lost when nobody goes on with it.
        return _after(habits, Event.PACKAGE_ABANDONED, expected, _while_pushed(habits))
    if kind.order == "not-found" and expected == INVALID_URI:
        return _after(habits, _NOT_FOUND[habits.not_found_is_invalid_uri], expected, State.DOWNLOADING)
    return expected


_NOT_FOUND: Final = {True: Event.URI_INVALID, False: Event.CONNECTION_LOST}


def _after(habits: Profile, event: Event, otherwise: tuple[int, int], state: State = State.UPDATING) -> tuple[int, int]:
    row = habits.table[state, event]
    if not isinstance(row, Row):
        return otherwise
    return int(row.state), int(row.result or UpdateResult.INITIAL)


def _while_pushed(habits: Profile) -> State:
    return State.DOWNLOADING if habits.shows_downloading_on_push else State.IDLE
