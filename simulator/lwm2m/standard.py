"""Instances of the objects that every device carries beside Firmware Update: Security, Server, Device, Connectivity.

Each holds its own values and nothing that devices share. What a server sets off goes to the device by small callbacks.
Sources: the OMA registry, objects 0, 1, 3 and 4; TS 1.1 Core, annex E.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from simulator.coap.codes import BAD_REQUEST, CHANGED, METHOD_NOT_ALLOWED
from simulator.lwm2m.definitions import OBJECT_0, OBJECT_1, restricted
from simulator.lwm2m.objects import ObjectDefinition, Resource
from simulator.lwm2m.standard_device import ConnectivityMonitoring, Device, Standard

SECURITY: Final = restricted(OBJECT_0, (0, 1, 2, 3, 4, 5, 10))
SERVER: Final = restricted(OBJECT_1, (0, 1, 2, 3, 6, 7, 8))

PSK: Final = 0
NO_SEC: Final = 3


class Security(Standard):
    """``/0/x``: where the server is. It exists for the device alone, and holds no key."""

    __slots__ = ("mode", "short_server_id", "uri")

    def __init__(self, uri: str, *, short_server_id: int = 1, mode: int = NO_SEC, instance_id: int = 0) -> None:
        super().__init__(instance_id)
        self.uri = uri
        self.short_server_id = short_server_id
        self.mode = mode

    @property
    def definition(self) -> ObjectDefinition:
        """Object 0."""
        return SECURITY

    def read(self, resource_id: int) -> Resource | None:
        """The value now; identity and keys are never told."""
        values: Mapping[int, Resource] = {0: self.uri, 1: False, 2: self.mode, 10: self.short_server_id}
        return values.get(resource_id)


class Server(Standard):
    """``/1/x``: the terms of the registration.

    Attributes:
        lifetime_s: in seconds; a Write calls ``on_lifetime`` with the new one.
        default_pmin, default_pmax: in seconds, 0 for none; a Write calls ``on_periods`` with both.
        storing: Notification Storing When Disabled or Offline.
        binding: such as ``U``.
    """

    __slots__ = (
        "_on_lifetime",
        "_on_periods",
        "_on_update_trigger",
        "binding",
        "default_pmax",
        "default_pmin",
        "lifetime_s",
        "short_server_id",
        "storing",
    )

    def __init__(
        self,
        lifetime_s: int,
        *,
        on_lifetime: Callable[[int], None],
        on_update_trigger: Callable[[], None],
        on_periods: Callable[[int, int], None] | None = None,
        binding: str = "U",
        short_server_id: int = 1,
        instance_id: int = 0,
    ) -> None:
        super().__init__(instance_id)
        self._on_lifetime = on_lifetime
        self._on_update_trigger = on_update_trigger
        self._on_periods = on_periods
        self.short_server_id = short_server_id
        self.lifetime_s = lifetime_s
        self.default_pmin = 0
        self.default_pmax = 0
        self.storing = True
        self.binding = binding

    @property
    def definition(self) -> ObjectDefinition:
        """Object 1."""
        return SERVER

    def read(self, resource_id: int) -> Resource | None:
        """The value now."""
        values: Mapping[int, Resource] = {
            0: self.short_server_id,
            1: self.lifetime_s,
            2: self.default_pmin,
            3: self.default_pmax,
            6: self.storing,
            7: self.binding,
        }
        return values.get(resource_id)

    def write(self, resource_id: int, value: Resource) -> int:
        """Take a lifetime, a default period or the storing of notifications; the binding stays as it is."""
        match resource_id, value:
            case 6, bool():
                self.storing = value
            case 1, int():
                self.lifetime_s = value
                self._on_lifetime(value)
            case ((2 | 3), int()):
                self._write_period(resource_id, value)
            case 7, self.binding:
                pass
            case _:
                return BAD_REQUEST
        return CHANGED

    def _write_period(self, resource_id: int, value: int) -> None:
        if resource_id == 2:
            self.default_pmin = value
        else:
            self.default_pmax = value
        if self._on_periods is not None:
            self._on_periods(self.default_pmin, self.default_pmax)

    def execute(self, resource_id: int, arguments: str) -> int:
        """Registration Update Trigger."""
        del arguments
        if resource_id != 8:
            return METHOD_NOT_ALLOWED
        self._on_update_trigger()
        return CHANGED


__all__ = ["NO_SEC", "PSK", "ConnectivityMonitoring", "Device", "Security", "Server"]
