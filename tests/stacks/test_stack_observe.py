"""Observations of a device that is made of aiocoap."""

from __future__ import annotations

import pytest

from simulator.coap import codes as c
from simulator.coap.call import Call
from simulator.coap.exchange import Response
from simulator.coap.message import empty
from simulator.coap.params import TransmissionParameters
from simulator.coap.requests import request_options
from tests.coap.wire import Shelf
from tests.device.device_rig import in_virtual_time
from tests.stacks.stack_rig import stack_rig

QUICK = TransmissionParameters(ACK_TIMEOUT=0.5, MAX_RETRANSMIT=1)


def tell(rig, payload, *, code=c.CONTENT, confirmable=True):
    rig.device.notify(rig.device.observations[0], Response(code, payload), confirmable=confirmable)


@pytest.mark.parametrize("confirmable", [True, False], ids=["CON", "NON"])
@in_virtual_time
async def test_notifications_arrive_in_order(confirmable):
    shelf = Shelf(a=b"0")
    async with stack_rig(shelf) as rig:
        results, _ = await rig.observe("a")
        assert [o.key for o in rig.device.observations] == ["a"]
        for value in (b"1", b"2", b"3"):
            tell(rig, value, confirmable=confirmable)
        await rig.settle()
        assert [r.payload for r in results] == [b"0", b"1", b"2", b"3"]
        kinds = [m.type for m in rig.sent_by_device()[1:]]
        assert set(kinds) == {c.CON if confirmable else c.NON}
        assert shelf.ended == []


@in_virtual_time
async def test_a_large_notification_brings_its_first_block_and_the_rest_is_fetched():
    shelf = Shelf(a=b"0")
    async with stack_rig(shelf, szx=2) as rig:
        results, _ = await rig.observe("a")
        shelf.bodies["a"] = bytes(range(200))
        tell(rig, shelf.bodies["a"])
        await rig.settle()
        assert results[-1].payload == bytes(range(200))


@in_virtual_time
async def test_an_error_is_the_last_notification():
    shelf = Shelf(a=b"0")
    async with stack_rig(shelf) as rig:
        results, _ = await rig.observe("a")
        observation = rig.device.observations[0]
        tell(rig, b"", code=c.NOT_FOUND)
        await rig.settle()
        assert (results[-1].code, results[-1].more) == (c.NOT_FOUND, False)
        assert rig.device.observations == []
        assert shelf.ended == ["a"]
        rig.device.notify(observation, Response(c.CONTENT, b"late"), confirmable=True)
        await rig.settle()
        assert len(results) == 2


@in_virtual_time
async def test_a_reset_silence_and_a_cancel_end_an_observation():
    shelf = Shelf(a=b"0", b="0")
    shelf.bodies["b"] = b"0"
    async with stack_rig(shelf, params=QUICK) as rig:
        await rig.observe("a")
        rig.lost = lambda to, message: True
        tell(rig, b"1")
        rig.device.receive(empty(c.RST, rig.sent_by_device()[-1].mid), rig.now())
        await rig.settle()
        assert shelf.ended == ["a"]
        rig.lost = lambda to, message: False
        await rig.observe("b")
        rig.lost = lambda to, message: to == "server"
        tell(rig, b"1")
        await rig.settle(5.0)
        assert shelf.ended == ["a", "b"]
        rig.lost = lambda to, message: False
        _, call = await rig.observe("a")
        rig.server.finish(call)
        Call(c.GET, request_options(["a"]), b"", lambda r: None, observe=call.token).start(rig.server, rig.now())
        await rig.settle()
        assert shelf.ended == ["a", "b", "a"]
        assert rig.device.observations == []


@in_virtual_time
async def test_a_renewed_observation_goes_on_with_larger_numbers():
    shelf = Shelf(a=b"0")
    async with stack_rig(shelf) as rig:
        results, call = await rig.observe("a")
        tell(rig, b"1")
        await rig.settle()
        call.start(rig.server, rig.now())  # draws a new token: another observation
        await rig.settle()
        numbers = [m.uint(c.OBSERVE) for m in rig.sent_by_device() if m.uint(c.OBSERVE) >= 0]
        assert numbers == sorted(set(numbers))
        assert [r.payload for r in results] == [b"0", b"1", b"0"]


@in_virtual_time
async def test_what_cannot_be_observed_is_answered_once():
    async with stack_rig(Shelf()) as rig:
        results, _ = await rig.observe("a")
        assert [(r.code, r.more) for r in results] == [(c.NOT_FOUND, False)]
        assert rig.device.observations == []


@in_virtual_time
async def test_closing_tells_nobody_of_an_observation():
    shelf = Shelf(a=b"0")
    async with stack_rig(shelf) as rig:
        await rig.observe("a")
        tell(rig, b"1")
        rig.device.close(rig.now())
        await rig.settle(300.0)
        assert shelf.ended == []
        assert rig.device.observations == []
