"""A key that the server does not have, over DTLS: told in a second by our server, and in bounded time by any other."""

from __future__ import annotations

import asyncio

import pytest

from simulator.security.credentials import Credentials, Psk
from simulator.security.failures import HandshakeFailedError
from simulator.transport.virtual import run_virtual
from tests.security.rig import PAIRS, PSK, PSK_PAIR, SERVER, Ears, World

ANOTHER = Credentials(psk=Psk(PSK.identity, b"k" * 16))
FINISHED = b"\x16\xfe\xfd\x00\x01"
"""The head of a handshake record of epoch 1; it is the last one of its datagram."""
EVERY_PAIR = pytest.mark.parametrize("name", PAIRS)


def run(work):
    return run_virtual(work())


def spoilt(data):
    return data[:-1] + bytes([data[-1] ^ 1])


def test_a_client_with_another_key_is_told_after_its_second_finished():
    async def work():
        world = World(lambda _direction, _number, data: [data])
        await world.listen(PSK_PAIR[1])
        begun = world.now()
        port = await world.open(ANOTHER)
        with pytest.raises(
            HandshakeFailedError, match="decrypt error: the keys of the two sides differ; wrong PSK key"
        ):
            await port.established()
        assert 1 <= world.now() - begun < 2
        assert world.server.port.counts.established == 0
        world.close()

    run(work)


@EVERY_PAIR
def test_one_damaged_finished_ends_no_handshake(name):
    """Only a second one shows that the keys differ; the client sends its flight again in between."""
    damaged = []

    def damage(direction, _number, data):
        if direction == "up" and FINISHED in data and not damaged:
            damaged.append(data)
            return [spoilt(data)]
        return [data]

    async def work():
        world = World(damage)
        port = await world.both(PAIRS[name])
        await port.established()
        assert damaged
        assert world.server.errors == []
        world.close()

    run(work)


def test_a_server_that_says_nothing_to_another_key_ends_in_bounded_time():
    """As OpenSSL and Scandium do: here the alert of the server is lost."""

    async def work():
        world = World(lambda direction, _number, data: [] if direction == "down" and data[:1] == b"\x15" else [data])
        await world.listen(PSK_PAIR[1])
        begun = world.now()
        port = await world.open(ANOTHER)
        await asyncio.sleep(5)
        assert port.waits_for == "no answer to Finished: wrong PSK key, or the peer is gone"
        with pytest.raises(HandshakeFailedError, match="no answer to Finished: wrong PSK key, or the peer is gone"):
            await port.established()
        assert world.now() - begun == pytest.approx(63)
        assert port.waits_for == ""
        world.close()

    run(work)


@pytest.mark.parametrize("name", ["ecdsa", "mutual"])
def test_nobody_is_told_by_a_handshake_without_a_key(name):
    """What cannot be decrypted there is no wrong credential, so it is discarded (RFC 6347 §4.1.2.7)."""

    def damage(direction, _number, data):
        return [spoilt(data)] if direction == "up" and FINISHED in data else [data]

    async def work():
        world = World(damage)
        await world.listen(PAIRS[name][1])
        port = await world.open(PAIRS[name][0])
        with pytest.raises(HandshakeFailedError, match=r"no answer to Finished$"):
            await port.established()
        assert not any(data[:1] == b"\x15" for direction, data in world.network.seen if direction == "down")
        world.close()

    run(work)


JUNK = FINISHED + bytes(6) + b"\x00\x28" + bytes(range(40))
"""A handshake record of epoch 1 under nobody's key."""


def alerts(world):
    return [data for direction, data in world.network.seen if direction == "down" and data[:1] == b"\x15"]


def test_who_sends_from_another_address_ends_no_handshake_and_gets_no_answer():
    async def work():
        world = World(lambda _direction, _number, data: [] if FINISHED in data and data != JUNK else [data])
        await world.listen(PSK_PAIR[1])
        port = await world.open(PSK_PAIR[0])
        stranger = await world.network.open_datagram(SERVER, Ears())
        await asyncio.sleep(0.5)
        for _ in range(5):
            stranger.send(JUNK)
        await asyncio.sleep(0.1)
        world.network._decide = lambda _direction, _number, data: [data]
        await port.established()
        assert alerts(world) == []
        stranger.close()
        world.close()

    run(work)


def test_an_established_connection_answers_nothing_that_it_cannot_decrypt():
    async def work():
        world = World(lambda _direction, _number, data: [data])
        port = await world.both(PSK_PAIR)
        await port.established()
        for _ in range(5):
            port._send(JUNK)
        await asyncio.sleep(10)
        port.send(b"still there")
        await asyncio.sleep(1)
        assert alerts(world) == []
        assert world.device.heard == [b"STILL THERE"]
        world.close()

    run(work)
