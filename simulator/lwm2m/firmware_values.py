"""The values of /5/0 beside State and Update Result: what a Read gives, and which of them changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.lwm2m import firmware_resources as r
from simulator.lwm2m.firmware_habits import Notified
from simulator.lwm2m.firmware_resources import NOT_SET, PROTOCOLS, Transfer
from simulator.lwm2m.firmware_table import State

if TYPE_CHECKING:
    from simulator.lwm2m.firmware_update import FirmwareUpdate
    from simulator.lwm2m.objects import ObjectDefinition, Resource


class FirmwareValues:
    """The readable half of /5/0 of one device.

    Args:
        machine: its State and Update Result, and with them its profile.
        definition: object 5 in the version that the device announces (``object_definition``).
        schemes: the URI schemes that it can pull from (keys of ``PROTOCOLS``); none makes it push only.

    Raises:
        ValueError: a scheme has no value in Protocol Support.
    """

    __slots__ = (
        "_changes",
        "_schemes",
        "automatic_upgrade",
        "defer_deadline",
        "definition",
        "last_state_change",
        "machine",
        "max_defer_period",
        "package_name",
        "package_uri",
        "package_version",
        "severity",
        "transfer",
    )

    def __init__(self, machine: FirmwareUpdate, definition: ObjectDefinition, schemes: frozenset[str]) -> None:
        unknown = schemes - PROTOCOLS.keys()
        if unknown:
            msg = f"object 5 has no protocol {', '.join(sorted(unknown))}; it has {', '.join(PROTOCOLS)}"
            raise ValueError(msg)
        self.machine = machine
        self.definition = definition
        self._schemes = schemes
        self._changes: list[int] = []
        self.transfer = Transfer.NONE
        self.package_uri = ""
        self.package_name = ""
        self.package_version = ""
        self.severity = r.SEVERITY_DEFAULT
        self.max_defer_period = NOT_SET
        self.defer_deadline = NOT_SET
        """When a deferred update is installed, in seconds since the Unix epoch; ``NO_DEADLINE`` or ``NOT_SET``."""
        self.last_state_change = 0
        self.automatic_upgrade = False
        """Whether an update begins as soon as the package is there. No text that is known to us has a default."""

    @property
    def instance_id(self) -> int:
        """The object has a single instance."""
        return 0

    def read(self, resource_id: int) -> Resource | None:
        """The value now, or None where this device has no such resource at the moment."""
        match resource_id:
            case r.STATE:
                return int(self.machine.state)
            case r.UPDATE_RESULT:
                return int(self.machine.result)
            case r.PACKAGE_URI:
                return self.package_uri
            case r.PKG_NAME | r.PKG_VERSION if self._package_shown():
                return self.package_name if resource_id == r.PKG_NAME else self.package_version
            case r.PROTOCOL_SUPPORT if self._schemes:
                return dict(enumerate(sorted(PROTOCOLS[scheme] for scheme in self._schemes)))
            case r.DELIVERY_METHOD:
                return 2 if self._schemes else 1
        return self._read_deferral(resource_id) if resource_id in self.definition.resources else None

    def _read_deferral(self, resource_id: int) -> Resource | None:
        """The resources that versions 1.1 and 1.2 of the object added."""
        if resource_id == r.SEVERITY:
            return self.severity
        if resource_id == r.LAST_STATE_CHANGE_TIME and self.last_state_change:
            return self.last_state_change
        if resource_id == r.MAXIMUM_DEFER_PERIOD and self.max_defer_period != NOT_SET:
            return self.max_defer_period
        if resource_id == r.AUTOMATIC_UPGRADE:
            return self.automatic_upgrade
        return None

    def set_package_info(self, name: str, version: str) -> None:
        """The header of the package is here: PkgName and PkgVersion, shown in the States that the profile names."""
        shown = self._package_shown()
        self.package_name = name
        self.package_version = version
        self._note_package_info(shown)

    def is_notified(self, resource_id: int) -> bool:
        """Whether an observer is told of the present value."""
        passing = resource_id == r.STATE and self.machine.state in (State.DOWNLOADING, State.UPDATING)
        return not (passing and self.machine.profile.notified is Notified.RESTING_STATES)

    def take_changes(self) -> list[int]:
        """Ids of the resources that changed since the last call, in the order in which a server has to see them."""
        changes, self._changes = self._changes, []
        return changes

    def take_notices(self) -> list[int]:
        """Ids of the resources of which an observer is to be told, in this order.

        What changed twice has one value now and is told once, in the place of its last change; but Update Result comes
        before the State that belongs to it, or after it where the profile says so.
        """
        changes = [*reversed(dict.fromkeys(reversed(self.take_changes())))]
        if r.STATE in changes and r.UPDATE_RESULT in changes:
            changes.remove(r.UPDATE_RESULT)
            state_first = self.machine.state is State.IDLE and self.machine.profile.state_first_to_idle
            changes.insert(changes.index(r.STATE) + state_first, r.UPDATE_RESULT)
        return [resource_id for resource_id in changes if self.is_notified(resource_id)]

    def _package_shown(self) -> bool:
        return bool(self.package_name) and self.machine.state in self.machine.profile.package_info_in

    def _note_package_info(self, before: bool) -> None:
        if self._package_shown() is not before:
            self._changes += (r.PKG_NAME, r.PKG_VERSION)

    def _set_uri(self, uri: str) -> None:
        if uri != self.package_uri:
            self.package_uri = uri
            self._changes.append(r.PACKAGE_URI)
