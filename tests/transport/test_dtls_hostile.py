"""Mutated, truncated, repeated and made-up datagrams, at every point of a connection and both ways."""

from __future__ import annotations

import random
from types import SimpleNamespace

import pytest

from simulator.security.failures import SecurityError
from simulator.transport.dtls_flight import AHEAD_MAX
from simulator.transport.dtls_limits import ListenerLimits
from simulator.transport.virtual import run_virtual
from tests.security.rig import PAIRS, SERVER, World, quiet

MUTATIONS = 10_000
PER_WORLD = 100


def mutate(dice, data):
    """One of the ways in which a datagram can be wrong."""
    changed = bytearray(data)
    way = dice.randrange(6)
    if way == 0:
        del changed[dice.randrange(len(changed) + 1) :]
    elif way == 1:
        for _ in range(dice.randrange(1, 6)):
            changed[dice.randrange(len(changed))] = dice.getrandbits(8)
    elif way == 2:
        at = dice.randrange(len(changed))
        changed[at:at] = dice.randbytes(dice.randrange(1, 40))
    elif way == 3:
        changed[dice.randrange(min(25, len(changed)))] ^= 1 << dice.randrange(8)
    elif way == 4:
        at = dice.randrange(len(changed))
        del changed[at : at + dice.randrange(1, 20)]
    else:
        changed = bytearray(dice.randbytes(dice.randrange(0, 1500)))
        changed[:3] = bytes([dice.choice((20, 21, 22, 23, 25)), 0xFE, 0xFD])
    return bytes(changed)


def checked(world):
    """Nothing but the errors that are documented, and nothing kept beyond its bounds."""
    assert all(isinstance(error, (SecurityError, ConnectionRefusedError)) for error in world.device.errors)
    assert all(isinstance(error, SecurityError) for error in world.server.errors)
    for session in world.server.port._sessions.values():
        assert len(session.connection._early) <= 4
        handshake = session.connection._handshake
        if handshake is not None:
            assert len(handshake._reassembly._partial) <= AHEAD_MAX + 1


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("towards", ["up", "down"])
def test_mutations_in_a_handshake_raise_nothing_and_leave_a_device_that_can_begin_anew(name, towards):
    dice = random.Random(f"{name} {towards}")
    done = [0]

    async def work():
        def decide(direction, _number, data):
            if direction != towards or done[0] >= MUTATIONS or not attacking[0]:
                return [data]
            done[0] += 20
            return [*(mutate(dice, data) for _ in range(20)), data]

        attacking = [True]
        world = World(decide, seed=done[0])
        port = await world.both(PAIRS[name])
        port.send(b"ping")
        await quiet(200)
        checked(world)
        # What was forged may have ended the handshake, since none of it is protected; the next one is clean.
        attacking[0] = False
        port.reconnect()
        port.send(b"pong")
        await quiet(200)
        assert world.device.heard[-1] == b"PONG"
        checked(world)
        world.close()

    while done[0] < MUTATIONS:
        run_virtual(work())


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("towards", ["up", "down"])
def test_mutations_of_an_established_connection_change_nothing(name, towards):
    dice = random.Random(f"{name} {towards}")

    async def work():
        attacking = [False]

        def decide(direction, _number, data):
            if direction != towards or not attacking[0]:
                return [data]
            return [*(mutate(dice, data) for _ in range(PER_WORLD)), data, data]

        world = World(decide)
        port = await world.both(PAIRS[name])
        await port.established()
        port.send(b"first")
        await quiet(1)
        attacking[0] = True
        sent = [b"%d" % n for n in range(MUTATIONS // PER_WORLD)]
        for data in sent:
            port.send(data)
            await quiet(1)
        assert world.server.heard[1:] == sent
        assert world.device.heard[1:] == sent
        assert world.device.errors == world.server.errors == []
        assert len(world.server.port) == 1
        checked(world)
        world.close()

    run_virtual(work())


def test_forged_hellos_from_many_addresses_leave_nothing_behind():
    async def work():
        world = World()
        listener = await world.listen(PAIRS["psk"][1], limits=ListenerLimits(sessions=5, handshakes=5))
        hello = []
        spy = World(lambda direction, _number, data: hello.append(data) or [])
        await spy.open(PAIRS["psk"][0])
        sent = []
        listener._port = SimpleNamespace(send=lambda data, peer: sent.append((data, peer)))
        for n in range(10_000):
            listener.on_datagram(hello[0], type(SERVER)(f"10.1.{n >> 8}.{n & 255}", 1000))
        assert len(listener) == 0
        assert len(sent) == 10_000
        assert all(len(data) < len(hello[0]) for data, _ in sent), "no amplification"
        assert len({data for data, _ in sent}) == 10_000, "a cookie belongs to an address"
        spy.close()

    run_virtual(work())
