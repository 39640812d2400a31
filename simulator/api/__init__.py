"""One virtual device, for tests of a server and for scripts (docs/python-api.md).

async with VirtualDevice("coap://127.0.0.1:5683", endpoint="urn:dev:1") as device:
    await device.registered()
    await device.state(2)
    assert await device.update_ended() == (0, 1, "2.0.0")
"""

from simulator.api.credentials import psk_from_file, psk_of
from simulator.api.life import Answer, DeviceStateError, UpdateEnd
from simulator.api.settings import SettingsError
from simulator.api.state_files import StateError
from simulator.api.timeline import KINDS, Entry, Timeline
from simulator.api.virtual_device import VirtualDevice

__all__ = [
    "KINDS",
    "Answer",
    "DeviceStateError",
    "Entry",
    "SettingsError",
    "StateError",
    "Timeline",
    "UpdateEnd",
    "VirtualDevice",
    "psk_from_file",
    "psk_of",
]
