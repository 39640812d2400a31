"""A server under test behind its driver, with certificates for both sides."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

from simulator.operator.drivers import driver_for
from simulator.operator.job import ServerChoice
from simulator.security.authority import Authority, chain_pem, key_pem
from simulator.security.credentials import Credentials

HOST = "127.0.0.1"


class Certificates:
    """A CA, the directory that a server reads, and what devices show."""

    def __init__(self, directory):
        self.authority = Authority()
        self.directory = directory
        server = self.authority.server(HOST)
        for name, data in (("server.pem", chain_pem(server)), ("server.key", key_pem(server)),
                           ("ca.pem", self.authority.pem)):  # fmt: skip
            (directory / name).write_bytes(data)

    def device(self, name, authority=None):
        """The credentials of a device with a certificate from the CA, or from another one."""
        identity = (authority or self.authority).device(name)
        return Credentials(identity=identity, trust=self.authority.trust, server_name=HOST)

    def anonymous(self):
        """The credentials of a device that has no certificate."""
        return Credentials(trust=self.authority.trust, server_name=HOST)


class Rig:
    """A running server, and what it told."""

    def __init__(self, driver):
        self.driver = driver
        self.events = []
        self.news = asyncio.Event()
        self.uris = {}

    def take(self, event):
        self.events.append(event)
        self.news.set()

    async def told(self, event):
        """Wait until the server told this event."""
        async with asyncio.timeout(20):
            while event not in self.events:
                self.news.clear()
                await self.news.wait()

    async def told_of(self, kind, endpoint="dev"):
        """Wait for an event of a kind about a device."""
        async with asyncio.timeout(20):
            while not any(isinstance(event, kind) and event.endpoint == endpoint for event in self.events):
                self.news.clear()
                await self.news.wait()


@asynccontextmanager
async def server_under_test(kind, work, identity_dir=""):
    """A server of a kind, started by its driver."""
    rig = Rig(driver_for(ServerChoice(kind, HOST, 0, "", str(work), 1024, str(identity_dir)), lambda text: None))
    try:
        rig.uris = (await rig.driver.start(rig.take)).uris
        yield rig
    finally:
        await rig.driver.stop()
    assert "Traceback" not in (work / "server.log").read_text(errors="replace")
