"""How a device is connected to the server that manages it: a datagram port, or a CoAP connection over a stream.

A link has the CoAP endpoint of the device and renews what is below it. A datagram port never ends; a connection over
TCP does, and with it its endpoint, its observations and (OMA LwM2M Transport §6.5) the registration: the device
begins anew, with the waits of its registration.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

from simulator.coap.block import SZX_BERT, SZX_MAX, szx_for
from simulator.coap.endpoint import Endpoint
from simulator.device.secure import NoCredentialError, dtls_of, network_for, reason_of, waits_for
from simulator.device.sleep import listening
from simulator.device.thinking import thinking
from simulator.ports import Address
from simulator.security.failures import SecurityError
from simulator.transport.coap_tcp import CoapTcpConnection

if TYPE_CHECKING:
    from simulator.device.device import Device
    from simulator.device.stacks import CoapEndpoint
    from simulator.ports import DatagramPort

NOWHERE: Final = Address("", 0)


class Link(Protocol):
    """The way to the management server, from one boot to the next."""

    @property
    def endpoint(self) -> CoapEndpoint:
        """The CoAP endpoint of the device, at present."""

    @property
    def cause(self) -> str:
        """Why the server could not be reached the last time, in words; empty while nothing is known."""

    @property
    def local(self) -> Address:
        """The device's own address; that of nowhere while there is no connection."""

    def renew(self) -> None:
        """A request is about to be sent: have a connection under way."""

    def reached(self) -> None:
        """The server has answered: what kept it from it before is past."""

    def close(self, now: float) -> None:
        """Give everything back."""


class DatagramLink:
    """Management over coap or coaps: one datagram port, which outlasts the DTLS connections over it."""

    __slots__ = ("_cause", "_device", "_port", "_unanswered", "endpoint")

    def __init__(self, device: Device, *, szx: int) -> None:
        self._device = device
        self._port: DatagramPort | None = None
        self._cause = ""
        self._unanswered = False
        """Whether nothing has come for the last request."""
        self.endpoint: CoapEndpoint = device.stack.endpoint(device, self._unsent, "management", serves=True, szx=szx)

    async def open(self) -> None:
        """Open the port.

        Raises:
            OSError: there is none to be had.
        """
        device = self._device
        scheme = device.plan.management
        server = device.world.servers[scheme]
        try:
            network = network_for(device, listening(device), scheme, "management")
            receiver = thinking(self, device.plan.think_time_s)
            self._port = port = await network.open_datagram(server, receiver)
        except (NoCredentialError, SecurityError) as error:
            # The device runs without its server: every Register fails, as it does in the field.
            self._cause = reason_of(error)
            return
        next_mid = self.endpoint.next_mid if isinstance(self.endpoint, Endpoint) else None
        self.endpoint.send_by(device.faults.wrap_send(port.send, next_mid))

    def _unsent(self, datagram: bytes) -> None:  # noqa: ARG002
        """There is nothing to send it by."""
        self._device.world.soon(self._fail)

    def _fail(self) -> None:
        self.endpoint.unreachable(self._device.world.now())

    @property
    def cause(self) -> str:
        """Why the last handshake failed or nobody was there, or what the one under way waits for."""
        return waits_for(self._port) or self._cause

    @property
    def local(self) -> Address:
        """The device's own address."""
        return self._port.local if self._port is not None else NOWHERE

    def renew(self) -> None:
        """A datagram port is always there, and DTLS begins its next handshake with the next datagram.

        Where the last request over DTLS got no answer, the server may not know the connection any more: without a
        Connection ID (RFC 9146) it is bound to a port of the device, which a NAT may have changed.
        """
        dtls = dtls_of(self._port) if self._unanswered else None
        if dtls is not None and dtls.peer is not None:
            dtls.reconnect()
        self._unanswered = True

    def reached(self) -> None:
        """The server has answered."""
        self._cause = ""
        self._unanswered = False

    def close(self, now: float) -> None:
        """Give the port back."""
        self.endpoint.close(now)
        self._device.world.deadlines.disarm(self.endpoint)
        port, self._port = self._port, None
        if port is not None:
            port.close()

    # -- from the port ---------------------------------------------------------------------------------------------

    def on_datagram(self, data: bytes, peer: Address) -> None:  # noqa: ARG002
        """A datagram of the management server."""
        self.endpoint.receive(data, self._device.world.now())

    def on_datagram_error(self, error: OSError) -> None:
        """Nobody listens at the management server, or the handshake has failed."""
        self._cause = reason_of(error)
        self.endpoint.unreachable(self._device.world.now())


class StreamLink:
    """Management over coap+tcp or coaps+tcp: one connection after the other, each with an endpoint of its own."""

    __slots__ = ("_connection", "_device", "_opening", "_szx", "_unanswered", "endpoint")

    def __init__(self, device: Device, *, szx: int) -> None:
        self._device = device
        self._szx = SZX_BERT if szx == SZX_MAX else szx
        self._connection: CoapTcpConnection
        self._opening: asyncio.Task[None] | None = None
        self._unanswered = False
        """Whether nothing has come for the last request."""
        self._begin()

    async def open(self) -> None:
        """Have the first connection under way."""
        self._connect()

    def _begin(self) -> None:
        device = self._device
        self._connection = CoapTcpConnection(
            device.world.now,
            device.chance,
            device.world.handler(device),
            device.world.deadlines.arm,
            params=device.plan.parameters,
            szx=self._szx,
            ended=self._ended,
        )
        self.endpoint: Endpoint = self._connection.endpoint
        self.endpoint.send_by(device.faults.wrap_send(self._connection.transmit, None))

    def _connect(self) -> None:
        self._opening = self._device.world.spawn(self._open(self._connection))

    async def _open(self, connection: CoapTcpConnection) -> None:
        device = self._device
        scheme = device.plan.management
        try:
            network = network_for(device, device.management_network, scheme, "management")
        except NoCredentialError as error:
            connection.fail(error)
            return
        with suppress(OSError):
            # What waits for the connection fails with it.
            await connection.connect(network, device.world.servers[scheme])

    @property
    def cause(self) -> str:
        """Why the present connection could not be had, or how it was lost."""
        return reason_of(self._connection.error)

    @property
    def local(self) -> Address:
        """The device's own address."""
        return self._connection.local or NOWHERE

    def renew(self) -> None:
        """Begin a new connection where the last one has ended, or has become deaf.

        TCP tells of a peer that is gone by a silence of many minutes, and of bytes that were changed on their way not
        at all: a frame or a record whose length is wrong swallows all that follow. So a request without an answer is
        the end of its connection.
        """
        if self._unanswered and not self.endpoint.closed:
            self._abandon()
        if self.endpoint.closed:
            self._device.count_messages()
            self._begin()
            self._connect()
        self._unanswered = True

    def reached(self) -> None:
        """The server has answered; a connection that stands has no cause."""
        self._unanswered = False

    def _ended(self, connection: CoapTcpConnection) -> None:
        self._device.world.deadlines.disarm(connection.endpoint)
        if connection is self._connection:
            # Not while the endpoint still tells its exchanges: the registration is one of those who learn of it.
            self._device.world.soon(self._lost)

    def _lost(self) -> None:
        if self.endpoint.closed:
            self._device.link_lost()

    def close(self, now: float) -> None:  # noqa: ARG002
        """Close the connection."""
        self._abandon()

    def _abandon(self) -> None:
        opening, self._opening = self._opening, None
        if opening is not None:
            opening.cancel()
        self._connection.close()
        self._device.world.deadlines.disarm(self.endpoint)


LINKS: Final[Mapping[tuple[str, str], Callable[..., DatagramLink | StreamLink]]] = {
    ("own", "coap"): DatagramLink,
    ("own", "coaps"): DatagramLink,
    ("own", "coap+tcp"): StreamLink,
    ("own", "coaps+tcp"): StreamLink,
    ("aiocoap", "coap"): DatagramLink,
}
"""By stack and URI scheme."""


async def open_link(device: Device) -> Link:
    """The way to the device's management server.

    Raises:
        OSError: no local port is free.
        ValueError: the stack does not speak the scheme.
    """
    plan = device.plan
    make = LINKS.get((plan.stack, plan.management))
    if make is None:
        msg = f"the stack {plan.stack} has no {plan.management}"
        raise ValueError(msg)
    link = make(device, szx=szx_for(plan.block_size))
    await link.open()
    return link
