"""Client profiles: what real LwM2M clients do where the OMA texts leave a choice, or where they stray from them.

A profile is the OMA table with other rows in some places, and a few habits that no row can tell. ``SWITCHES`` are the
same differences one by one, so that a scenario can give any profile another reading of a single point.

Sources: AVSystem Anjay 3.14.0, its ``fw_update`` module as observed; Zephyr, ``lwm2m_obj_firmware.c`` and
``lwm2m_obj_firmware_pull.c``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from simulator.coap.codes import (
    CHANGED,
    INTERNAL_SERVER_ERROR,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    REQUEST_ENTITY_INCOMPLETE,
    REQUEST_ENTITY_TOO_LARGE,
    UNSUPPORTED_CONTENT_FORMAT,
)
from simulator.lwm2m.firmware_table import KEEP, NONE, REFUSED, TABLE, Effect, Event, Row, State, Table, UpdateResult

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
_URI_WRITES: Final = (Event.URI_WRITTEN, Event.URI_UNSUPPORTED)
_PACKAGE_WRITES: Final = (Event.PACKAGE_STARTED, Event.PACKAGE_RESTARTED)


def _ignored(state: State) -> Row:
    return Row(state, KEEP, CHANGED)


def _to_idle(result: UpdateResult, code: int = NONE) -> Row:
    return Row(_IDLE, result, code, _ERASE)


def _push_error_codes(state: State) -> Table:
    """The answers of a client that tells in the response why a push failed."""
    return {
        (state, Event.FLASH_FULL): _to_idle(UpdateResult.NOT_ENOUGH_FLASH, REQUEST_ENTITY_TOO_LARGE),
        (state, Event.OUT_OF_MEMORY): _to_idle(UpdateResult.OUT_OF_RAM, INTERNAL_SERVER_ERROR),
        (state, Event.INTEGRITY_FAILED): _to_idle(UpdateResult.INTEGRITY_CHECK_FAILURE, REQUEST_ENTITY_INCOMPLETE),
        (state, Event.PACKAGE_UNSUPPORTED): _to_idle(UpdateResult.UNSUPPORTED_PACKAGE_TYPE, UNSUPPORTED_CONTENT_FORMAT),
    }


_HIDDEN_PUSH: Final[Table] = {
    # State stays 0 until the last block, so requests meet an idle device and the push has to give way to them.
    (_IDLE, Event.PACKAGE_STARTED): Row(_IDLE, _INITIAL),
    (_IDLE, Event.PACKAGE_RESTARTED): Row(_IDLE, KEEP, NONE, _ERASE),
    (_IDLE, Event.URI_WRITTEN): Row(_DOWNLOADING, _INITIAL, CHANGED, (*_STOP, Effect.START_DOWNLOAD)),
    (_IDLE, Event.URI_CLEARED): Row(_IDLE, _INITIAL, CHANGED, _STOP),
    (_IDLE, Event.PACKAGE_CLEARED): Row(_IDLE, _INITIAL, CHANGED, _STOP),
    (_IDLE, Event.DOWNLOAD_COMPLETED): Row(_DOWNLOADED, _INITIAL, CHANGED),
    (_IDLE, Event.FLASH_FULL): _to_idle(UpdateResult.NOT_ENOUGH_FLASH, CHANGED),
    (_IDLE, Event.OUT_OF_MEMORY): _to_idle(UpdateResult.OUT_OF_RAM, CHANGED),
    (_IDLE, Event.CONNECTION_LOST): _to_idle(UpdateResult.CONNECTION_LOST),
    (_IDLE, Event.PACKAGE_ABANDONED): _to_idle(UpdateResult.CONNECTION_LOST),
    (_IDLE, Event.INTEGRITY_FAILED): _to_idle(UpdateResult.INTEGRITY_CHECK_FAILURE, CHANGED),
    (_IDLE, Event.PACKAGE_UNSUPPORTED): _to_idle(UpdateResult.UNSUPPORTED_PACKAGE_TYPE, CHANGED),
}

SWITCHES: Final[Mapping[str, Table]] = MappingProxyType(
    {
        "push_hidden": _HIDDEN_PUSH,
        "push_error_codes": _push_error_codes(_DOWNLOADING),
        "push_hidden_with_error_codes": _HIDDEN_PUSH | _push_error_codes(_IDLE),
        "unsupported_scheme_changed": {
            (_IDLE, Event.URI_UNSUPPORTED): Row(_IDLE, UpdateResult.UNSUPPORTED_PROTOCOL, CHANGED)
        },
        "install_failure_to_idle": {
            (_UPDATING, Event.INSTALL_FAILED): _to_idle(UpdateResult.UPDATE_FAILED),
            (_UPDATING, Event.OLD_FIRMWARE_BOOTED): _to_idle(UpdateResult.UPDATE_FAILED),
        },
        "install_failure_to_downloaded": {
            (_UPDATING, Event.INSTALL_FAILED): Row(_DOWNLOADED, UpdateResult.UPDATE_FAILED),
            (_UPDATING, Event.OLD_FIRMWARE_BOOTED): Row(_DOWNLOADED, UpdateResult.UPDATE_FAILED),
        },
        "install_failure_at_boot_to_idle": {
            (_UPDATING, Event.OLD_FIRMWARE_BOOTED): _to_idle(UpdateResult.UPDATE_FAILED)
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
            (state, event): _ignored(state) for state in (_DOWNLOADING, _DOWNLOADED, _UPDATING) for event in _URI_WRITES
        },
        "second_package_method_not_allowed": {(_DOWNLOADED, event): METHOD_NOT_ALLOWED for event in _PACKAGE_WRITES},
        "result_kept_over_reboot": {(_IDLE, Event.REBOOTED): Row(_IDLE, KEEP, NONE, _ERASE)},
        "nothing_kept_over_reboot": {
            (_DOWNLOADED, Event.REBOOTED): _to_idle(_INITIAL),
            (_UPDATING, Event.REBOOTED): _to_idle(_INITIAL),
            (_DOWNLOADING, Event.DOWNLOAD_RESUMED): _to_idle(_INITIAL),
        },
    }
)
"""Single differences by name; each is a set of rows that replace those of the OMA table."""


@dataclass(frozen=True, slots=True)
class Profile:
    """How one kind of client behaves; shared by all devices of that kind."""

    name: str
    table: Mapping[tuple[State, Event], Row | int]
    """Every State with every event: a row, or the code of a refusal."""
    object_versions: Mapping[str, str]
    """Version of object 5 for each LwM2M version."""
    state_first_to_idle: bool = False
    """Whether State changes before Update Result where the device returns to Idle."""
    nul_clears_in: frozenset[State] = frozenset(State)
    """The States in which an empty Package, or one of a single NUL, is a reset and not an image of that length."""
    package_info_in: frozenset[State] = frozenset({State.DOWNLOADED, State.UPDATING})
    """The States in which PkgName and PkgVersion can be read."""
    uri_habit: UriHabit = UriHabit.CLEARED_BY_EMPTY_WRITE
    not_found_is_invalid_uri: bool = True
    """Whether 4.04 (404) of the file server means Update Result 7 and not 4."""
    extra_pull_retries: int = 0
    """How often a block is asked for again after MAX_RETRANSMIT repetitions went unanswered."""
    keeps_over_reboot: bool = True
    """Whether the package, the place in a pull, Severity and the deferral survive a reboot."""

    @property
    def shows_downloading_on_push(self) -> bool:
        """Whether State is Downloading while a push arrives."""
        row = self.table[State.IDLE, Event.PACKAGE_STARTED]
        return isinstance(row, Row) and row.state is State.DOWNLOADING

    def object_version(self, lwm2m: str) -> str:
        """The version of object 5 that a client of this LwM2M version announces.

        Raises:
            ValueError: the LwM2M version is not known.
        """
        version = self.object_versions.get(lwm2m)
        if version is None:
            msg = f"LwM2M version {lwm2m!r} is not known to profile {self.name}: {', '.join(self.object_versions)}"
            raise ValueError(msg)
        return version

    def pull_to_idle(self, code: int) -> Event:
        """The event that a response code of the file server other than 2.xx stands for.

        HTTP status codes are to be given as the CoAP code of the same meaning (RFC 8075 §7).
        """
        if code == NOT_FOUND and self.not_found_is_invalid_uri:
            return Event.URI_INVALID
        return Event.CONNECTION_LOST

    def switched(self, *switches: str) -> Profile:
        """This profile with some points read otherwise; later switches win.

        Raises:
            ValueError: there is no switch of that name.
        """
        profile = self
        for name in switches:
            if name not in SWITCHES:
                msg = f"there is no switch {name!r}; the switches are {', '.join(SWITCHES)}"
                raise ValueError(msg)
            profile = replace(
                profile,
                table=MappingProxyType({**profile.table, **SWITCHES[name]}),
                keeps_over_reboot=profile.keeps_over_reboot and name != "nothing_kept_over_reboot",
            )
        return profile


_LATEST: Final = MappingProxyType({"1.0": "1.0", "1.1": "1.1"})
"""The version that came with each LwM2M version. 1.2 is left out: its resource 14 belongs to no published TS, and
servers such as Leshan have no model for it."""


def _profile(base: Profile, name: str, rows: Table) -> Profile:
    return replace(base, name=name, table=MappingProxyType({**base.table, **rows}))


OMA: Final = Profile("oma", MappingProxyType({**REFUSED, **TABLE}), _LATEST)

ANJAY: Final = replace(
    _profile(
        OMA.switched("push_hidden", "install_failure_at_boot_to_idle"),
        "anjay",
        {
            (_IDLE, Event.FLASH_FULL): _to_idle(UpdateResult.NOT_ENOUGH_FLASH, INTERNAL_SERVER_ERROR),
        },
    ),
    package_info_in=frozenset({State.DOWNLOADED}),
)

ZEPHYR: Final = replace(
    _profile(
        OMA.switched(
            "push_error_codes",
            "unsupported_scheme_changed",
            "install_failure_to_idle",
            "second_uri_ignored",
            "second_package_method_not_allowed",
            "nothing_kept_over_reboot",
        ),
        "zephyr",
        {
            (_DOWNLOADING, Event.URI_CLEARED): _ignored(_DOWNLOADING),
            (_UPDATING, Event.URI_CLEARED): _ignored(_UPDATING),
            # No timer watches a push: State stays 1 until somebody begins anew.
            (_DOWNLOADING, Event.PACKAGE_ABANDONED): Row(_DOWNLOADING, KEEP),
        },
    ),
    object_versions=MappingProxyType({"1.0": "1.0", "1.1": "1.0"}),
    state_first_to_idle=True,
    nul_clears_in=frozenset({State.DOWNLOADED}),
    package_info_in=frozenset(),
    uri_habit=UriHabit.LAST_WRITTEN,
    not_found_is_invalid_uri=False,
    extra_pull_retries=3,
)

PROFILES: Final[Mapping[str, Profile]] = MappingProxyType({p.name: p for p in (OMA, ANJAY, ZEPHYR)})
"""The profiles by name."""
