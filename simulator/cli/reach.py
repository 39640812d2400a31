"""Whether a server that somebody else runs is there: a CoAP ping before a thousand devices are started for nothing."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Final

from simulator.coap.endpoint import Endpoint
from simulator.coap.params import TransmissionParameters
from simulator.coap.ping import ping
from simulator.ports import Address
from simulator.transport.deadlines import Deadlines
from simulator.transport.sockets import SocketNetwork

PATIENCE: Final = TransmissionParameters(ACK_TIMEOUT=1.0, MAX_RETRANSMIT=2)
"""Three pings within 7 to 10.5 seconds."""


class _Asker:
    def __init__(self, address: Address) -> None:
        loop = asyncio.get_running_loop()
        self.address = address
        self.answer: asyncio.Future[str] = loop.create_future()
        self.deadlines = Deadlines(loop, time.monotonic)
        self.endpoint: Endpoint | None = None

    def on_datagram(self, data: bytes, peer: Address) -> None:  # noqa: ARG002
        if self.endpoint is not None:
            self.endpoint.receive(data, time.monotonic())

    def on_datagram_error(self, error: OSError) -> None:
        self._end(f"nobody listens at {self.address} ({error.strerror or error})")

    def _end(self, problem: str) -> None:
        if not self.answer.done():
            self.answer.set_result(problem)

    def answered(self, alive: bool) -> None:
        self._end("" if alive else f"no answer to a CoAP ping from {self.address}")


async def problem_of(address: Address) -> str:
    """Why a CoAP server cannot be reached, in words; empty where it answers.

    Args:
        address: of the server; the host may be a name.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(address.host, address.port)
    except (OSError, UnicodeError) as error:
        return f"{address.host} cannot be resolved: {getattr(error, 'strerror', None) or error}"
    address = Address(str(found[0][4][0]), address.port)
    asker = _Asker(address)
    try:
        port = await SocketNetwork(loop).open_datagram(address, asker)
    except OSError as error:
        return f"{address} cannot be reached: {error.strerror or error}"
    asker.endpoint = Endpoint(port.send, random.Random(), params=PATIENCE, alarm=asker.deadlines.arm)
    try:
        ping(asker.endpoint, asker.answered, time.monotonic())
        return await asker.answer
    finally:
        asker.endpoint.close(time.monotonic())
        port.close()
