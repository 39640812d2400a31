"""Registration of a device: Register, Update in time, what the server writes, refusals, silence, and the end."""

from __future__ import annotations

import asyncio

import pytest

from simulator.coap import codes as c
from simulator.coap.message import decode
from simulator.events import RegistrationEnded
from simulator.lwm2m.refusal import RefusedError
from simulator.lwm2m.registration import Operation
from tests.device.device_rig import SERVER, device_rig, in_virtual_time


def ended(rig):
    return [(e.operation, e.outcome, e.code) for e in rig.of(RegistrationEnded)]


def queries(rig):
    """Query and payload length of each Register and Update on the wire."""
    found = []
    for _, to, data in rig.network.log:
        message = decode(data)
        if to == SERVER and message.code == c.POST:
            found.append((message.path[0], message.query, len(message.payload) > 0))
    return found


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@in_virtual_time
async def test_a_register_says_who_and_what_the_device_is(version):
    async with device_rig(lwm2m=version, lifetime_s=300) as rig:
        assert ended(rig) == [("register", "ok", "2.01")]
        entry = rig.server.table.by_endpoint("dev")
        assert (entry.request.version, entry.request.lifetime_s, entry.request.binding) == (version, 300, "U")
        assert {(1, 0), (3, 0), (5, 0)} <= set(entry.request.links.instances)


@pytest.mark.parametrize("lifetime", [60, 600, 86400])
@in_virtual_time
async def test_updates_keep_the_registration_alive(lifetime):
    async with device_rig(lifetime_s=lifetime) as rig:
        for _ in range(20):
            await rig.settle(lifetime / 4)
            rig.server.expire()
            assert rig.device.registrar.registered
            assert len(rig.server.table) == 1
        updates = [e for e in ended(rig) if e[0] == "update"]
        assert 4 <= len(updates) <= 12
        # An Update says nothing that the server knows already.
        assert queries(rig)[-1] == ("rd", (), False)


@in_virtual_time
async def test_a_written_lifetime_is_told_at_once():
    async with device_rig() as rig:
        assert await rig.write("/1/0/1", "120") == "2.04"
        await rig.settle(1)
        assert ended(rig)[-1] == ("update", "ok", "2.04")
        assert queries(rig)[-1] == ("rd", ("lt=120",), False)
        assert rig.server.table.by_endpoint("dev").request.lifetime_s == 120
        assert await rig.write("/1/0/1", "0") == "4.00"
        assert await rig.write("/1/0/1", "-5") == "4.00"


@in_virtual_time
async def test_the_update_trigger():
    async with device_rig() as rig:
        assert await rig.execute("/1/0/8") == "2.04"
        await rig.settle(1)
        assert ended(rig)[-1] == ("update", "ok", "2.04")


@in_virtual_time
async def test_a_server_that_has_forgotten_the_device_is_registered_at_again():
    async with device_rig(lifetime_s=60) as rig:
        rig.server.table.deregister(rig.happened[0].registration_id)
        await rig.settle(40)
        assert ended(rig) == [("register", "ok", "2.01"), ("update", "fail", "4.04"), ("register", "ok", "2.01")]
        assert rig.counts["registered"] == 1


@in_virtual_time
async def test_a_device_that_was_cut_off_beyond_its_lifetime_registers_again():
    async with device_rig(lifetime_s=60) as rig:
        rig.network.lost = lambda source, to, data: SERVER in (source, to)
        await rig.settle(90)
        rig.server.expire()
        assert len(rig.server.table) == 0
        rig.network.lost = lambda source, to, data: False
        await rig.settle(200)
        assert rig.device.registrar.registered
        assert len(rig.server.table) == 1
        assert ended(rig).count(("register", "ok", "2.01")) == 2


@in_virtual_time
async def test_a_refused_register_is_tried_again():
    async with device_rig(started=False) as rig:
        rig.server._register = refuse_twice(rig.server._register)
        await rig.start()
        await rig.settle(20)
        assert ended(rig) == [("register", "fail", "4.12")] * 2 + [("register", "ok", "2.01")]
        assert rig.counts["registered"] == 1


def refuse_twice(register):
    left = [1, 2]

    def refuse(*args):
        if left:
            left.pop()
            raise RefusedError(c.PRECONDITION_FAILED, "not now")
        return register(*args)

    return refuse


@in_virtual_time
async def test_a_silent_server_is_tried_for_ever():
    async with device_rig(started=False) as rig:
        rig.network.lost = lambda source, to, data: True
        await rig.start()
        await rig.settle(20_000)
        assert {e[1:] for e in ended(rig)} == {("unknown", "")}
        assert rig.of(RegistrationEnded)[0].retransmissions == 4
        rig.network.lost = lambda source, to, data: False
        await rig.settle(1_000)
        assert ended(rig)[-1] == ("register", "ok", "2.01")


@in_virtual_time
async def test_an_unreachable_server_is_tried_again_soon():
    async with device_rig(started=False) as rig:
        rig.network.lost = lambda source, to, data: True
        await rig.start()
        rig.device.link.on_datagram_error(ConnectionRefusedError())
        await rig.settle(0.1)
        assert ended(rig) == [("register", "unknown", "")]
        rig.network.lost = lambda source, to, data: False
        await rig.settle(5)
        assert rig.device.registrar.registered


@in_virtual_time
async def test_power_off_does_not_wait_for_a_device_that_reboots_meanwhile():
    async with device_rig() as rig:
        rig.network.lost = lambda source, to, data: to == SERVER
        leaving = asyncio.ensure_future(rig.device.power_off())
        await rig.settle(1)
        rebooting = asyncio.ensure_future(rig.device.reboot())
        async with asyncio.timeout(2):
            await leaving
        assert not rig.device.on
        await rebooting
        assert rig.device.link is None


@in_virtual_time
async def test_a_de_register_that_nobody_answers_ends_too():
    async with device_rig() as rig:
        rig.network.lost = lambda source, to, data: to == SERVER
        await rig.device.power_off()
        assert ended(rig)[-1] == ("deregister", "unknown", "")


@in_virtual_time
async def test_whoever_is_to_leave_while_it_registers_goes_on_with_that():
    async with device_rig(started=False) as rig:
        rig.network.lost = lambda source, to, data: SERVER in (source, to)
        await rig.start()
        rig.device.registrar.leave_for(5.0)
        await rig.settle(10)
        assert ended(rig) == []
        rig.network.lost = lambda source, to, data: False
        await rig.settle(60)
        assert ended(rig) == [("register", "ok", "2.01")]


@in_virtual_time
async def test_no_operation_ends_before_it_has_begun():
    async with device_rig(lifetime_s=60) as rig:
        rig.device.registrar.start(Operation.UPDATE, rig.clock.now() + 1e-3)
        await rig.settle(1)
        updates = [e for e in rig.of(RegistrationEnded) if e.operation == "update"]
        assert [e.t >= e.started for e in updates] == [True]
