"""The transports of the embedded server: coap, coaps, coap+tcp and coaps+tcp on one address."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from simulator.ports import Address
from simulator.security.credentials import ServerCredentials
from simulator.security.files import load_identity, load_trust
from simulator.servers.peers import PeerTable
from simulator.transport.coap_tcp import CoapTcpServer
from simulator.transport.dtls_listener import DtlsListener, bind_dtls
from simulator.transport.tls_listener import listen_tls
from simulator.transport.tls_port import TlsPort

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.coap.owner import Chance
    from simulator.ports import Network
    from simulator.security.credentials import Peer
    from simulator.servers.embedded.core import LwM2mServer
    from simulator.transport.deadlines import Deadlines


@dataclass(frozen=True, slots=True)
class Ports:
    """UDP and TCP ports by transport; 0 takes a free one."""

    coap: int = 0
    coaps: int = 0
    coap_tcp: int = 0
    coaps_tcp: int = 0


def server_credentials(server: LwM2mServer, identity_dir: Path | None) -> ServerCredentials:
    """The keys of the devices, and the identity and the trusted CA of a directory (docs/driver-protocol.md).

    Raises:
        CredentialError: a file cannot be used.
    """
    if identity_dir is None:
        return ServerCredentials(psks=server.keyring.psks)
    return ServerCredentials(
        psks=server.keyring.psks,
        identity=load_identity(identity_dir / "server.pem", identity_dir / "server.key"),
        trust=load_trust(identity_dir / "ca.pem"),
    )


class Transports:
    """What the server listens on.

    Args:
        server: answers; its ``ways`` are set as they are opened.
        network: opens the ports.
        deadlines, now, chance: of all endpoints and handshakes.
        entropy: random bytes of DTLS; a run in virtual time that is to be repeated gives those of its seed.
    """

    def __init__(
        self,
        server: LwM2mServer,
        network: Network,
        deadlines: Deadlines,
        now: Callable[[], float],
        chance: Chance,
        *,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._server = server
        self._network = network
        self._deadlines = deadlines
        self._now = now
        self._chance = chance
        self._entropy = entropy
        self._tables: dict[str, PeerTable] = {}
        self._streams: dict[str, CoapTcpServer] = {}
        self._dtls: DtlsListener | None = None

    async def open(self, host: str, ports: Ports, credentials: ServerCredentials) -> dict[str, str]:
        """Listen on all transports; their URIs by scheme.

        Raises:
            OSError: an address is taken or is not one of this machine.
        """
        await self._open_datagrams(host, ports, credentials)
        await self._open_streams(host, ports, credentials)
        places = {name: table.local for name, table in self._tables.items()}
        places |= {name: streams.local for name, streams in self._streams.items()}
        return {name: f"{name}://{place}" for name, place in places.items()}

    async def _open_datagrams(self, host: str, ports: Ports, credentials: ServerCredentials) -> None:
        server, network, deadlines, now = self._server, self._network, self._deadlines, self._now
        plain = PeerTable(now, self._chance, server, deadlines.arm)
        receiver, behind = server.wire(plain)
        plain.attach(behind(await network.bind_datagram(Address(host, ports.coap), receiver)))
        self._tables["coap"] = server.peers = plain
        secure = PeerTable(now, self._chance, server.side("coaps", self._who_by_dtls), deadlines.arm)
        place = Address(host, ports.coaps)
        receiver, behind = server.wire(secure)
        self._dtls = await bind_dtls(network, place, receiver, credentials, deadlines, now, entropy=self._entropy)
        secure.attach(behind(self._dtls))
        self._tables["coaps"] = server.ways["coaps"] = secure

    async def _open_streams(self, host: str, ports: Ports, credentials: ServerCredentials) -> None:
        server, network, deadlines, now = self._server, self._network, self._deadlines, self._now
        plain = CoapTcpServer(now, self._chance, server.side("coap+tcp"), deadlines.arm)
        await plain.listen(network, Address(host, ports.coap_tcp))
        self._streams["coap+tcp"] = server.ways["coap+tcp"] = plain
        secure = CoapTcpServer(now, self._chance, server.side("coaps+tcp", self._who_by_tls), deadlines.arm)
        secure.attach(
            await listen_tls(network, Address(host, ports.coaps_tcp), secure.accept, credentials, deadlines, now)
        )
        self._streams["coaps+tcp"] = server.ways["coaps+tcp"] = secure

    def _who_by_dtls(self, address: tuple[str, int]) -> Peer | None:
        return self._dtls.peer(address) if self._dtls is not None else None

    def _who_by_tls(self, address: tuple[str, int]) -> Peer | None:
        connection = self._streams["coaps+tcp"].connections.get(address)
        port = connection.port if connection is not None else None
        return port.peer if isinstance(port, TlsPort) else None

    @property
    def dtls(self) -> DtlsListener | None:
        """The listener of coaps, once it is open."""
        return self._dtls

    def sweep(self) -> None:
        """Drop peers that have gone quiet and are not registered."""
        for scheme, table in self._tables.items():
            table.sweep(self._server.registered_peers(scheme).__contains__)

    def close(self) -> None:
        """Close everything, what was opened of a half-opened server too."""
        for table in self._tables.values():
            table.close()
        for streams in self._streams.values():
            streams.close()
