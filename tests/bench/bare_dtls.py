"""DTLS with a pre-shared key and nothing else: OpenSSL over memory, and the layer of this project over lists.

Run as a program it is a process of its own:

    python -m tests.bench.bare_dtls HANDSHAKES EXCHANGES

Only the client's half is timed, by the CPU time of the thread. An exchange is one request of a download, sealed, and
one block of it, opened. The server asks for a cookie, as every server of DTLS does.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any, Final, NamedTuple, Protocol

from OpenSSL import SSL

from simulator.ports import Address
from simulator.security.credentials import Credentials, Psk, PskStore, ServerCredentials
from simulator.transport import openssl
from simulator.transport.dtls import DtlsPort
from simulator.transport.dtls_listener import DtlsListener
from tests.bench.c_peers import pinned

REQUEST: Final = bytes(32)
BLOCK: Final = bytes(1024 + 36)
PSK: Final = Psk(b"bench-0", bytes(range(16)))
CIPHER: Final = b"PSK-AES128-CCM8:@SECLEVEL=0"
COOKIE: Final = b"a cookie"
DATAGRAM_MAX: Final = 1 << 14
clock = time.thread_time


class Bare(NamedTuple):
    """What one layer does per CPU-second of the client."""

    handshakes: float
    exchanges: float


class Pair(Protocol):
    """A client and a server in memory; both calls give CPU seconds of the client."""

    def shake(self) -> float:
        """One more connection in place of the last one."""

    def exchange(self) -> float:
        """One request and one block over the connection."""


class OpenSslPair:
    """pyOpenSSL over memory BIOs."""

    def __init__(self) -> None:
        self._contexts = [SSL.Context(method) for method in (SSL.DTLS_CLIENT_METHOD, SSL.DTLS_SERVER_METHOD)]
        for context in self._contexts:
            context.set_cipher_list(CIPHER)
        client, server = self._contexts
        server.set_options(SSL.OP_COOKIE_EXCHANGE)
        server.set_cookie_generate_callback(lambda _connection: COOKIE)
        server.set_cookie_verify_callback(lambda _connection, cookie: cookie == COOKIE)
        self._kept = [
            openssl.use_client_psk(client, lambda _connection: (PSK.identity, PSK.key)),
            openssl.use_server_psk(server, lambda _connection, _identity: PSK.key),
        ]

    def shake(self) -> float:
        """One more connection."""
        begun = clock()
        client = SSL.Connection(self._contexts[0], None)
        client.set_connect_state()
        used = clock() - begun
        server = SSL.Connection(self._contexts[1], None)
        server.set_accept_state()
        over = [False, False]
        flight = b""
        while not all(over):
            begun = clock()
            over[0], flight = _step(client, flight)
            used += clock() - begun
            over[1], flight = _step(server, flight)
        begun = clock()
        self._client, self._server = client, server  # the client before it ends here
        return used + clock() - begun

    def exchange(self) -> float:
        """One request and one block."""
        client, server = self._client, self._server
        begun = clock()
        client.send(REQUEST)
        record = client.bio_read(DATAGRAM_MAX)
        used = clock() - begun
        server.bio_write(record)
        server.recv(DATAGRAM_MAX)
        server.send(BLOCK)
        record = server.bio_read(DATAGRAM_MAX)
        begun = clock()
        client.bio_write(record)
        block = client.recv(DATAGRAM_MAX)
        used += clock() - begun
        assert block == BLOCK
        return used


def _step(connection: SSL.Connection, flight: bytes) -> tuple[bool, bytes]:
    """Give one side the other's flight: whether its handshake is over, and its own flight."""
    if flight:
        connection.bio_write(flight)
    over = True
    try:
        connection.do_handshake()
    except SSL.WantReadError:
        over = False
    try:
        return over, connection.bio_read(DATAGRAM_MAX)
    except SSL.WantReadError:
        return over, b""


class _Wire:
    """A datagram port that keeps what is sent."""

    def __init__(self) -> None:
        self.local = Address("127.0.0.1", 1)
        self.sent: list[bytes] = []

    def send(self, data: bytes, _peer: Address | None = None, /) -> None:
        self.sent.append(data)

    def close(self) -> None:
        """Nothing is open."""

    def take(self) -> list[bytes]:
        sent, self.sent = self.sent, []
        return sent


class _NoDeadlines:
    """Nothing is ever late in memory."""

    def arm(self, timed: object, when: float) -> None:
        """Forget it."""

    def disarm(self, timed: object) -> None:
        """It was never kept."""


class _Inbox:
    """Keeps the last datagram that was for it."""

    def __init__(self) -> None:
        self.last = b""

    def on_datagram(self, data: bytes, _peer: object) -> None:
        self.last = data

    def on_datagram_error(self, error: OSError) -> None:
        raise error


class OwnPair:
    """The layer of this project, as devices and servers have it above their ports."""

    def __init__(self) -> None:
        self._deadlines: Any = _NoDeadlines()
        self._peer = Address("127.0.0.2", 2)
        self._up, self._down, self._answers = _Wire(), _Wire(), _Inbox()
        credentials = ServerCredentials(PskStore([PSK]))
        self._server = DtlsListener(_Inbox(), credentials, self._deadlines, time.monotonic)
        self._server.attach(self._down)

    def shake(self) -> float:
        """One more connection."""
        up, down = self._up, self._down
        begun = clock()
        credentials = Credentials(psk=PSK)
        client = DtlsPort(down.local, self._answers, credentials, self._deadlines, time.monotonic)
        client.attach(up)
        used = clock() - begun
        while client.peer is None:
            for data in up.take():
                self._server.on_datagram(data, self._peer)
            begun = clock()
            for data in down.take():
                client.on_datagram(data, down.local)
            used += clock() - begun
        begun = clock()
        self._client = client
        return used + clock() - begun

    def exchange(self) -> float:
        """One request and one block."""
        begun = clock()
        self._client.send(REQUEST)
        used = clock() - begun
        (record,) = self._up.take()
        self._server.on_datagram(record, self._peer)
        self._server.send(BLOCK, self._peer)
        (record,) = self._down.take()
        begun = clock()
        self._client.on_datagram(record, self._down.local)
        used += clock() - begun
        assert self._answers.last == BLOCK
        return used


def measure(pair: Pair, handshakes: int, exchanges: int) -> Bare:
    """The figures of a pair, after some rounds that do not count."""
    for _ in range(max(1, handshakes // 10)):
        pair.shake()
    shaken = sum(pair.shake() for _ in range(handshakes))
    exchanged = sum(pair.exchange() for _ in range(exchanges))
    return Bare(handshakes / shaken, exchanges / exchanged)


def run_bare(handshakes: int, exchanges: int, core: int | None = 0) -> dict[str, Bare]:
    """Measure both, ``openssl`` and ``own``, in a process that finds ``tests`` by itself (``rig.find_tests``).

    Raises:
        RuntimeError: it went wrong.
    """
    command = [sys.executable, "-P", "-m", "tests.bench.bare_dtls", str(handshakes), str(exchanges)]
    done = subprocess.run(pinned(command, core), capture_output=True, text=True, check=False)
    if done.returncode:
        msg = f"bare DTLS ended with exit code {done.returncode}: {done.stderr.strip()[-500:]}"
        raise RuntimeError(msg)
    return {name: Bare(*found) for name, found in json.loads(done.stdout).items()}


def main(arguments: list[str]) -> None:
    """Measure, and print the figures as JSON."""
    handshakes, exchanges = map(int, arguments)
    pairs: dict[str, Pair] = {"openssl": OpenSslPair(), "own": OwnPair()}
    print(json.dumps({name: measure(pair, handshakes, exchanges) for name, pair in pairs.items()}))


if __name__ == "__main__":
    main(sys.argv[1:])
