"""DTLS between two of our own sides, over a memory network in virtual time."""

from __future__ import annotations

import asyncio
import errno

import pytest

from simulator.ports import Address
from simulator.security.credentials import Credentials, Psk, PskStore, ServerCredentials
from simulator.security.failures import ConnectionClosedError, HandshakeFailedError
from simulator.transport.dtls_handshake import HandshakeTimers
from simulator.transport.dtls_limits import ListenerLimits
from simulator.transport.virtual import run_virtual
from tests.security.rig import (
    CA,
    DEVICE_IDENTITY,
    ECDSA_PAIR,
    HOST,
    MUTUAL_PAIR,
    PAIRS,
    PSK,
    PSK_PAIR,
    SERVER,
    SERVER_IDENTITY,
    World,
    quiet,
)

FULL_FLIGHTS = 6
NO_CLIENT_CERTIFICATE = (
    "handshake failure: no cipher suite or credential that both sides take; "
    "the server asks for a client certificate, and there is none"
)
EVERY_PAIR = pytest.mark.parametrize("name", PAIRS)
SMALL = {"mtu": 256}


def run(work):
    return run_virtual(work())


def passed(_direction, _number, data):
    return [data]


async def cause(world, credentials, **options):
    """Why a handshake fails; it must."""
    port = await world.open(credentials, **options)
    with pytest.raises(HandshakeFailedError) as failed:
        await port.established()
    await quiet()
    assert [error.cause for error in world.device.errors] == [failed.value.cause]
    return failed.value.cause


@EVERY_PAIR
def test_data_passes_both_ways(name):
    async def work():
        world = World()
        port = await world.both(PAIRS[name])
        port.send(b"before the end of the handshake")
        await port.established()
        port.send(b"after it")
        await quiet()
        assert world.server.heard == [b"before the end of the handshake", b"after it"]
        assert world.device.heard == [b"BEFORE THE END OF THE HANDSHAKE", b"AFTER IT"]
        assert world.device.errors == world.server.errors == []
        assert world.server.port.counts.established == 1
        world.close()

    run(work)


@EVERY_PAIR
def test_each_side_knows_who_the_other_one_is(name):
    async def work():
        world = World()
        port = await world.both(PAIRS[name])
        assert port.peer is None
        assert world.server.port.peer(port.local) is None
        await port.established()
        await quiet()
        seen = world.server.port.peer(port.local)
        assert seen.psk_identity == (PSK.identity if name == "psk" else b"")
        assert seen.subject == ("CN=device-1" if name == "mutual" else "")
        assert port.peer.subject == ("" if name == "psk" else f"CN={HOST}")
        world.close()

    run(work)


@EVERY_PAIR
@pytest.mark.parametrize("options", [{}, SMALL], ids=["whole", "fragmented"])
@pytest.mark.parametrize("copies", [0, 2], ids=["lost", "doubled"])
def test_the_loss_or_doubling_of_any_one_datagram_is_made_good(name, options, copies):
    """Every datagram of the handshake in turn; by the second timer at the latest, all is well."""

    async def work(victim):
        world = World(lambda _direction, number, data: [data] * (copies if number == victim else 1))
        port = await world.both(PAIRS[name], server=options, client=options)
        await port.established()
        took = world.now()
        handshake = len(world.network.seen)
        port.send(b"ping")
        await quiet()
        assert world.device.heard == [b"PING"]
        assert world.device.errors == world.server.errors == []
        assert len(world.server.port) == 1
        assert took <= (0 if copies else 3)
        world.close()
        return handshake, took

    datagrams, _ = run_virtual(work(-1))
    assert datagrams >= FULL_FLIGHTS
    times = [run_virtual(work(victim))[1] for victim in range(datagrams)]
    if not copies:
        assert all(times), "a loss that nothing had to be done about was none"


@EVERY_PAIR
def test_two_losses_wherever_they_fall_are_made_good(name):
    async def work(victims):
        world = World(lambda _direction, number, data: [] if number in victims else [data])
        port = await world.both(PAIRS[name])
        await port.established()
        port.send(b"ping")
        await quiet()
        world.close()
        return world.device.heard

    for first in range(FULL_FLIGHTS + 1):
        for second in range(first + 1, FULL_FLIGHTS + 4):
            heard = run_virtual(work({first, second}))
            assert heard in ([b"PING"], []), (first, second)
            # The one datagram with data is not DTLS's to send again.
            assert heard == [b"PING"] or second >= FULL_FLIGHTS, (first, second)


@EVERY_PAIR
def test_any_order_of_datagrams_is_taken(name):
    """Each datagram of a fragmented handshake, held back until another one has passed in its direction."""

    async def work(victim):
        held = []

        def decide(direction, number, data):
            if number == victim:
                held.append((direction, data))
                return []
            if held and held[0][0] == direction:
                return [data, held.pop()[1]]
            return [data]

        world = World(decide)
        port = await world.both(PAIRS[name], server=SMALL, client=SMALL)
        await port.established()
        world.close()
        return len(world.network.seen)

    datagrams = run_virtual(work(-1))
    for victim in range(datagrams):
        run_virtual(work(victim))


def test_the_timers_double_and_then_give_up():
    async def work():
        times = []

        def decide(_direction, _number, _data):
            times.append(asyncio.get_running_loop().time())
            return []

        world = World(decide)
        timers = HandshakeTimers(initial_s=1, maximum_s=4, retransmissions=4)
        assert await cause(world, PSK_PAIR[0], timers=timers) == "no answer to ClientHello"
        assert times == [0, 1, 3, 7, 11]
        assert world.device.errors[0].errno == errno.ETIMEDOUT
        assert len(world.deadlines) == 0
        world.close()

    run(work)


@pytest.mark.parametrize("bad", [{"initial_s": 0}, {"initial_s": 2, "maximum_s": 1}, {"retransmissions": -1}])
def test_timers_that_make_no_sense_are_refused(bad):
    with pytest.raises(ValueError, match="handshake timers need"):
        HandshakeTimers(**bad)


def test_a_failed_port_begins_anew_with_the_next_datagram():
    async def work():
        world = World()
        port = await world.open(PSK_PAIR[0], timers=HandshakeTimers(retransmissions=0))
        await quiet()
        assert isinstance(world.device.errors.pop(), HandshakeFailedError)
        await world.listen(PSK_PAIR[1])
        await quiet()
        assert port.handshakes == 1, "nobody asked for another one"
        port.send(b"again")
        port.send(b"again")
        await quiet()
        assert world.device.heard == [b"AGAIN"]
        assert port.handshakes == 2
        world.close()

    run(work)


def test_a_port_where_nobody_listens_fails_at_once():
    async def work():
        world = World()
        assert "nobody listens" in await cause(world, PSK_PAIR[0])
        assert world.device.errors[0].errno == errno.ECONNREFUSED
        world.close()

    run(work)


def test_a_fragment_that_somebody_else_put_in_does_not_last():
    """A part of the server's Certificate goes to the server: its message number is that of the client's answer."""

    async def work(victim):
        world = World(lambda _direction, number, data: [data])
        world.network._decide = lambda _direction, number, data: [data, *copied(number, data)]
        stray = []

        def copied(number, data):
            if number == victim:
                stray.append(data)
            return [stray.pop()] if stray and number == victim + 1 else []

        port = await world.both(ECDSA_PAIR, server=SMALL, client=SMALL)
        await port.established()
        world.close()

    for victim in range(3, 8):
        run_virtual(work(victim))


@pytest.mark.parametrize(
    ("client", "server", "told", "seen"),
    [
        (
            Credentials(psk=Psk(b"nobody", b"k" * 16)),
            PSK_PAIR[1],
            "unknown PSK identity",
            "unknown PSK identity b'nobody'",
        ),
        (
            Credentials(psk=Psk(PSK.identity, b"k" * 16)),
            PSK_PAIR[1],
            "decrypt error: the keys of the two sides differ; wrong PSK key",
            "no Finished that can be decrypted: the keys of the two sides differ",
        ),
        (
            ECDSA_PAIR[0],
            ServerCredentials(identity=CA.expired(HOST)),
            "certificate verify failed: expired",
            "certificate refused by the peer: expired",
        ),
        (
            ECDSA_PAIR[0],
            ServerCredentials(identity=CA.unknown_ca(HOST)),
            "certificate verify failed: unknown CA: CN=unknown CA",
            "certificate refused by the peer: unknown CA",
        ),
        (
            ECDSA_PAIR[0],
            ServerCredentials(identity=CA.wrong_host()),
            "certificate verify failed: wrong host name: it is for wrong-host.invalid, not for server.example",
            "certificate refused by the peer: bad certificate",
        ),
        (
            ECDSA_PAIR[0],
            ServerCredentials(identity=DEVICE_IDENTITY),
            "certificate verify failed: not made for this side of a connection (extended key usage)",
            "certificate refused by the peer: bad certificate",
        ),
        (
            ECDSA_PAIR[0],
            MUTUAL_PAIR[1],
            NO_CLIENT_CERTIFICATE,
            "the client has no certificate",
        ),
        (
            Credentials(identity=CA.expired_device("device-1"), trust=CA.trust, server_name=HOST),
            MUTUAL_PAIR[1],
            "certificate refused by the peer: expired",
            "certificate verify failed: expired",
        ),
        (
            PSK_PAIR[0],
            ECDSA_PAIR[1],
            "handshake failure: no cipher suite or credential that both sides take",
            "no cipher suite in common",
        ),
    ],
)
def test_what_cannot_work_fails_on_both_sides_with_its_cause(client, server, told, seen):
    async def work():
        world = World()
        await world.listen(server)
        assert await cause(world, client) == told
        assert [error.cause for error in world.server.errors] == [seen]
        assert world.server.errors[0].peer == world.port.local
        assert world.server.port.counts.failed == 1
        assert len(world.server.port) == 0
        assert world.now() < 700
        world.close()

    run(work)


def test_without_a_credential_there_is_no_port():
    async def work():
        world = World()
        with pytest.raises(HandshakeFailedError, match="a PSK or a trust store is needed"):
            await world.open(Credentials(identity=DEVICE_IDENTITY))
        with pytest.raises(ValueError, match="needs keys of its clients"):
            await world.listen(ServerCredentials())
        world.close()

    run(work)


@EVERY_PAIR
def test_a_session_is_taken_up_again(name):
    async def work():
        world = World(passed)
        port = await world.both(PAIRS[name])
        await port.established()
        session, peer = port.session, port.peer
        full = len(world.network.seen)
        port.close()
        port = await world.open(PAIRS[name][0], session=session)
        await port.established()
        port.send(b"back")
        await quiet()
        assert port.resumed
        assert port.peer == peer
        assert world.server.port.counts.resumed == 1
        assert world.server.port.peer(port.local) == world.server.port.peer(port.local)
        assert world.device.heard == [b"BACK"]
        assert sum(len(data) for _, data in world.network.seen[full:]) > 0
        world.close()

    run(work)


@EVERY_PAIR
def test_losses_while_a_session_is_taken_up_are_made_good(name):
    async def work(victim):
        counted = []

        def decide(_direction, number, data):
            if not counted or number - counted[0] != victim:
                return [data]
            return []

        world = World(decide)
        port = await world.both(PAIRS[name])
        await port.established()
        session = port.session
        port.close()
        await quiet()
        counted.append(len(world.network.seen))
        port = await world.open(PAIRS[name][0], session=session)
        await port.established()
        await quiet()
        port.send(b"back")
        await quiet()
        assert port.resumed
        assert world.device.heard == [b"BACK"]
        world.close()

    for victim in range(5):
        run_virtual(work(victim))


def test_a_session_that_the_server_forgot_costs_a_full_handshake():
    async def work():
        world = World()
        port = await world.both(PSK_PAIR, server={"limits": ListenerLimits(resumable=1)})
        await port.established()
        old = port.session
        other = await world.open(PSK_PAIR[0])
        await other.established()
        await quiet()
        late = await world.open(PSK_PAIR[0], session=old)
        await late.established()
        assert not late.resumed
        assert late.session != old
        world.close()

    run(work)


def test_close_notify_is_told_to_the_peer():
    async def work():
        world = World()
        port = await world.both(PSK_PAIR)
        await port.established()
        port.close()
        await quiet()
        assert len(world.server.port) == 0
        assert world.server.errors == []
        assert world.server.port.counts.closed == 1
        assert world.device.errors == []
        port.close()
        port.send(b"nothing")
        world.close()

    run(work)


def test_a_device_comes_back_after_the_server_closed():
    async def work():
        world = World()
        port = await world.both(PSK_PAIR)
        await port.established()
        await quiet()
        world.server.port.drop(port.local)
        await quiet()
        (error,) = world.device.errors
        assert isinstance(error, ConnectionClosedError)
        assert error.orderly
        assert error.cause == "closed by the peer: close notify"
        port.send(b"back")
        await quiet()
        assert world.device.heard == [b"BACK"]
        assert port.resumed
        world.close()

    run(work)


def test_a_device_that_was_reset_replaces_its_connection():
    async def work():
        world = World()
        port = await world.both(PSK_PAIR)
        await port.established()
        port.reconnect()
        port.send(b"anew")
        await quiet()
        assert world.device.heard == [b"ANEW"]
        assert len(world.server.port) == 1
        assert world.server.port.counts.established == 2
        world.close()

    run(work)


def test_idle_connections_are_closed():
    async def work():
        world = World()
        port = await world.both(PSK_PAIR, server={"limits": ListenerLimits(idle_s=100)})
        await port.established()
        other = await world.open(PSK_PAIR[0])
        for _ in range(10):
            await asyncio.sleep(30)
            other.send(b"here")
        assert len(world.server.port) == 1
        assert world.server.port.counts.idle == 1
        assert [error.cause for error in world.device.errors] == ["closed by the peer: close notify"]
        world.close()

    run(work)


def test_the_number_of_connections_and_of_handshakes_is_bounded():
    async def work():
        world = World()
        await world.listen(PSK_PAIR[1], limits=ListenerLimits(sessions=2, handshakes=2))
        for _ in range(2):
            await (await world.open(PSK_PAIR[0])).established()
        assert await cause(world, PSK_PAIR[0]) == "no answer to ClientHello with cookie"
        assert len(world.server.port) == 2
        assert world.server.port.counts.refused == 6
        world.close()

    run(work)


def test_what_is_too_long_for_a_record_is_told():
    async def work():
        world = World()
        port = await world.both(PSK_PAIR)
        await port.established()
        port.send(bytes(16_385))
        world.server.port.send(bytes(16_385), port.local)
        assert [error.errno for error in world.device.errors + world.server.errors] == [errno.EMSGSIZE] * 2
        port.send(b"a" * 16_384)
        await quiet()
        assert world.device.heard == [b"A" * 16_384]
        world.close()

    run(work)


def test_a_listener_speaks_to_its_peers_alone():
    async def work():
        world = World()
        listener = await world.listen(PSK_PAIR[1])
        listener.send(b"lost", Address("10.0.0.9", 1))
        with pytest.raises(ValueError, match="connected to nobody"):
            listener.send(b"no peer")
        listener.drop(Address("10.0.0.9", 1))
        world.close()

    run(work)


def test_a_seed_replays_a_psk_handshake_byte_for_byte():
    async def work():
        world = World(passed)
        port = await world.both(PSK_PAIR)
        port.send(b"ping")
        await quiet()
        world.close()
        return world.network.seen

    assert run(work) == run(work)


@pytest.mark.parametrize("name", PAIRS)
def test_a_connection_keeps_no_timer(name):
    async def work():
        world = World()
        port = await world.both(PAIRS[name])
        await port.established()
        await quiet(1)
        assert len(world.deadlines) == 1, "the listener's own"
        world.close()

    run(work)


def test_who_waits_hears_of_the_end():
    async def work():
        world = World()
        port = await world.both((PSK_PAIR[0], PSK_PAIR[1]))
        waiter = asyncio.create_task(port.established())
        await asyncio.sleep(0)
        port.close()
        with pytest.raises(HandshakeFailedError, match="the port was closed"):
            await waiter
        with pytest.raises(HandshakeFailedError, match="no handshake is under way"):
            await port.established()
        world.close()

    run(work)


def test_several_keys_and_a_certificate_live_on_one_listener():
    async def work():
        world = World()
        other = Psk(b"device-2", b"another key")
        store = PskStore([PSK], fallback=lambda identity: other.key if identity == other.identity else None)
        await world.listen(ServerCredentials(psks=store, identity=SERVER_IDENTITY, psk_hint=b"a hint"))
        for credentials in (PSK_PAIR[0], Credentials(psk=other), ECDSA_PAIR[0]):
            port = await world.open(credentials)
            await port.established()
        assert world.server.port.local == SERVER
        world.close()

    run(work)
