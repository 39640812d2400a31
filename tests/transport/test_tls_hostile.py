"""Mutated, truncated and made-up bytes under TLS, at every point of a connection and both ways."""

from __future__ import annotations

import random

import pytest

from simulator.security.failures import SecurityError
from simulator.transport.tls_connection import TlsConnection
from simulator.transport.tls_context import server_context
from simulator.transport.tls_state import TlsState
from tests.security.rig import PAIRS
from tests.sizes import sized
from tests.transport.test_dtls_hostile import mutate

TRIES = {"psk": sized(1_600, 8_000), "ecdsa": sized(300, 1_500), "mutual": sized(100, 500)}
"""Connections towards each side, 10,000 in all at full size; a stream that is wrong once is over."""
TURNS = 8


class Attack:
    """Mutates all that is sent to one side, from some point on."""

    def __init__(self, dice, towards):
        self.dice = dice
        self.towards = towards
        self.left = dice.randrange(5)

    def carry(self, data, to):
        if to != self.towards or not data:
            return data
        self.left -= 1
        return mutate(self.dice, data) if self.left < 0 else data


def converse(client, server, attack):
    """What was received on both sides; each says ``data`` whenever it can.

    Raises:
        SecurityError: one of the sides had enough.
    """
    received = []
    for _ in range(TURNS):
        for one, other, to in ((client, server, "server"), (server, client, "client")):
            if one.established or one.shake():
                one.write(b"data")
                received.append(one.read())
            other.incoming(attack.carry(one.outgoing(), to))
    return b"".join(received)


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("towards", ["server", "client"])
def test_mutated_bytes_end_in_the_documented_error_or_change_nothing(name, towards):
    dice = random.Random(f"{name} {towards}")
    context = server_context(PAIRS[name][1])
    failed = 0
    for _ in range(TRIES[name]):
        client = TlsConnection.client(PAIRS[name][0], "server")
        server = TlsConnection(context, TlsState(), client=False, name="client")
        try:
            received = converse(client, server, Attack(dice, towards))
        except SecurityError as error:
            failed += 1
            assert error.cause
        else:
            assert received == b"data" * (len(received) // 4)
    assert failed > TRIES[name] / 2
