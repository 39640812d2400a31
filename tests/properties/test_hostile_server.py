"""10^5 random and mutated datagrams into the embedded server, and as many into the package origin."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest

from simulator.coap import codes as c
from simulator.coap.download import Download
from simulator.coap.endpoint import Endpoint
from simulator.coap.message import MessageFormatError, decode
from simulator.coap.requests import request_options
from simulator.ports import Address
from tests.coap.wire import Sink
from tests.device.device_rig import ORIGIN, PACKAGE, SERVER, SMALL, device_rig, in_virtual_time
from tests.properties.hostile import Mutator, capture

DATAGRAMS = 100_000
BATCH = 50
PEERS = 40
BODIES = {("fw", "good.bin"): PACKAGE, ("fw", "small.bin"): SMALL}


@pytest.fixture(scope="module")
def captured():
    return capture()


def peer_of(dice):
    """Mostly one of a few addresses, sometimes one that was never seen."""
    host = f"127.0.0.{dice.randrange(2, 250)}" if dice.random() < 0.01 else "127.0.0.9"
    return Address(host, 7000 + dice.randrange(PEERS))


class Watch:
    """Every registration event has the request that it asks for as its cause, and no other."""

    def __init__(self, rig):
        self.rig = rig
        self.registered = {}
        self.replaced = ""
        self.did = Counter()

    def follow(self, message):
        for happened in self.rig.happened:
            assert message is not None, f"{happened} came of a datagram that is no message"
            self.did[happened.event] += 1
            getattr(self, f"_{happened.event}")(message, happened)
        self.rig.happened.clear()
        table = self.rig.server.table
        assert {entry.endpoint: entry.id for entry in table.entries()} == self.registered
        assert len(table._heap) <= 2 * len(table) + 65

    def _registered(self, message, happened):
        assert (message.code, message.path) == (c.POST, ("rd",))
        assert [q for q in message.query if q.startswith("ep=")] == [f"ep={happened.endpoint}"]
        assert happened.endpoint
        # A Content-Format that is too long is an elective option that is not understood (RFC 7252 §5.4.1, §5.4.3).
        assert message.content_format in (c.FORMAT_LINK, -1) or len(message.option(c.CONTENT_FORMAT)) > 2
        assert happened.detail == self.registered.get(happened.endpoint, "")
        self.registered[happened.endpoint] = happened.registration_id

    def _updated(self, message, happened):
        assert (message.code, message.path) == (c.POST, ("rd", happened.registration_id))
        assert self.registered[happened.endpoint] == happened.registration_id

    def _deregistered(self, message, happened):
        assert (message.code, message.path) == (c.DELETE, ("rd", happened.registration_id))
        assert self.registered.pop(happened.endpoint) == happened.registration_id


def read(data):
    try:
        return decode(data)
    except MessageFormatError:
        return None


def bounded(peers, addresses):
    """Nothing that a peer can make grow has grown beyond its bound."""
    assert len(peers.peers) <= addresses
    for endpoint in peers.peers.values():
        assert len(endpoint.seen) <= 128
        assert len(endpoint.observations) == 0
        assert len(endpoint.exchanges) <= 4
        upload = endpoint.server._uploads.current if endpoint.server._uploads else None
        assert upload is None or len(upload.sink._body) <= 65_536


@in_virtual_time
async def test_a_hostile_device_breaks_nothing_in_the_embedded_server(captured):
    dice = random.Random(11)
    async with device_rig() as rig:
        watch = Watch(rig)
        watch.registered["dev"] = rig.happened[0].registration_id
        rig.happened.clear()
        observed = rig.observe("/5/0/3")
        await rig.settle(1)
        mutate = Mutator(dice, captured.to_server)
        addresses, said = set(), []
        for number in range(DATAGRAMS):
            # Some speak from the address of the sound device, in the middle of what it says.
            peer = rig.device.link.local if number % 10 == 0 else peer_of(dice)
            addresses.add(peer)
            # The attacker knows the registrations.
            data = mutate.next(said)
            if dice.random() < 0.1 and watch.registered:
                data = retarget(data, dice.choice(list(watch.registered.values())))
            rig.server.peers.on_datagram(data, peer)
            watch.follow(read(data))
            if number % BATCH == 0:
                said = [answer for source, _, answer in rig.network.log if source == SERVER][-20:]
                assert all(len(answer) <= 1024 + 128 for answer in said)
                del rig.network.log[:]
                await rig.settle(dice.choice((1e-6, 1e-6, 0.5, 5.0)))
                # What the sound device did meanwhile, such as to register again, is its own affair.
                adopt(watch, rig)
                bounded(rig.server.peers, len(addresses))
        assert min(watch.did[event] for event in ("registered", "updated", "deregistered")) > 50
        # The sound device registers again where the attacker had thrown it out, and can be managed.
        rig.device.registrar.machine.trigger(rig.clock.now())
        rig.device.registrar.arm()
        await rig.settle(60)
        assert rig.server.table.by_endpoint("dev").peer.address == rig.device.link.local
        assert await rig.push() == "2.04"
        assert await rig.execute("/5/0/2") == "2.04"
        await rig.settle(30)
        assert await rig.read("/3/0/3") == "2.0.0"
        assert observed[0] == "0"
        # Peers that have gone quiet are forgotten.
        await rig.settle(600)
        for _ in range(3):
            rig.server.peers.sweep(rig.server.registered_peers().__contains__)
        assert set(rig.server.peers.peers) <= rig.server.registered_peers()


def retarget(data, registration_id):
    """A message to a registration of the attacker's choice."""
    message = read(data)
    if message is None or message.path[:1] != ("rd",):
        return data
    rest = [o for o in message.options if o[0] != c.URI_PATH]
    path = [(c.URI_PATH, b"rd"), (c.URI_PATH, registration_id.encode())]
    message.options = sorted([*path, *rest], key=lambda option: option[0])
    return message.encode()


def adopt(watch, rig):
    for happened in rig.happened:
        assert happened.endpoint == "dev"
    rig.happened.clear()
    watch.registered = {entry.endpoint: entry.id for entry in rig.server.table.entries()}


@in_virtual_time
async def test_a_hostile_device_breaks_nothing_in_the_origin(captured):
    dice = random.Random(12)
    async with device_rig() as rig:
        mutate = Mutator(dice, captured.to_origin)
        addresses, said, given = set(), [], Counter()
        for number in range(DATAGRAMS):
            peer = peer_of(dice)
            addresses.add(peer)
            data = mutate.next(said)
            before = len(rig.network.log)
            rig.origin_peers.on_datagram(data, peer)
            answers = [answer for source, _, answer in rig.network.log[before:] if source == ORIGIN]
            assert len(answers) <= 1
            for answer in answers:
                message = decode(answer)
                given[c.code_text(message.code)] += 1
                if message.code == c.CONTENT:
                    check_block(read(data), message)
            if number % BATCH == 0:
                said = [answer for source, _, answer in rig.network.log if source == ORIGIN][-20:]
                del rig.network.log[:]
                await rig.settle(dice.choice((1e-6, 1e-6, 0.5, 5.0)))
                bounded(rig.origin_peers, len(addresses))
        assert given["2.05"] > 5000
        assert given["4.04"] > 500
        assert given["4.05"] > 200
        await pull(rig)
        await rig.settle(600)
        for _ in range(3):
            rig.origin_peers.sweep(lambda _peer: False)
        assert rig.origin_peers.peers == {}


def check_block(request, answer):
    """Every block is the part of the package that it says it is."""
    body = BODIES[request.path]
    block = answer.uint(c.BLOCK2)
    if block < 0:
        assert answer.payload == body
        return
    start = (block >> 4) << ((block & 7) + 4)
    assert answer.payload == body[start : start + (16 << (block & 7))]
    assert bool(block & 8) == (start + len(answer.payload) < len(body))
    assert len(answer.option(c.ETAG)) == 8


async def pull(rig):
    """A download by an engine of its own, from an address that the attacker has used."""
    loop = asyncio.get_running_loop()
    sink = Sink()

    class Receiver:
        def on_datagram(self, data, peer):
            endpoint.receive(data, loop.time())

    port = await rig.network.open_datagram(ORIGIN, Receiver(), local=Address("127.0.0.9", 7000))
    endpoint = Endpoint(port.send, random.Random(1))
    Download(request_options(["fw", "good.bin"]), sink, 2).start(endpoint, loop.time())
    await rig.settle(1)
    assert bytes(sink.data) == PACKAGE
    assert sink.ended == "complete"
    port.close()
