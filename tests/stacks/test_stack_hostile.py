"""Hostile datagrams to an endpoint made of aiocoap: none stops it, none is told of as an error, none leaves a task."""

from __future__ import annotations

import random

import aiocoap
import pytest

from simulator.coap import codes as c
from simulator.coap.message import Message
from simulator.security.oscore import derive_oscore
from simulator.stacks.oscore import OscoreContext
from simulator.transport.virtual import run_virtual
from tests.coap.wire import Shelf
from tests.stacks.stack_rig import stack_rig

KEYS = derive_oscore(1, "dev")
BODY = bytes(3000)
NUMBERS = [1, 3, 4, 5, 6, 7, 8, 9, 11, 12, 14, 15, 17, 20, 23, 27, 28, 35, 39, 60, 252, 258, 292, 9999, 65535]
CODES = [0, 1, 2, 3, 4, 5, 6, 7, 65, 69, 95, 128, 132, 160, 225, 255]
DATAGRAMS = 700


class Steady(Shelf):
    """A shelf that nobody changes; some bodies are taken block by block."""

    def __init__(self, dice):
        super().__init__(a=BODY)
        self.dice = dice

    def on_request(self, endpoint, request, now):
        answer = super().on_request(endpoint, request, now)
        self.bodies = {"a": BODY}
        return answer

    def open_upload(self, endpoint, request, now):
        return self if self.dice.random() < 0.3 else None

    def write(self, data, now):
        return 0

    def finish(self, request, now):
        return self.on_request(None, request, now)

    def abandon(self, now):
        pass


def anything(dice):
    values = [
        b"",
        b"a",
        b"5",
        bytes([dice.randrange(256)]),
        dice.randbytes(dice.randrange(40)),
        b".well-known",
        b"edhoc",
    ]
    options = sorted((number, dice.choice(values)) for number in dice.choices(NUMBERS, k=dice.randrange(5)))
    payload = dice.randbytes(dice.choice([0, 0, 1, 16, 64, 1024]))
    token = dice.randbytes(dice.randrange(9))
    return Message(dice.randrange(4), dice.choice(CODES), dice.randrange(40), token, options, payload).encode()


def protected(dice, peer):
    message = aiocoap.Message(
        code=dice.choice([1, 2, 3, 5]), uri_path=["a"], payload=dice.randbytes(dice.choice([0, 200]))
    )
    message.opt.observe = dice.choice([0, None])
    outer, _ = peer.protect(message)
    outer.mtype, outer.mid, outer.token = dice.randrange(2), dice.randrange(65536), dice.randbytes(4)
    return outer.encode()


def damaged(dice, data):
    changed = bytearray(data)
    for _ in range(dice.randrange(4)):
        changed[dice.randrange(len(changed))] = dice.randrange(256)
    return bytes(changed[: dice.randrange(len(changed) + 1)] if dice.random() < 0.2 else changed)


async def siege(seed, oscore):
    dice = random.Random(seed)
    peer = OscoreContext(KEYS.mirrored())
    async with stack_rig(Steady(dice), oscore=OscoreContext(KEYS) if oscore else None) as rig:
        rig.lost = lambda to, message: True
        for _ in range(DATAGRAMS):
            data = protected(dice, peer) if oscore and dice.random() < 0.5 else anything(dice)
            if dice.random() < 0.5:
                data = damaged(dice, data)
            if dice.random() < 0.05:
                rig.call(dice.choice([c.GET, c.POST]), "x", bytes(dice.choice([0, 10, 3000])))
            if dice.random() < 0.1 and rig.log and len(data) > 4:
                data = data[:2] + rig.log[-1][1].mid.to_bytes(2, "big") + data[4:]
            if dice.random() < 0.01:
                rig.device.unreachable(rig.now())
            rig.device.receive(data, rig.now())
            await rig.settle(dice.choice([1e-6, 1e-6, 1, 30]))
        rig.lost = lambda to, message: False
        await rig.settle(600)
        got = await rig.ask(c.GET, "a")
        assert (got.code, got.payload) == ((c.UNAUTHORIZED, b"") if oscore else (c.CONTENT, BODY))


@pytest.mark.parametrize("oscore", [False, True], ids=["plain", "OSCORE"])
@pytest.mark.parametrize("seed", range(3))
def test_hostile_datagrams(seed, oscore):
    run_virtual(siege(seed, oscore))
