"""10^5 random and mutated datagrams into a device in every State: nothing raised or grown, no State without cause."""

from __future__ import annotations

import random

import pytest

from simulator.coap.deduplication import GENERATION_MAX
from simulator.coap.message import decode
from simulator.coap.observe import OBSERVATIONS_MAX
from simulator.coap.uploads import BODY_MAX
from simulator.events import StateChanged
from simulator.firmware import generate
from simulator.lwm2m.firmware_resources import Transfer
from simulator.lwm2m.firmware_table import ALLOWED, Event, Row, State, UpdateResult
from simulator.lwm2m.profiles import PROFILES
from tests.device.device_rig import MODEL, ORIGIN, SERVER, URI, device_rig, in_virtual_time
from tests.properties.hostile import Mutator, capture

REPLY_MAX = 1024 + 128
BATCH = 25
FINAL = generate(4000, MODEL, "3.0.0", 9)


@pytest.fixture(scope="module")
def captured():
    return capture()


async def idle(rig):
    pass


async def failed(rig):
    assert await rig.push(b"x" * 2000) == "2.04"


async def pulling(rig):
    rig.network.lost = lambda source, to, data: ORIGIN in (source, to)
    assert await rig.write("/5/0/1", URI) == "2.04"


async def pushing(rig):
    for number in range(3):
        assert await rig.block(number) == "2.31"


async def downloaded(rig):
    assert await rig.push() == "2.04"


async def updating(rig):
    assert await rig.push() == "2.04"
    assert await rig.execute("/5/0/2") == "2.04"


STAGES = {
    "idle": (idle, "oma", State.IDLE),
    "failed": (failed, "oma", State.IDLE),
    "pulling": (pulling, "oma", State.DOWNLOADING),
    "pushing": (pushing, "oma", State.DOWNLOADING),
    "downloaded": (downloaded, "oma", State.DOWNLOADED),
    "updating": (updating, "oma", State.UPDATING),
    "anjay": (pushing, "anjay", State.IDLE),
    "zephyr": (pulling, "zephyr", State.DOWNLOADING),
}
PER_ROUND = 250
ROUNDS = 100_000 // len(STAGES) // PER_ROUND


class Attack:
    """Datagrams into one device, and a look at it after every few."""

    def __init__(self, rig, dice, captured, profile):
        self.rig = rig
        self.dice = dice
        self.manager = Mutator(dice, captured.to_device)
        self.origin = Mutator(dice, captured.to_pull)
        self.table = PROFILES[profile].table
        self.looked = 0
        self.shadow = (State.IDLE, UpdateResult.INITIAL)
        self.seen_states = set()

    async def run(self, datagrams):
        rig, dice = self.rig, self.dice
        sent: list[bytes] = []
        asked: list[bytes] = []
        for number in range(datagrams):
            device = rig.device
            if device.pull is not None and dice.random() < 0.5:
                device.pull.on_datagram(self.origin.next(asked), ORIGIN)
            elif device.link is not None:
                device.link.on_datagram(self.manager.next(sent), SERVER)
            if number % BATCH == BATCH - 1:
                await rig.settle(dice.choice((1e-6, 1e-6, 0.1, 1.0)) if dice.random() < 0.95 else 60.0)
                self.look()
                sent = [data for _, to, data in rig.network.log if to == SERVER][-20:]
                asked = [data for _, to, data in rig.network.log if to == ORIGIN][-5:]
                del rig.network.log[:]

    def look(self):
        rig = self.rig
        device = rig.device
        assert rig.broken == []
        for _, to, data in rig.network.log:
            decode(data)
            assert len(data) <= REPLY_MAX or to != SERVER
        self.follow()
        assert 0 <= device.flash.written <= device.flash.capacity
        # An installation, a reboot, a De-register, the opening of a pull's port.
        assert len(rig.tasks) <= 4
        assert len(rig.deadlines) <= 8
        if device.link is not None:
            endpoint = device.endpoint
            assert len(endpoint.pending) <= endpoint.params.NSTART
            assert len(endpoint.seen) <= 2 * GENERATION_MAX
            assert len(endpoint.observations) <= OBSERVATIONS_MAX
            assert len(device.notifier._schedule) <= len(endpoint.observations)
            assert len(endpoint.exchanges) <= 1
            assert len(endpoint.queue or ()) <= OBSERVATIONS_MAX + 1
            upload = endpoint.server._uploads.current if endpoint.server._uploads else None
            assert upload is None or not hasattr(upload.sink, "_body") or len(upload.sink._body) <= BODY_MAX
            assert len(device.firmware.package_uri.encode()) <= 255

    def follow(self):
        """Every change of State and Update Result is a row of the profile's table."""
        events = self.rig.log.events
        for event in events[self.looked :]:
            if isinstance(event, StateChanged):
                row = self.table[self.shadow[0], Event(event.cause)]
                assert isinstance(row, Row), (self.shadow, event)
                self.shadow = (row.state, self.shadow[1] if row.result is None else row.result)
                assert (event.state, event.result) == self.shadow
                self.seen_states.add(event.state)
        self.looked = len(events)
        machine = self.rig.device.firmware.machine
        if self.rig.device.link is not None:
            assert (machine.state, machine.result) == self.shadow
        assert machine.result in ALLOWED[machine.state]


async def calm(rig):
    """Let pass what goes on, until the device is registered and answers its server again; then to Idle."""
    rig.network.lost = lambda source, to, data: False
    for _ in range(10):
        await rig.settle(700)
        if rig.device.link is not None and rig.device.registrar.registered:
            if rig.pair[0] == State.IDLE and rig.device.firmware.transfer is Transfer.NONE:
                return
            await rig.write("/5/0/1", "")
            if rig.pair[0] == State.DOWNLOADING:
                # Zephyr's client waits for ever for the rest of a push, until another one begins.
                await rig.push(b"x" * 2000)
    pytest.fail(f"the device does not come to rest: {rig.pair}, registered: {rig.device.registrar.registered}")


@pytest.mark.parametrize("stage", STAGES)
@in_virtual_time
async def test_a_hostile_server_breaks_nothing(stage, captured):
    prepare, profile, state = STAGES[stage]
    dice = random.Random(stage)
    async with device_rig(profile=profile, lwm2m="1.0" if profile == "zephyr" else "1.1") as rig:
        attack = Attack(rig, dice, captured, profile)
        for _ in range(ROUNDS):
            await calm(rig)
            await prepare(rig)
            attack.look()
            assert rig.pair[0] == state
            await attack.run(PER_ROUND)
        await calm(rig)
        # It updates as if nothing had been, and tells its server so.
        assert await rig.push(FINAL) == "2.04"
        assert await rig.execute("/5/0/2") == "2.04"
        await rig.settle(30)
        attack.look()
        assert rig.pair == (0, 1)
        assert rig.device.persistent.firmware_version == "3.0.0"
        assert await rig.read("/3/0/3") == "3.0.0"


@in_virtual_time
async def test_the_attack_reaches_all_states(captured):
    async with device_rig() as rig:
        attack = Attack(rig, random.Random(2), captured, "oma")
        await attack.run(5_000)
        assert attack.seen_states == {0, 1, 2, 3}
        assert rig.device.persistent.boots > 1
