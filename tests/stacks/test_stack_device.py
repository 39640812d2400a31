"""A whole device on aiocoap in virtual time: what it goes through is what one on the engine goes through."""

from __future__ import annotations

import pytest

from simulator.coap import codes as c
from simulator.coap.params import TransmissionParameters
from simulator.events import RegistrationEnded
from tests.device.device_rig import ORIGIN, PACKAGE, SERVER, SMALL, URI, device_rig, in_virtual_time
from tests.faults.test_flash import plan

QUICK = TransmissionParameters(ACK_TIMEOUT=0.5, MAX_RETRANSMIT=2)
STACKS = ["own", "aiocoap"]


async def on_both(story, **settings):
    """What a story gives on either stack; it must be the same."""
    told = []
    for stack in STACKS:
        async with device_rig(stack=stack, **settings) as rig:
            told.append(await story(rig))
    assert told[0] == told[1]
    return told[1]


@pytest.mark.parametrize("block_size", [64, 1024])
@in_virtual_time
async def test_a_pull_and_an_update(block_size):
    async def story(rig):
        seen = rig.observe("5/0/3"), rig.observe("5/0/5")
        await rig.settle(0.1)
        code = await rig.write("/5/0/1", URI)
        await rig.settle(5)
        executed = await rig.execute("/5/0/2")
        await rig.settle(10)
        version = await rig.read("/3/0/3")
        (transfer,) = rig.transfers
        figures = (transfer.outcome, transfer.size, transfer.received, transfer.blocks, len(transfer.block_us))
        return code, executed, version, rig.states, seen, figures

    code, executed, version, _, seen, figures = await on_both(story, block_size=block_size)
    assert (code, executed, version) == ("2.04", "2.04", "2.0.0")
    assert seen[0] == ["0", "1", "2", "3"]
    assert figures[:3] == ("ok", len(PACKAGE), len(PACKAGE))


@pytest.mark.parametrize("package", [SMALL, PACKAGE], ids=["one message", "blocks"])
@pytest.mark.parametrize("block_size", [64, 1024])
@in_virtual_time
async def test_a_push(package, block_size):
    async def story(rig):
        code = await rig.push(package)
        (transfer,) = rig.transfers
        return code, rig.states, rig.pair, (transfer.outcome, transfer.received, transfer.blocks)

    code, _, pair, transfer = await on_both(story, block_size=block_size)
    assert (code, pair, transfer[:2]) == ("2.04", (2, 0), ("ok", len(package)))


@in_virtual_time
async def test_requests_in_all_formats_and_refusals():
    async def story(rig):
        answers = []
        for accept in (c.FORMAT_TEXT, c.FORMAT_TLV, c.FORMAT_SENML_JSON, c.FORMAT_SENML_CBOR, c.FORMAT_LINK):
            for path in ("/5/0/3", "/3/0", "/5", "/9"):
                reply = await rig.call(c.GET, path, accept=accept)
                answers.append((reply.code, reply.payload))
        answers.append(await rig.execute("/5/0/2"))
        answers.append(await rig.write("/5/0/1", "nonsense"))
        return answers

    answers = await on_both(story, block_size=64)
    assert ("2.05", b"0") in answers


@in_virtual_time
async def test_a_pull_whose_link_is_lost_and_a_pull_of_nothing():
    async def story(rig):
        await rig.write("/5/0/1", f"coap://{ORIGIN}/none")
        await rig.settle(1)
        nothing = rig.pair
        rig.network.lost = lambda source, to, data: ORIGIN in (source, to) and len(rig.network.sent_by(ORIGIN)) > 12
        await rig.write("/5/0/1", f"coap://{ORIGIN}/fw/good.bin")
        await rig.settle(60)
        return nothing, rig.pair, [state[:2] for state in rig.states], [t.outcome for t in rig.transfers]

    nothing, lost, _, outcomes = await on_both(story, block_size=256, parameters=QUICK)
    assert (nothing, lost, outcomes) == ((0, 7), (0, 4), ["fail", "fail"])


@in_virtual_time
async def test_a_reboot_in_the_middle_of_a_pull_goes_on_with_it():
    async def story(rig):
        rig.network.lost = lambda source, to, data: source == ORIGIN and len(rig.network.sent_by(ORIGIN)) > 8
        await rig.write("/5/0/1", URI)
        await rig.settle(0.2)
        rig.network.lost = lambda source, to, data: False
        await rig.device.reboot()
        await rig.settle(5)
        return rig.pair, [state[:2] for state in rig.states], [t.blocks for t in rig.transfers]

    pair, _, blocks = await on_both(story, block_size=256)
    assert pair == (2, 0)
    assert sum(blocks) < 2 * -(-len(PACKAGE) // 256)


@pytest.mark.parametrize("confirmable", [True, False], ids=["CON", "NON"])
@in_virtual_time
async def test_notifications_are_of_the_kind_that_is_set(confirmable):
    async with device_rig(stack="aiocoap", confirmable_notifications=confirmable) as rig:
        values = rig.observe("5/0/3")
        await rig.settle(0.1)
        before = len(rig.network.log)
        await rig.push(SMALL)
        await rig.settle(1)
        assert values == ["0", "1", "2"] or values == ["0", "2"]
        kinds = {data[0] >> 4 & 3 for _, to, data in rig.network.log[before:] if to == SERVER and data[1]}
        assert (c.NON in kinds, c.CON in kinds) == (not confirmable, confirmable)


@in_virtual_time
async def test_a_server_that_is_silent_and_comes_back():
    async def story(rig):
        await rig.settle(10)
        rig.network.lost = lambda source, to, data: False
        await rig.settle(60)
        outcomes = [e.outcome for e in rig.of(RegistrationEnded)]
        return rig.device.registrar.registered, outcomes[0], outcomes[-1], rig.of(RegistrationEnded)[0].retransmissions

    told = []
    for stack in STACKS:
        async with device_rig(stack=stack, parameters=QUICK, started=False) as rig:
            rig.network.lost = lambda source, to, data: to == SERVER
            await rig.start()
            told.append(await story(rig))
    assert told == [(True, "unknown", "ok", 2)] * 2


@in_virtual_time
async def test_a_flash_fault_strikes_in_the_middle_of_a_pull():
    async def story(rig):
        await rig.write("/5/0/1", URI)
        await rig.settle(5)
        return rig.pair, [t.blocks for t in rig.transfers]

    # A device knows how large its flash is, and refuses at once what does not fit; of less room it learns by writing.
    assert await on_both(story, block_size=256, flash_bytes=2000) == ((0, 2), [1])
    faults = plan("flash-too-small", capacity=2000)
    assert await on_both(story, block_size=256, faults=faults) == ((0, 2), [8])
