"""Client profiles: what real LwM2M clients do where the OMA texts leave a choice, or where they stray from them.

A profile is the OMA table with other rows in some places, and a few habits that no row can tell. The differences stand
one by one in ``simulator.lwm2m.firmware_switches``, so that a scenario can give any profile another reading of a point.

Sources: AVSystem Anjay 3.14.0, its ``fw_update`` module as observed; Zephyr, ``lwm2m_obj_firmware.c`` and
``lwm2m_obj_firmware_pull.c``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from simulator.coap.codes import NOT_FOUND
from simulator.lwm2m.firmware_habits import Notified, UriHabit
from simulator.lwm2m.firmware_readings import ignored, settled, stays_idle
from simulator.lwm2m.firmware_switches import POINTS, SWITCHES, conflict_text, conflicts
from simulator.lwm2m.firmware_table import KEEP, REFUSED, TABLE, Event, Row, State, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

_, _DOWNLOADING, _, _UPDATING = State


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
    keeps_image: bool = False
    """Whether the flash keeps what it holds when State returns to Idle."""
    leaves_before_reboot: bool = False
    """Whether the device De-registers before the reboot of an installation."""
    leaves_while_pulling: bool = False
    """Whether it De-registers when a pull has begun, and registers when it is over."""
    notified: Notified = Notified.EVERY_CHANGE

    @property
    def shows_downloading_on_push(self) -> bool:
        """Whether State is Downloading while a push arrives."""
        return not stays_idle(self.table, Event.PACKAGE_STARTED)

    def object_version(self, lwm2m: str) -> str:
        """The version of object 5 that a client of this LwM2M version announces: 1.0, 1.1 or 1.2.

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
        """This profile with some points read otherwise.

        Raises:
            ValueError: there is no switch of that name, or two of them are readings of one point.
        """
        for name in switches:
            if name not in SWITCHES:
                msg = f"there is no switch {name!r}; the switches are {', '.join(SWITCHES)}"
                raise ValueError(msg)
        for pair in conflicts(switches):
            msg = f"{conflict_text(*pair)}; give one of them"
            raise ValueError(msg)
        profile = self
        for name in switches:
            switch = SWITCHES[name]
            table = {**profile.table, **switch.rows(profile.table)}
            profile = replace(profile, table=MappingProxyType(settled(table)), **switch.habits)
        return profile

    def readings(self) -> dict[str, str]:
        """The name of each point, and of the switch that would change nothing: the reading that is in force."""
        return {
            point.name: next(each.name for each in point.readings if self.switched(each.name) == self)
            for point in POINTS
        }


_LATEST: Final = MappingProxyType({"1.0": "1.0", "1.1": "1.1"})
"""The version that came with each LwM2M version. 1.2 came with none; servers such as Leshan have no model for it."""


def _profile(base: Profile, name: str, rows: Table) -> Profile:
    return replace(base, name=name, table=MappingProxyType({**base.table, **rows}))


OMA: Final = Profile("oma", MappingProxyType({**REFUSED, **TABLE}), _LATEST)

ANJAY: Final = replace(
    OMA.switched("push-hidden", "push-full-flash-code", "install-failure-at-boot-to-idle"),
    name="anjay",
    package_info_in=frozenset({State.DOWNLOADED}),
)

ZEPHYR: Final = replace(
    _profile(
        OMA.switched(
            "push-error-codes",
            "unsupported-scheme-accepted",
            "install-failure-to-idle",
            "clear-uri-ignored-in-downloading",
            "nul-is-an-image",
            "second-uri-ignored",
            "second-package-not-allowed",
            "state-lost-over-reboot",
            "state-first-to-idle",
            "uri-last-written",
            "no-credential-is-connection-lost",
            "not-found-is-connection-lost",
        ),
        "zephyr",
        {
            **{
                (_UPDATING, event): ignored(_UPDATING)
                for event in (Event.URI_WRITTEN, Event.URI_UNSUPPORTED, Event.URI_TOO_LONG, Event.URI_CLEARED)
            },
            # No timer watches a push: State stays 1 until somebody begins anew.
            (_DOWNLOADING, Event.PACKAGE_ABANDONED): Row(_DOWNLOADING, KEEP),
        },
    ),
    object_versions=MappingProxyType({"1.0": "1.0", "1.1": "1.0"}),
    package_info_in=frozenset(),
    extra_pull_retries=3,
)

PROFILES: Final[Mapping[str, Profile]] = MappingProxyType({p.name: p for p in (OMA, ANJAY, ZEPHYR)})
"""The profiles by name."""


@cache
def habits_of(profile: str, switches: tuple[str, ...] = (), object_version: str | None = None) -> Profile:
    """A profile by its name, with these switches; one object for all devices that are alike.

    Args:
        profile: its name.
        switches: points that it reads otherwise.
        object_version: of object 5 with any LwM2M version, instead of those that the profile has.

    Raises:
        KeyError: there is no such profile.
        ValueError: a switch is unknown, or two of them contradict each other.
    """
    habits = PROFILES[profile].switched(*switches)
    if object_version is None:
        return habits
    return replace(habits, object_versions=MappingProxyType(dict.fromkeys(habits.object_versions, object_version)))
