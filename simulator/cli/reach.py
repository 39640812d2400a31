"""Whether a server that somebody else runs is there, before a thousand devices are started for nothing.

Each transport is asked what costs the server next to nothing: a CoAP ping, a ClientHello (a server answers the first
one with a cookie and remembers nothing of it, RFC 6347 §4.2.1), or a TCP connection that is closed again. Whether the
server knows the devices shows only when they come.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from simulator.coap.endpoint import Endpoint
from simulator.coap.params import TransmissionParameters
from simulator.coap.ping import ping
from simulator.ports import Address
from simulator.security.credentials import Credentials, Psk, TrustStore
from simulator.transport.deadlines import Deadlines
from simulator.transport.dtls import MTU
from simulator.transport.dtls_client import ClientHandshake
from simulator.transport.dtls_flight import Sender
from simulator.transport.dtls_handshake import DEFAULT_TIMERS
from simulator.transport.sockets import SocketNetwork

if TYPE_CHECKING:
    from simulator.ports import DatagramPort

PATIENCE: Final = TransmissionParameters(ACK_TIMEOUT=1.0, MAX_RETRANSMIT=2)
"""Three pings within 7 to 10.5 seconds."""
WAITS_S: Final = (1.0, 2.0, 4.0)
"""For an answer to each of three ClientHello messages."""
CONNECT_S: Final = 7.0


class _Asker:
    """What comes back on a datagram port."""

    def __init__(self, address: Address) -> None:
        loop = asyncio.get_running_loop()
        self.address = address
        self.answer: asyncio.Future[str] = loop.create_future()
        self.deadlines = Deadlines(loop, time.monotonic)
        self.endpoint: Endpoint | None = None

    def on_datagram(self, data: bytes, peer: Address) -> None:  # noqa: ARG002
        if self.endpoint is not None:
            self.endpoint.receive(data, time.monotonic())
        else:
            self._end("")

    def on_datagram_error(self, error: OSError) -> None:
        self._end(f"nobody listens at UDP {self.address} ({error.strerror or error})")

    def _end(self, problem: str) -> None:
        if not self.answer.done():
            self.answer.set_result(problem)

    def answered(self, alive: bool) -> None:
        self._end("" if alive else f"no answer to a CoAP ping from {self.address}")


async def problem_of(address: Address, scheme: str = "coap") -> str:
    """Why a CoAP server cannot be reached, in words; empty where it answers.

    Args:
        address: of the server; the host may be a name.
        scheme: of the transport: coap, coaps, coap+tcp or coaps+tcp.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(address.host, address.port)
    except (OSError, UnicodeError) as error:
        return f"{address.host} cannot be resolved: {getattr(error, 'strerror', None) or error}"
    address = Address(str(found[0][4][0]), address.port)
    if scheme.endswith("+tcp"):
        return await _connect(address)
    asker = _Asker(address)
    try:
        port = await SocketNetwork(loop).open_datagram(address, asker)
    except OSError as error:
        return f"{address} cannot be reached: {error.strerror or error}"
    try:
        return await (_greet(asker, port) if scheme == "coaps" else _ping(asker, port))
    finally:
        port.close()
        asker.deadlines.close()


async def _ping(asker: _Asker, port: DatagramPort) -> str:
    endpoint = Endpoint(port.send, random.Random(), params=PATIENCE, alarm=asker.deadlines.arm)
    asker.endpoint = endpoint
    try:
        ping(endpoint, asker.answered, time.monotonic())
        return await asker.answer
    finally:
        endpoint.close(time.monotonic())


async def _greet(asker: _Asker, port: DatagramPort) -> str:
    """Whether anything comes back after a ClientHello that offers every suite; an alert is an answer too."""
    anything = Credentials(psk=Psk(b"anybody", bytes(16)), trust=TrustStore(()))
    for wait in WAITS_S:
        ClientHandshake(Sender(port.send, MTU), os.urandom, DEFAULT_TIMERS, anything).start(time.monotonic())
        with suppress(TimeoutError):
            return await asyncio.wait_for(asyncio.shield(asker.answer), wait)
    return f"no answer to a ClientHello of DTLS from {asker.address}"


async def _connect(address: Address) -> str:
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(*address), CONNECT_S)
    except TimeoutError:
        return f"no answer from TCP {address}"
    except OSError as error:
        refused = isinstance(error, ConnectionRefusedError)
        return f"nobody listens at TCP {address}" if refused else f"TCP {address} cannot be reached: {error.strerror}"
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return ""
