"""The resources of object 5 by number, and what stands around an instance: its host, its transfers, its URIs.

Source: the OMA registry, 5.xml and its version history.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, Final, Protocol

from simulator.firmware import Finding
from simulator.lwm2m.definitions import OBJECT_5_V1_0, OBJECT_5_V1_1, OBJECT_5_V1_2
from simulator.lwm2m.firmware_update import Event

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulator.lwm2m.firmware_update import State, UpdateResult
    from simulator.lwm2m.objects import ObjectDefinition
    from simulator.lwm2m.profiles import Profile

PACKAGE: Final = 0
PACKAGE_URI: Final = 1
UPDATE: Final = 2
STATE: Final = 3
UPDATE_RESULT: Final = 5
PKG_NAME: Final = 6
PKG_VERSION: Final = 7
PROTOCOL_SUPPORT: Final = 8
DELIVERY_METHOD: Final = 9
CANCEL: Final = 10
SEVERITY: Final = 11
LAST_STATE_CHANGE_TIME: Final = 12
MAXIMUM_DEFER_PERIOD: Final = 13
AUTOMATIC_UPGRADE: Final = 14

PACKAGE_URI_MAX: Final = 255
"""Longest Package URI in bytes of UTF-8 (OMA registry, 5.xml: range 0..255)."""
SEVERITY_DEFAULT: Final = 1
"""Mandatory (OMA registry, 5.xml)."""
NOT_SET: Final = -1
"""Maximum Defer Period before a server wrote it, and the deadline where no update is deferred."""
NO_DEADLINE: Final = 0
"""The deadline of an update that waits for its user alone."""

PROTOCOLS: Final[Mapping[str, int]] = {"coap": 0, "coaps": 1, "http": 2, "https": 3, "coap+tcp": 4, "coaps+tcp": 5}
"""URI schemes and their values in Protocol Support (OMA registry, 5.xml)."""

OBJECT_VERSIONS: Final[Mapping[str, ObjectDefinition]] = {
    definition.version: definition for definition in (OBJECT_5_V1_0, OBJECT_5_V1_1, OBJECT_5_V1_2)
}
"""The versions of object 5; each has what the ones before it have."""

CHECK_EVENTS: Final[Mapping[Finding, Event]] = {
    Finding.OK: Event.DOWNLOAD_COMPLETED,
    Finding.UNSUPPORTED: Event.PACKAGE_UNSUPPORTED,
    Finding.INTEGRITY: Event.INTEGRITY_FAILED,
}
"""The event that the check of a whole package leads to."""

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")


class Transfer(Enum):
    """Which way a package is arriving."""

    NONE = "none"
    PUSH = "push"
    PULL = "pull"


class Host(Protocol):
    """What the object asks of the device that carries it."""

    def now_unix(self) -> int:
        """The device's wall clock, in seconds since the Unix epoch."""

    def receive_package(self, data: bytes) -> Event:
        """Store and check a package that came in one Write, in place of what the flash holds.

        Returns one of ``TRANSFER_EVENTS``.
        """

    def defers_update(self, severity: int) -> bool:
        """Whether the user wants an update of this Severity (/5/0/11) to wait."""

    def on_transition(self, state: State, result: UpdateResult, cause: Event) -> None:
        """State or Update Result changed. Called at once, for the record; the work waits in the queues."""


def object_definition(profile: Profile, lwm2m: str) -> ObjectDefinition:
    """The definition of object 5 that a client of this profile and LwM2M version (``1.0``, ``1.1``) has.

    Raises:
        ValueError: the profile does not know the LwM2M version.
    """
    return OBJECT_VERSIONS[profile.object_version(lwm2m)]


def uri_event(uri: str, schemes: frozenset[str]) -> Event:
    """What the Write of a Package URI means to a device that supports ``schemes`` (lower case).

    A text without a scheme is not refused here: whether it can be used is found out by the download
    (Update Result 7), as OMA ETS 778 has it.
    """
    if not uri:
        return Event.URI_CLEARED
    if len(uri.encode("utf-8", "replace")) > PACKAGE_URI_MAX:
        return Event.URI_TOO_LONG
    match = _SCHEME.match(uri)
    if match and match[1].lower() not in schemes:
        return Event.URI_UNSUPPORTED
    return Event.URI_WRITTEN
