"""Definitions of the objects that a device carries, from the OMA registry (OpenMobileAlliance/lwm2m-registry).

Objects 0, 1, 3 and 4 are given in version 1.0, which servers of LwM2M 1.0 and 1.1 both assume where a registration
names no version. Object 5 comes in all its versions.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from simulator.lwm2m.objects import ObjectDefinition, ResourceDefinition, ResourceType

STRING = ResourceType.STRING
INTEGER = ResourceType.INTEGER
UNSIGNED = ResourceType.UNSIGNED
BOOLEAN = ResourceType.BOOLEAN
OPAQUE = ResourceType.OPAQUE
TIME = ResourceType.TIME
OBJLNK = ResourceType.OBJLNK
NONE = ResourceType.NONE

SECURITY_ID: Final = 0
SERVER_ID: Final = 1
DEVICE_ID: Final = 3
CONNECTIVITY_MONITORING_ID: Final = 4
FIRMWARE_UPDATE_ID: Final = 5

_R = ResourceDefinition


def _by_id(*resources: ResourceDefinition) -> dict[int, ResourceDefinition]:
    return {resource.id: resource for resource in resources}


def restricted(definition: ObjectDefinition, resources: Collection[int]) -> ObjectDefinition:
    """The same object with these resources only: what one kind of device implements of it.

    Raises:
        ValueError: a mandatory resource is missing, or the object has no such resource.
    """
    unknown = set(resources) - definition.resources.keys()
    missing = {r.id for r in definition.resources.values() if r.mandatory} - set(resources)
    if unknown or missing:
        msg = f"object {definition.id}: unknown resources {sorted(unknown)}, mandatory ones missing {sorted(missing)}"
        raise ValueError(msg)
    kept = {number: resource for number, resource in definition.resources.items() if number in resources}
    return replace(definition, resources=kept)


OBJECT_0: Final = ObjectDefinition(
    SECURITY_ID,
    "LwM2M Security",
    "1.0",
    _by_id(
        _R(0, "LwM2M Server URI", STRING, "", mandatory=True, range=(0, 255)),
        _R(1, "Bootstrap-Server", BOOLEAN, "", mandatory=True),
        _R(2, "Security Mode", INTEGER, "", mandatory=True, range=(0, 4)),
        _R(3, "Public Key or Identity", OPAQUE, "", mandatory=True),
        _R(4, "Server Public Key", OPAQUE, "", mandatory=True),
        _R(5, "Secret Key", OPAQUE, "", mandatory=True),
        _R(6, "SMS Security Mode", INTEGER, "", range=(0, 255)),
        _R(7, "SMS Binding Key Parameters", OPAQUE, "", range=(6, 6)),
        _R(8, "SMS Binding Secret Key(s)", OPAQUE, "", range=(16, 48)),
        _R(9, "LwM2M Server SMS Number", STRING, ""),
        _R(10, "Short Server ID", INTEGER, "", range=(1, 65534)),
        _R(11, "Client Hold Off Time", INTEGER, ""),
        _R(12, "Bootstrap-Server Account Timeout", INTEGER, ""),
    ),
    single=False,
)

OBJECT_1: Final = ObjectDefinition(
    SERVER_ID,
    "LwM2M Server",
    "1.0",
    _by_id(
        _R(0, "Short Server ID", INTEGER, "R", mandatory=True, range=(1, 65534)),
        _R(1, "Lifetime", INTEGER, "RW", mandatory=True, range=(1, 2**31 - 1)),
        _R(2, "Default Minimum Period", INTEGER, "RW", range=(0, 2**31 - 1)),
        _R(3, "Default Maximum Period", INTEGER, "RW", range=(0, 2**31 - 1)),
        _R(4, "Disable", NONE, "E"),
        _R(5, "Disable Timeout", INTEGER, "RW", range=(0, 2**31 - 1)),
        _R(6, "Notification Storing When Disabled or Offline", BOOLEAN, "RW", mandatory=True),
        _R(7, "Binding", STRING, "RW", mandatory=True, range=(1, 8)),
        _R(8, "Registration Update Trigger", NONE, "E", mandatory=True),
    ),
    single=False,
)

OBJECT_3: Final = ObjectDefinition(
    DEVICE_ID,
    "Device",
    "1.0",
    _by_id(
        _R(0, "Manufacturer", STRING, "R"),
        _R(1, "Model Number", STRING, "R"),
        _R(2, "Serial Number", STRING, "R"),
        _R(3, "Firmware Version", STRING, "R"),
        _R(4, "Reboot", NONE, "E", mandatory=True),
        _R(5, "Factory Reset", NONE, "E"),
        _R(6, "Available Power Sources", INTEGER, "R", multiple=True, range=(0, 7)),
        _R(7, "Power Source Voltage", INTEGER, "R", multiple=True),
        _R(8, "Power Source Current", INTEGER, "R", multiple=True),
        _R(9, "Battery Level", INTEGER, "R", range=(0, 100)),
        _R(10, "Memory Free", INTEGER, "R"),
        _R(11, "Error Code", INTEGER, "R", multiple=True, mandatory=True, range=(0, 8)),
        _R(12, "Reset Error Code", NONE, "E"),
        _R(13, "Current Time", TIME, "RW"),
        _R(14, "UTC Offset", STRING, "RW"),
        _R(15, "Timezone", STRING, "RW"),
        _R(16, "Supported Binding and Modes", STRING, "R", mandatory=True),
        _R(17, "Device Type", STRING, "R"),
        _R(18, "Hardware Version", STRING, "R"),
        _R(19, "Software Version", STRING, "R"),
        _R(20, "Battery Status", INTEGER, "R", range=(0, 6)),
        _R(21, "Memory Total", INTEGER, "R"),
        _R(22, "ExtDevInfo", OBJLNK, "R", multiple=True),
    ),
)

OBJECT_4: Final = ObjectDefinition(
    CONNECTIVITY_MONITORING_ID,
    "Connectivity Monitoring",
    "1.0",
    _by_id(
        _R(0, "Network Bearer", INTEGER, "R", mandatory=True, range=(0, 50)),
        _R(1, "Available Network Bearer", INTEGER, "R", multiple=True, mandatory=True, range=(0, 50)),
        _R(2, "Radio Signal Strength", INTEGER, "R", mandatory=True),
        _R(3, "Link Quality", INTEGER, "R"),
        _R(4, "IP Addresses", STRING, "R", multiple=True, mandatory=True),
        _R(5, "Router IP Addresses", STRING, "R", multiple=True),
        _R(6, "Link Utilization", INTEGER, "R", range=(0, 100)),
        _R(7, "APN", STRING, "R", multiple=True),
        _R(8, "Cell ID", INTEGER, "R"),
        _R(9, "SMNC", INTEGER, "R", range=(0, 999)),
        _R(10, "SMCC", INTEGER, "R", range=(0, 999)),
    ),
)


def _firmware_update(version: str, last_result: int, *more: ResourceDefinition) -> ObjectDefinition:
    return ObjectDefinition(
        FIRMWARE_UPDATE_ID,
        "Firmware Update",
        version,
        _by_id(
            _R(0, "Package", OPAQUE, "W", mandatory=True),
            # Its range, 0..255, is the object's own to judge: a longer URI leads to Update Result 7.
            _R(1, "Package URI", STRING, "RW", mandatory=True),
            _R(2, "Update", NONE, "E", mandatory=True),
            _R(3, "State", INTEGER, "R", mandatory=True, range=(0, 3)),
            _R(5, "Update Result", INTEGER, "R", mandatory=True, range=(0, last_result)),
            _R(6, "PkgName", STRING, "R", range=(0, 255)),
            _R(7, "PkgVersion", STRING, "R", range=(0, 255)),
            _R(8, "Firmware Update Protocol Support", INTEGER, "R", multiple=True, range=(0, 5)),
            _R(9, "Firmware Update Delivery Method", INTEGER, "R", mandatory=True, range=(0, 2)),
            *more,
        ),
        announced_version=True,
    )


OBJECT_5_V1_0: Final = _firmware_update("1.0", 9)

OBJECT_5_V1_1: Final = _firmware_update(
    "1.1",
    11,
    _R(10, "Cancel", NONE, "E"),
    _R(11, "Severity", INTEGER, "RW", range=(0, 2)),
    _R(12, "Last State Change Time", TIME, "R"),
    _R(13, "Maximum Defer Period", UNSIGNED, "RW", range=(0, 2**32 - 1)),
)

OBJECT_5_V1_2: Final = _firmware_update(
    "1.2",
    11,
    *(OBJECT_5_V1_1.resources[number] for number in (10, 11, 12, 13)),
    _R(14, "Automatic Upgrade at Download", BOOLEAN, "RW"),
)
