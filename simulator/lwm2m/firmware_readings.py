"""Readings of single points of the Firmware Update machine, as rows that replace those of a table.

Each function takes the table as it is and gives the rows that the reading changes. Readings of different points never
undo each other, whatever their order: where two of them meet in one row, each changes its own part of it, and what
follows from several of them at once is left to ``settled``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from simulator.coap.codes import (
    BAD_REQUEST,
    CHANGED,
    INTERNAL_SERVER_ERROR,
    METHOD_NOT_ALLOWED,
    REQUEST_ENTITY_INCOMPLETE,
    REQUEST_ENTITY_TOO_LARGE,
    UNSUPPORTED_CONTENT_FORMAT,
)
from simulator.lwm2m.firmware_table import (
    KEEP,
    NONE,
    REFUSED,
    TABLE,
    TRANSFER_EVENTS,
    Effect,
    Event,
    Row,
    State,
    Table,
    UpdateResult,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Rows = Mapping[tuple[State, Event], Row | int]
    Reading = Callable[[Rows], Table]

_IDLE, _DOWNLOADING, _DOWNLOADED, _UPDATING = State
_INITIAL: Final = UpdateResult.INITIAL
_ERASE: Final = (Effect.ERASE_PACKAGE,)
_STOP: Final = (Effect.STOP_TRANSFER, Effect.ERASE_PACKAGE)
_OMA: Final[Rows] = {**REFUSED, **TABLE}
_URI_WRITES: Final = (Event.URI_WRITTEN, Event.URI_UNSUPPORTED, Event.URI_TOO_LONG)
_CLEARS: Final = (Event.URI_CLEARED, Event.PACKAGE_CLEARED)
_SECOND_URI: Final = tuple((state, event) for state in (_DOWNLOADING, _DOWNLOADED) for event in _URI_WRITES)
_SECOND_PACKAGE: Final = (
    (_DOWNLOADING, Event.PACKAGE_STARTED),
    (_DOWNLOADED, Event.PACKAGE_STARTED),
    (_DOWNLOADED, Event.PACKAGE_RESTARTED),
)
_ONLY_PULL: Final = frozenset({Event.URI_INVALID, Event.SCHEME_UNSUPPORTED})
_ONLY_PUSH: Final = frozenset({Event.PACKAGE_ABANDONED})
_INSTALL_FAILURES: Final = (Event.INSTALL_FAILED, Event.OLD_FIRMWARE_BOOTED)


def ignored(state: State) -> Row:
    """The row of a request that is answered with 2.04 and does nothing."""
    return Row(state, KEEP, CHANGED)


def to_idle(result: UpdateResult, code: int = NONE) -> Row:
    """The row of a failure: back to Idle, the package gone."""
    return Row(_IDLE, result, code, _ERASE)


# -- readings ----------------------------------------------------------------------------------------------------------


def unchanged(table: Rows) -> Table:  # noqa: ARG001  (a reading that is a habit alone)
    """No rows."""
    return {}


def as_oma(*pairs: tuple[State, Event]) -> Reading:
    """The rows of the OMA table."""
    return lambda _table: {pair: _OMA[pair] for pair in pairs}


def rows(given: Table) -> Reading:
    """These rows."""
    return lambda _table: given


def push_codes(codes: Mapping[Event, int]) -> Reading:
    """The answers to the last block of a push that came to a bad end, whether State shows the push or not."""
    return lambda table: {
        (_DOWNLOADING, event): row._replace(code=code)
        for event, code in codes.items()
        if isinstance(row := table[_DOWNLOADING, event], Row)
    }


PUSH_ERRORS_CHANGED: Final = dict.fromkeys(
    (Event.FLASH_FULL, Event.OUT_OF_MEMORY, Event.INTEGRITY_FAILED, Event.PACKAGE_UNSUPPORTED), CHANGED
)
PUSH_ERRORS_TOLD: Final = {
    Event.FLASH_FULL: REQUEST_ENTITY_TOO_LARGE,
    Event.OUT_OF_MEMORY: INTERNAL_SERVER_ERROR,
    Event.INTEGRITY_FAILED: REQUEST_ENTITY_INCOMPLETE,
    Event.PACKAGE_UNSUPPORTED: UNSUPPORTED_CONTENT_FORMAT,
}
PUSH_FULL_FLASH_TOLD: Final = {**PUSH_ERRORS_CHANGED, Event.FLASH_FULL: INTERNAL_SERVER_ERROR}

PUSH_SHOWN: Final = as_oma((_IDLE, Event.PACKAGE_STARTED), (_IDLE, Event.PACKAGE_RESTARTED))
PUSH_HIDDEN: Final = rows(
    {
        (_IDLE, Event.PACKAGE_STARTED): Row(_IDLE, _INITIAL),
        (_IDLE, Event.PACKAGE_RESTARTED): Row(_IDLE, KEEP, NONE, _ERASE),
    }
)
PULL_SHOWN: Final = as_oma((_IDLE, Event.URI_WRITTEN), (_IDLE, Event.DOWNLOAD_BEGUN))
PULL_SHOWN_WITH_BYTES: Final = rows(
    {
        (_IDLE, Event.URI_WRITTEN): Row(_IDLE, _INITIAL, CHANGED, (Effect.START_DOWNLOAD,)),
        (_IDLE, Event.DOWNLOAD_BEGUN): Row(_DOWNLOADING, _INITIAL),
    }
)
SCHEME_REFUSED: Final = as_oma((_IDLE, Event.URI_UNSUPPORTED))
SCHEME_ACCEPTED: Final = rows({(_IDLE, Event.URI_UNSUPPORTED): Row(_IDLE, UpdateResult.UNSUPPORTED_PROTOCOL, CHANGED)})

FAILED_TO_DOWNLOADED: Final = as_oma(*((_UPDATING, event) for event in _INSTALL_FAILURES))
FAILED_TO_IDLE: Final = rows({(_UPDATING, event): to_idle(UpdateResult.UPDATE_FAILED) for event in _INSTALL_FAILURES})
FAILED_AT_BOOT_TO_IDLE: Final = rows(
    {
        (_UPDATING, Event.INSTALL_FAILED): Row(_DOWNLOADED, UpdateResult.UPDATE_FAILED),
        (_UPDATING, Event.OLD_FIRMWARE_BOOTED): to_idle(UpdateResult.UPDATE_FAILED),
    }
)
CORRUPT_TO_IDLE: Final = as_oma((_UPDATING, Event.INSTALL_CORRUPT))
CORRUPT_TO_DOWNLOADED: Final = rows({(_UPDATING, Event.INSTALL_CORRUPT): Row(_DOWNLOADED, UpdateResult.UPDATE_FAILED)})

CLEARED_BEFORE_UPDATE: Final = as_oma(
    *((state, event) for state in (_IDLE, _DOWNLOADING, _DOWNLOADED) for event in _CLEARS)
)


def cleared_from_downloaded(table: Rows) -> Table:
    """A reset is for Downloaded alone."""
    refused = {(state, event): METHOD_NOT_ALLOWED for state in (_IDLE, _DOWNLOADING) for event in _CLEARS}
    return CLEARED_BEFORE_UPDATE(table) | refused


def cleared_unless_downloading(table: Rows) -> Table:
    """An empty Package URI does nothing in Downloading; the rest is as the OMA has it."""
    return CLEARED_BEFORE_UPDATE(table) | {(_DOWNLOADING, Event.URI_CLEARED): ignored(_DOWNLOADING)}


CANCEL_IN_IDLE_REFUSED: Final = as_oma((_IDLE, Event.CANCEL_EXECUTED))
CANCEL_IN_IDLE_TAKEN: Final = rows({(_IDLE, Event.CANCEL_EXECUTED): Row(_IDLE, UpdateResult.CANCELLED, CHANGED)})
SECOND_URI_REFUSED: Final = rows(dict.fromkeys(_SECOND_URI, BAD_REQUEST))
SECOND_URI_NOT_ALLOWED: Final = rows(dict.fromkeys(_SECOND_URI, METHOD_NOT_ALLOWED))
SECOND_URI_IGNORED: Final = rows({(state, event): ignored(state) for state, event in _SECOND_URI})
SECOND_PACKAGE_REFUSED: Final = rows(dict.fromkeys(_SECOND_PACKAGE, BAD_REQUEST))
SECOND_PACKAGE_NOT_ALLOWED: Final = rows(dict.fromkeys(_SECOND_PACKAGE, METHOD_NOT_ALLOWED))
SECOND_PACKAGE_IGNORED: Final = rows({(state, event): ignored(state) for state, event in _SECOND_PACKAGE})

_AT_BOOT: Final = (
    (_DOWNLOADED, Event.REBOOTED),
    (_UPDATING, Event.REBOOTED),
    (_DOWNLOADING, Event.DOWNLOAD_RESUMED),
)
STATE_KEPT: Final = as_oma(*_AT_BOOT)
STATE_LOST: Final = rows(dict.fromkeys(_AT_BOOT, to_idle(_INITIAL)))
RESULT_RESET: Final = as_oma((_IDLE, Event.REBOOTED))
RESULT_KEPT: Final = rows({(_IDLE, Event.REBOOTED): Row(_IDLE, KEEP, NONE, _ERASE)})


# -- what follows ------------------------------------------------------------------------------------------------------


def stays_idle(table: Rows, event: Event) -> bool:
    """Whether a transfer that begins with this event leaves State at Idle."""
    row = table[_IDLE, event]
    return isinstance(row, Row) and row.state is _IDLE


def settled(table: Rows) -> Table:
    """The table with the rows of Idle that follow from whether a transfer may run there unseen.

    Where it may, its reports are taken as they are in Downloading, and requests meet a device that seems idle: the
    transfer has to give way to them. Where it may not, its reports come too late.
    """
    push, pull = stays_idle(table, Event.PACKAGE_STARTED), stays_idle(table, Event.URI_WRITTEN)
    new = dict(table)
    for event in (*TRANSFER_EVENTS, Event.USER_CANCELLED):
        row = table[_DOWNLOADING, event]
        taken = isinstance(row, Row) and ((push and event not in _ONLY_PULL) or (pull and event not in _ONLY_PUSH))
        if isinstance(row, Row) and taken:
            new[_IDLE, event] = row._replace(state=_IDLE) if row.state is _DOWNLOADING else row
        else:
            new[_IDLE, event] = REFUSED[_IDLE, event]
    for event in (Event.URI_WRITTEN, Event.CANCEL_EXECUTED, *_CLEARS):
        new[_IDLE, event] = _giving_way(table[_IDLE, event], stops=push or pull)
    new[_IDLE, Event.PACKAGE_STARTED] = _giving_way(table[_IDLE, Event.PACKAGE_STARTED], stops=pull)
    return new


def _giving_way(row: Row | int, *, stops: bool) -> Row | int:
    if not isinstance(row, Row):
        return row
    others = tuple(effect for effect in row.effects if effect not in _STOP)
    return row._replace(effects=(*_STOP, *others) if stops else others)
