"""Single points in which clients differ from the OMA table or read it otherwise, each under a name.

A profile is a choice of these; a scenario may add some to any profile.
"""

from __future__ import annotations

from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from simulator.coap.codes import (
    CHANGED,
    INTERNAL_SERVER_ERROR,
    METHOD_NOT_ALLOWED,
    REQUEST_ENTITY_INCOMPLETE,
    REQUEST_ENTITY_TOO_LARGE,
    UNSUPPORTED_CONTENT_FORMAT,
)
from simulator.lwm2m.firmware_table import KEEP, NONE, Effect, Event, Row, State, Table, UpdateResult

if TYPE_CHECKING:
    from collections.abc import Mapping


class UriHabit(Enum):
    """What Package URI (/5/0/1) shows when it is read."""

    CLEARED_BY_EMPTY_WRITE = "cleared_by_empty_write"
    """The last one that was accepted, until an empty one is written (OMA, Anjay)."""
    LAST_WRITTEN = "last_written"
    """The last one written, even where the Write was refused or ignored (Zephyr)."""
    CLEARED_AFTER_DOWNLOAD = "cleared_after_download"
    """Nothing, as soon as the transfer is over; a reading of the texts that servers meet."""


_ERASE: Final = (Effect.ERASE_PACKAGE,)
_STOP: Final = (Effect.STOP_TRANSFER, Effect.ERASE_PACKAGE)
_IDLE, _DOWNLOADING, _DOWNLOADED, _UPDATING = State
_INITIAL: Final = UpdateResult.INITIAL
_URI_WRITES: Final = (Event.URI_WRITTEN, Event.URI_UNSUPPORTED, Event.URI_TOO_LONG)
_PACKAGE_WRITES: Final = (Event.PACKAGE_STARTED, Event.PACKAGE_RESTARTED)


def ignored(state: State) -> Row:
    """The row of a request that is answered with 2.04 and does nothing."""
    return Row(state, KEEP, CHANGED)


def to_idle(result: UpdateResult, code: int = NONE) -> Row:
    """The row of a failure: back to Idle, the package gone."""
    return Row(_IDLE, result, code, _ERASE)


def _push_error_codes(state: State) -> Table:
    """The answers of a client that tells in the response why a push failed."""
    return {
        (state, Event.FLASH_FULL): to_idle(UpdateResult.NOT_ENOUGH_FLASH, REQUEST_ENTITY_TOO_LARGE),
        (state, Event.OUT_OF_MEMORY): to_idle(UpdateResult.OUT_OF_RAM, INTERNAL_SERVER_ERROR),
        (state, Event.INTEGRITY_FAILED): to_idle(UpdateResult.INTEGRITY_CHECK_FAILURE, REQUEST_ENTITY_INCOMPLETE),
        (state, Event.PACKAGE_UNSUPPORTED): to_idle(UpdateResult.UNSUPPORTED_PACKAGE_TYPE, UNSUPPORTED_CONTENT_FORMAT),
    }


_HIDDEN_PUSH: Final[Table] = {
    # State stays 0 until the last block, so requests meet an idle device and the push has to give way to them.
    (_IDLE, Event.PACKAGE_STARTED): Row(_IDLE, _INITIAL),
    (_IDLE, Event.PACKAGE_RESTARTED): Row(_IDLE, KEEP, NONE, _ERASE),
    (_IDLE, Event.URI_WRITTEN): Row(_DOWNLOADING, _INITIAL, CHANGED, (*_STOP, Effect.START_DOWNLOAD)),
    (_IDLE, Event.URI_CLEARED): Row(_IDLE, _INITIAL, CHANGED, _STOP),
    (_IDLE, Event.PACKAGE_CLEARED): Row(_IDLE, _INITIAL, CHANGED, _STOP),
    (_IDLE, Event.DOWNLOAD_COMPLETED): Row(_DOWNLOADED, _INITIAL, CHANGED),
    (_IDLE, Event.FLASH_FULL): to_idle(UpdateResult.NOT_ENOUGH_FLASH, CHANGED),
    (_IDLE, Event.OUT_OF_MEMORY): to_idle(UpdateResult.OUT_OF_RAM, CHANGED),
    (_IDLE, Event.CONNECTION_LOST): to_idle(UpdateResult.CONNECTION_LOST),
    (_IDLE, Event.PACKAGE_ABANDONED): to_idle(UpdateResult.CONNECTION_LOST),
    (_IDLE, Event.INTEGRITY_FAILED): to_idle(UpdateResult.INTEGRITY_CHECK_FAILURE, CHANGED),
    (_IDLE, Event.PACKAGE_UNSUPPORTED): to_idle(UpdateResult.UNSUPPORTED_PACKAGE_TYPE, CHANGED),
    (_IDLE, Event.USER_CANCELLED): Row(_IDLE, UpdateResult.CANCELLED, NONE, _STOP),
}

ROW_SWITCHES: Final[Mapping[str, Table]] = MappingProxyType(
    {
        "push_hidden": _HIDDEN_PUSH,
        "push_error_codes": _push_error_codes(_DOWNLOADING),
        "push_hidden_with_error_codes": _HIDDEN_PUSH | _push_error_codes(_IDLE),
        "unsupported_scheme_changed": {
            (_IDLE, Event.URI_UNSUPPORTED): Row(_IDLE, UpdateResult.UNSUPPORTED_PROTOCOL, CHANGED)
        },
        "install_failure_to_idle": {
            (_UPDATING, Event.INSTALL_FAILED): to_idle(UpdateResult.UPDATE_FAILED),
            (_UPDATING, Event.OLD_FIRMWARE_BOOTED): to_idle(UpdateResult.UPDATE_FAILED),
        },
        "install_failure_to_downloaded": {
            (_UPDATING, Event.INSTALL_FAILED): Row(_DOWNLOADED, UpdateResult.UPDATE_FAILED),
            (_UPDATING, Event.OLD_FIRMWARE_BOOTED): Row(_DOWNLOADED, UpdateResult.UPDATE_FAILED),
        },
        "install_failure_at_boot_to_idle": {
            (_UPDATING, Event.OLD_FIRMWARE_BOOTED): to_idle(UpdateResult.UPDATE_FAILED)
        },
        "corrupt_install_is_update_failed": {
            (_UPDATING, Event.INSTALL_CORRUPT): Row(_DOWNLOADED, UpdateResult.UPDATE_FAILED)
        },
        "cleared_from_downloaded_only": {
            (state, event): METHOD_NOT_ALLOWED
            for state in (_IDLE, _DOWNLOADING)
            for event in (Event.URI_CLEARED, Event.PACKAGE_CLEARED)
        },
        "second_uri_ignored": {
            (state, event): ignored(state) for state in (_DOWNLOADING, _DOWNLOADED, _UPDATING) for event in _URI_WRITES
        },
        "second_package_method_not_allowed": {(_DOWNLOADED, event): METHOD_NOT_ALLOWED for event in _PACKAGE_WRITES},
        "result_kept_over_reboot": {(_IDLE, Event.REBOOTED): Row(_IDLE, KEEP, NONE, _ERASE)},
        "nothing_kept_over_reboot": {
            (_DOWNLOADED, Event.REBOOTED): to_idle(_INITIAL),
            (_UPDATING, Event.REBOOTED): to_idle(_INITIAL),
            (_DOWNLOADING, Event.DOWNLOAD_RESUMED): to_idle(_INITIAL),
        },
    }
)
"""Single differences by name; each is a set of rows that replace those of the OMA table."""

HABIT_SWITCHES: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "nothing_kept_over_reboot": {"keeps_over_reboot": False},
        "state_first_to_idle": {"state_first_to_idle": True},
        "nul_is_an_image": {"nul_clears_in": frozenset({_DOWNLOADED})},
        "uri_last_written": {"uri_habit": UriHabit.LAST_WRITTEN},
        "uri_cleared_after_download": {"uri_habit": UriHabit.CLEARED_AFTER_DOWNLOAD},
        "not_found_is_connection_lost": {"not_found_is_invalid_uri": False},
    }
)
"""Single differences by name; each is a set of fields of a profile."""

SWITCHES: Final = tuple(dict.fromkeys((*ROW_SWITCHES, *HABIT_SWITCHES)))
"""The names of all switches."""
