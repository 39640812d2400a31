"""An open datagram port with one CoAP endpoint per peer: what every server here stands on."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from simulator.coap.endpoint import Alarm, Chance, Endpoint
from simulator.coap.params import DEFAULT_PARAMETERS, TransmissionParameters
from simulator.ports import Address

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.coap.exchange import Handler
    from simulator.ports import DatagramPort

PEERS_MAX: Final = 200_000
"""Peers known at once; datagrams of further ones are ignored, so that forged sources cannot fill the memory."""


class PeerTable:
    """The endpoints behind one open port, made when a peer first speaks and dropped when it has gone quiet.

    Args:
        now: the clock.
        chance: source of tokens and Message IDs, shared by all endpoints.
        handler: answers the requests of all peers; ``endpoint.user`` is the peer's address.
        alarm: takes an endpoint and the time at which its ``expire`` is to be called.
    """

    def __init__(
        self,
        now: Callable[[], float],
        chance: Chance,
        handler: Handler,
        alarm: Alarm,
        *,
        params: TransmissionParameters = DEFAULT_PARAMETERS,
        szx: int = 6,
    ) -> None:
        self._now = now
        self._chance = chance
        self._handler = handler
        self._alarm = alarm
        self._params = params
        self._szx = szx
        self._port: DatagramPort | None = None
        self.peers: dict[tuple[str, int], Endpoint] = {}
        self.ignored = 0
        """Datagrams not taken because PEERS_MAX was reached."""
        self._seen: dict[tuple[str, int], int] = {}

    def attach(self, port: DatagramPort) -> None:
        """Send through this port from now on."""
        self._port = port

    @property
    def local(self) -> Address:
        """Where peers find this table."""
        assert self._port is not None
        return self._port.local

    def on_datagram(self, data: bytes, peer: Address) -> None:
        """Hand a datagram to its peer's endpoint."""
        endpoint = self.peers.get(peer)
        if endpoint is None:
            if len(self.peers) >= PEERS_MAX:
                self.ignored += 1
                return
            endpoint = self._add(peer)
        endpoint.receive(data, self._now())

    def on_datagram_error(self, error: OSError) -> None:
        """An ICMP error on an open port does not say whose it is; retransmission finds out."""

    def endpoint(self, peer: tuple[str, int]) -> Endpoint:
        """The endpoint towards a peer, made where there is none."""
        return self.peers.get(peer) or self._add(Address(peer[0], peer[1]))

    def _add(self, peer: Address) -> Endpoint:
        assert self._port is not None
        send = self._port.send
        address = Address(peer[0], peer[1])
        endpoint = Endpoint(
            lambda data: send(data, address),
            self._chance,
            self._handler,
            self._params,
            szx=self._szx,
            alarm=self._alarm,
        )
        endpoint.user = address
        self.peers[address] = endpoint
        return endpoint

    def drop(self, peer: tuple[str, int]) -> None:
        """Forget a peer; what waits for it fails."""
        endpoint = self.peers.pop(peer, None)
        if endpoint is not None:
            endpoint.close(self._now())

    def sweep(self, keep: Callable[[tuple[str, int]], bool]) -> None:
        """Drop peers that said nothing since the last sweep, wait for nothing, and are not to be kept."""
        for peer, endpoint in list(self.peers.items()):
            if self._seen.get(peer) == endpoint.messages_in and endpoint.deadline == inf and not keep(peer):
                self.drop(peer)
        self._seen = {peer: endpoint.messages_in for peer, endpoint in self.peers.items()}

    def close(self) -> None:
        """Drop all peers and give the port back."""
        for peer in list(self.peers):
            self.drop(peer)
        if self._port is not None:
            self._port.close()
