"""Instances of Device (3) and Connectivity Monitoring (4): what the device is, and its bearer.

Sources: the OMA registry, objects 3 and 4; TS 1.1 Core, annex E.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from simulator.coap.codes import BAD_REQUEST, CHANGED, METHOD_NOT_ALLOWED
from simulator.lwm2m.definitions import OBJECT_3, OBJECT_4, restricted
from simulator.lwm2m.objects import ObjectDefinition, Resource

DEVICE: Final = restricted(OBJECT_3, (0, 1, 2, 3, 4, 9, 11, 12, 13, 14, 16, 17))
CONNECTIVITY: Final = OBJECT_4


class Standard:
    """What the standard instances have in common: by itself an instance takes neither Write nor Execute."""

    __slots__ = ("instance_id",)

    def __init__(self, instance_id: int) -> None:
        self.instance_id = instance_id

    def write(self, resource_id: int, value: Resource) -> int:
        """Refuse: nothing can be written."""
        del resource_id, value
        return METHOD_NOT_ALLOWED

    def execute(self, resource_id: int, arguments: str) -> int:
        """Refuse: nothing can be executed."""
        del resource_id, arguments
        return METHOD_NOT_ALLOWED


class Device(Standard):
    """``/3/0``: what the device is, and the version of its firmware.

    ``now_unix`` gives the seconds since the Unix epoch; a Write of Current Time sets an offset to it. Reboot calls
    ``on_reboot``, which must let the answer go out first.
    """

    __slots__ = (
        "_now_unix",
        "_on_reboot",
        "_time_offset",
        "battery_level",
        "binding",
        "error_codes",
        "firmware_version",
        "manufacturer",
        "model",
        "serial",
        "utc_offset",
    )

    def __init__(
        self,
        serial: str,
        firmware_version: str,
        *,
        now_unix: Callable[[], int],
        on_reboot: Callable[[], None],
        manufacturer: str = "lwm2m-fleet",
        model: str = "virtual device",
        binding: str = "U",
    ) -> None:
        super().__init__(0)
        self._now_unix = now_unix
        self._on_reboot = on_reboot
        self._time_offset = 0
        self.manufacturer = manufacturer
        self.model = model
        self.serial = serial
        self.firmware_version = firmware_version
        self.battery_level = 100
        self.error_codes: dict[int, int] | None = None
        """Error Code by resource instance; None is the one instance that says 0, no error."""
        self.utc_offset = "+00:00"
        self.binding = binding

    @property
    def definition(self) -> ObjectDefinition:
        """Object 3."""
        return DEVICE

    def read(self, resource_id: int) -> Resource | None:
        """The value now."""
        values: Mapping[int, Resource] = {
            0: self.manufacturer,
            1: self.model,
            2: self.serial,
            3: self.firmware_version,
            9: self.battery_level,
            11: dict(self.error_codes or {0: 0}),
            13: self._now_unix() + self._time_offset,
            14: self.utc_offset,
            16: self.binding,
            17: "simulated",
        }
        return values.get(resource_id)

    def write(self, resource_id: int, value: Resource) -> int:
        """Take Current Time or UTC Offset."""
        match resource_id, value:
            case 13, int():
                self._time_offset = value - self._now_unix()
            case 14, str():
                self.utc_offset = value
            case _:
                return BAD_REQUEST
        return CHANGED

    def execute(self, resource_id: int, arguments: str) -> int:
        """Reboot, or Reset Error Code."""
        del arguments
        if resource_id == 4:
            self._on_reboot()
        elif resource_id == 12:
            self.error_codes = None
        else:
            return METHOD_NOT_ALLOWED
        return CHANGED


class ConnectivityMonitoring(Standard):
    """``/4/0``: the bearer of a network profile and plausible values of its radio.

    Attributes:
        bearer: Network Bearer, such as 7 for NB-IoT or 41 for Ethernet.
        signal_dbm: Radio Signal Strength in dBm.
        link_quality: Link Quality, in the unit of the bearer (RSRQ for LTE).
        address: own IP address.
    """

    __slots__ = ("address", "bearer", "cell_id", "link_quality", "signal_dbm")

    def __init__(
        self, *, bearer: int = 41, signal_dbm: int = -80, link_quality: int = -10, address: str = "", cell_id: int = -1
    ) -> None:
        super().__init__(0)
        self.bearer = bearer
        self.signal_dbm = signal_dbm
        self.link_quality = link_quality
        self.address = address
        self.cell_id = cell_id
        """Serving cell, or -1 where the bearer is not cellular."""

    @property
    def definition(self) -> ObjectDefinition:
        """Object 4."""
        return CONNECTIVITY

    def read(self, resource_id: int) -> Resource | None:
        """The value now; what the bearer does not have is absent."""
        values: dict[int, Resource] = {
            0: self.bearer,
            1: {0: self.bearer},
            2: self.signal_dbm,
            3: self.link_quality,
            4: {0: self.address} if self.address else {},
        }
        if self.cell_id >= 0:
            values[8] = self.cell_id
        return values.get(resource_id)
