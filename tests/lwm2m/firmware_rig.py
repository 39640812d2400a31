"""An object /5/0 with a host that a test controls."""

from __future__ import annotations

from dataclasses import replace

from simulator.coap import codes as c
from simulator.lwm2m.firmware_object import FirmwareObject
from simulator.lwm2m.firmware_resources import object_definition
from simulator.lwm2m.firmware_update import Event, FirmwareUpdate, State, UpdateResult
from simulator.lwm2m.profiles import OMA

SCHEMES = frozenset({"coap", "http"})


class Host:
    def __init__(self):
        self.now = 1_700_000_000
        self.verdict = Event.DOWNLOAD_COMPLETED
        self.packages = []
        self.defers = False
        self.transitions = []

    def now_unix(self):
        return self.now

    def receive_package(self, data):
        self.packages.append(data)
        return self.verdict

    def defers_update(self, severity):
        return self.defers

    def on_transition(self, state, result, cause):
        self.transitions.append((int(state), int(result), str(cause)))


class Rig:
    """An object with its host, and short ways to look at it."""

    def __init__(
        self, profile=OMA, state=State.IDLE, result=UpdateResult.INITIAL, lwm2m="1.1", schemes=SCHEMES, version=None
    ):
        self.host = Host()
        if version is not None:
            profile = replace(profile, object_versions={lwm2m: version})
        machine = FirmwareUpdate(profile, state, result)
        self.fw = FirmwareObject(self.host, machine, object_definition(profile, lwm2m), schemes)

    @property
    def pair(self):
        return self.fw.read(3), self.fw.read(5)

    def write(self, resource_id, value):
        return c.code_text(self.fw.write(resource_id, value))

    def execute(self, resource_id):
        return c.code_text(self.fw.execute(resource_id, ""))
