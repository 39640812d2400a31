"""A device in virtual time whose server and package origin are behind DTLS and TLS, with credentials of the run."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from simulator.device.device import Device
from simulator.events import RegistrationEnded
from simulator.faults.plan import NO_FAULTS
from simulator.ports import Address
from simulator.security.credentials import PskStore, ServerCredentials
from simulator.security.issue import Issuer
from simulator.security.spec import NO_CREDENTIALS, CredentialSpec
from simulator.servers.embedded.transports import Ports, Transports
from simulator.servers.peers import PeerTable
from simulator.transport.coap_tcp import CoapTcpServer
from simulator.transport.dtls_listener import bind_dtls
from simulator.transport.memory import MemoryNetwork
from simulator.transport.tls_listener import listen_tls
from tests.device.device_rig import PACKAGE, SMALL, DeviceRig, Settings
from tests.transport.http_rig import Origin, shop

SEED = 3
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SERVER_HOST, ORIGIN_HOST = "10.9.0.1", "10.9.0.2"
PORTS = Ports(5683, 5684, 5683, 5684)
PORT_OF = {"coap": 5683, "coap+tcp": 5683, "coaps": 5684, "coaps+tcp": 5684, "https": 443}
PACKAGES = {"good.bin": PACKAGE, "small.bin": SMALL}


def spec(kind, wrong="", **files):
    """A specification of credentials, as short as a scenario has it."""
    return CredentialSpec(frozenset(kind.split("+")) if kind else frozenset(), wrong, **files)


class Counting:
    """The network of a device: counts the connections that it begins, and has the times of them."""

    def __init__(self, inner, now):
        self._inner = inner
        self._now = now
        self.opened = []
        self.ports = []

    async def open_datagram(self, remote, receiver, *, local=None):
        self.opened.append((remote.host, self._now()))
        port = await self._inner.open_datagram(remote, receiver, local=local)
        self.ports.append(receiver)
        return port

    async def open_stream(self, remote, receiver, *, local=None):
        self.opened.append((remote.host, self._now()))
        return await self._inner.open_stream(remote, receiver, local=local)

    def to(self, host):
        """When connections to a host were begun."""
        return [at for where, at in self.opened if where == host]


class SecureRig(DeviceRig):
    """One device; the server knows it by its key or its certificate, whatever it shows."""

    def __init__(self, settings):
        super().__init__(settings, NO_FAULTS, {})
        loop = asyncio.get_running_loop()
        self.memory = MemoryNetwork(loop, random.Random(1))
        self.counting = Counting(self.memory, self.clock.now)
        self.issuer = Issuer(SEED, lambda: NOW)
        self.identity = self.issuer.authority.server(SERVER_HOST, ORIGIN_HOST)
        self.psks = PskStore([self.issuer.psk("dev")])
        world = self.world
        world.network = self.counting
        world.servers = {scheme: Address(SERVER_HOST, PORT_OF[scheme]) for scheme in PORT_OF if scheme != "https"}
        world.credentials = self._credentials
        world.entropy = lambda _plan: random.Random(4).randbytes
        self.transports = self.new_transports()
        self.device = Device(settings, world, random.Random(3), NO_FAULTS)
        self.dtls = None
        self.failures = []

    def _credentials(self, plan, purpose):
        return self.issuer.credentials(
            plan.credentials if purpose == "management" else plan.download_credentials, plan.endpoint
        )

    def new_transports(self):
        """Those of a server that has just been started."""
        return Transports(self.server, self.memory, self.deadlines, self.clock.now, random.Random(5))

    async def open_transports(self):
        own = ServerCredentials(self.server.keyring.psks, self.identity, self.issuer.authority.trust)
        await self.transports.open(SERVER_HOST, PORTS, own)

    async def start_servers(self):
        authority, now = self.issuer.authority, self.clock.now
        await self.open_transports()
        theirs = ServerCredentials(self.psks, self.identity, authority.trust)
        shared = theirs, self.deadlines, now
        self.origin.__init__(PACKAGES)
        table = PeerTable(now, random.Random(6), self.origin, self.deadlines.arm)
        self.dtls = await bind_dtls(self.memory, Address(ORIGIN_HOST, 5684), table, *shared)
        table.attach(self.dtls)
        self.streams = CoapTcpServer(now, random.Random(7), self.origin, self.deadlines.arm)
        for port, accept in ((5684, self.streams.accept), (443, Origin(shop(PACKAGES)).accept)):
            await listen_tls(
                self.memory, Address(ORIGIN_HOST, port), accept, *shared, failed=lambda e: self.failures.append(e)
            )
        self.know()

    def know(self):
        """Tell the server how its device comes."""
        plan = self.device.plan
        if plan.management == "coap":
            return
        if "psk" in plan.credentials.kinds:
            self.server.keyring.add_psk("dev", self.issuer.psk("dev"))
        else:
            self.server.keyring.add_certificate("dev")

    def uri(self, path="good.bin"):
        """Of a package, by the transport of the device."""
        scheme = self.device.plan.transport
        return f"{scheme}://{Address(ORIGIN_HOST, PORT_OF[scheme])}/{path}"

    @property
    def registrations(self):
        return self.of(RegistrationEnded)


@asynccontextmanager
async def secure_rig(*, credentials=NO_CREDENTIALS, download_credentials=NO_CREDENTIALS, started=True, **settings):
    """A device that has been switched on; whether it registers is up to its credentials."""
    rig = SecureRig(Settings(credentials=credentials, download_credentials=download_credentials, **settings))
    if started:
        await rig.start()
        await rig.settle(1)
    try:
        yield rig
    finally:
        await rig.stop()
        rig.transports.close()
        rig.dtls.close()
        rig.streams.close()
