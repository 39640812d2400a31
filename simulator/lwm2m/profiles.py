"""Client profiles: what real LwM2M clients do where the OMA texts leave a choice, or where they stray from them.

A profile is the OMA table with other rows in some places, and a few habits that no row can tell. The differences stand
one by one in ``simulator.lwm2m.firmware_switches``, so that a scenario can give any profile another reading of a point.

Sources: AVSystem Anjay 3.14.0, its ``fw_update`` module as observed; Zephyr, ``lwm2m_obj_firmware.c`` and
``lwm2m_obj_firmware_pull.c``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from simulator.coap.codes import INTERNAL_SERVER_ERROR, NOT_FOUND
from simulator.lwm2m.firmware_switches import HABIT_SWITCHES, ROW_SWITCHES, SWITCHES, UriHabit, ignored, to_idle
from simulator.lwm2m.firmware_table import KEEP, REFUSED, TABLE, Event, Row, State, Table, UpdateResult

if TYPE_CHECKING:
    from collections.abc import Mapping

_IDLE, _DOWNLOADING, _DOWNLOADED, _UPDATING = State


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
    no_credential: Event = Event.SCHEME_UNSUPPORTED
    """What a pull by a scheme is for which the device has no credential: in Anjay as if it did not know the scheme."""
    extra_pull_retries: int = 0
    """How often a block is asked for again after MAX_RETRANSMIT repetitions went unanswered; a connection that is lost
    or refused is not made anew by it."""
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

    def pull_failed(self, code: int) -> Event:
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
            rows = ROW_SWITCHES.get(name, {})
            table = MappingProxyType({**profile.table, **rows})
            profile = replace(profile, table=table, **HABIT_SWITCHES.get(name, {}))
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
            (_IDLE, Event.FLASH_FULL): to_idle(UpdateResult.NOT_ENOUGH_FLASH, INTERNAL_SERVER_ERROR),
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
            "state_first_to_idle",
            "nul_is_an_image",
            "uri_last_written",
            "not_found_is_connection_lost",
        ),
        "zephyr",
        {
            (_DOWNLOADING, Event.URI_CLEARED): ignored(_DOWNLOADING),
            (_UPDATING, Event.URI_CLEARED): ignored(_UPDATING),
            # No timer watches a push: State stays 1 until somebody begins anew.
            (_DOWNLOADING, Event.PACKAGE_ABANDONED): Row(_DOWNLOADING, KEEP),
        },
    ),
    object_versions=MappingProxyType({"1.0": "1.0", "1.1": "1.0"}),
    package_info_in=frozenset(),
    no_credential=Event.CONNECTION_LOST,
    extra_pull_retries=3,
)

PROFILES: Final[Mapping[str, Profile]] = MappingProxyType({p.name: p for p in (OMA, ANJAY, ZEPHYR)})
"""The profiles by name."""
