"""The server itself: the CoAP context, the registrations and their end."""

from __future__ import annotations

import asyncio
import importlib.metadata
import math
from typing import TYPE_CHECKING, Any

from aiocoap import resource

from simulator.servers.aiocoap_reference.commands import Commands, Line
from simulator.servers.aiocoap_reference.credentials import Credentials
from simulator.servers.aiocoap_reference.registry import Registration, Registry, parse_query
from simulator.servers.aiocoap_reference.requests import DeviceRequests
from simulator.servers.aiocoap_reference.resources import PackageResource, RegisterResource, RegistrationResource
from simulator.servers.aiocoap_reference.transports import Ports, Transports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path


class ReferenceServer:
    """An LwM2M server; it tells of events through ``emit``.

    Must be made and used inside a running event loop.
    """

    def __init__(self, emit: Callable[[Line], None]) -> None:
        self._emit = emit
        self._registry = Registry()
        self._loop = asyncio.get_running_loop()
        self._expiry: asyncio.TimerHandle | None = None
        self._transports = Transports()
        self._credentials = Credentials()
        self._commands: Commands | None = None

    async def start(
        self, host: str, ports: Ports, packages: Path | None = None, identity: Path | None = None
    ) -> dict[str, str]:
        """Listen; gives the URIs for registrations by scheme.

        Args:
            host: address to bind.
            ports: where.
            packages: directory of files to give out as ``/fw/NAME``.
            identity: directory of ``server.pem``, ``server.key`` and ``ca.pem``, with which there is coaps+tcp.

        Raises:
            OSError: an address is taken or is not one of this machine, or a file of the identity is of no use.
        """
        site = resource.Site()
        # aiocoap keeps a resource and what lies below it apart.
        site.add_resource(["rd"], RegisterResource(self))
        site.add_resource(["rd"], RegistrationResource(self))
        if packages is not None:
            site.add_resource(["fw"], PackageResource(packages))
        await self._transports.open(site, host, ports, identity, self._credentials.oscore)
        self._credentials.by_certificate = identity is not None
        self._commands = Commands(self._registry, DeviceRequests(self._transports), self._credentials, self._emit)
        return self._transports.uris

    async def stop(self) -> None:
        """Close the sockets. Devices are not told."""
        if self._expiry:
            self._expiry.cancel()
        if self._commands:
            self._commands.forget_observations()
        await self._transports.close()

    async def perform(self, command: Mapping[str, object]) -> Line:
        """Carry out one command of the driver protocol; gives the answer without its ``id``."""
        assert self._commands is not None, "start comes first"
        return await self._commands.perform(command)

    # What devices ask, through the registration interface.

    def register(self, query: Iterable[str], remote: Any) -> str:
        """Register; gives the registration id. Observations of an earlier registration of the endpoint end."""
        self._credentials.check(parse_query(query).endpoint or "", remote)
        registration, replaced = self._registry.register(query, remote, self._loop.time())
        event: Line = {"event": "registered", "ep": registration.endpoint, "id": registration.id}
        if replaced:
            self._forget_observations(registration.endpoint)
            event["replaces"] = replaced.id
        self._tell(event)
        self._watch_expiry()
        return registration.id

    def update(self, id_: str, query: Iterable[str], remote: Any) -> None:
        """Update."""
        self._credentials.check(self._registry.known(id_).endpoint, remote)
        registration = self._registry.update(id_, query, remote, self._loop.time())
        self._tell({"event": "updated", "ep": registration.endpoint, "id": id_})
        self._watch_expiry()

    def deregister(self, id_: str, remote: Any) -> None:
        """De-register."""
        self._credentials.check(self._registry.known(id_).endpoint, remote)
        self._gone(self._registry.deregister(id_), "deregister")

    def _expire(self) -> None:
        self._expiry = None
        for registration in self._registry.expire(self._loop.time()):
            self._gone(registration, "expired")
        self._watch_expiry()

    def _gone(self, registration: Registration, cause: str) -> None:
        self._forget_observations(registration.endpoint)
        self._tell({"event": "deregistered", "ep": registration.endpoint, "id": registration.id, "cause": cause})

    def _watch_expiry(self) -> None:
        deadline = self._registry.next_deadline()
        if self._expiry and self._expiry.when() != deadline:
            self._expiry.cancel()
            self._expiry = None
        if self._expiry is None and deadline < math.inf:
            self._expiry = self._loop.call_at(deadline, self._expire)

    def _tell(self, event: Line) -> None:
        # In the next turn of the loop: the response goes out in this one, and an operator that hears of a registration
        # may send a request at once, which must not reach the device before the response does.
        self._loop.call_soon(self._emit, event)

    def _forget_observations(self, endpoint: str) -> None:
        if self._commands:
            self._commands.forget_observations(endpoint)


def server_name() -> str:
    """Name and version for the event ``ready``."""
    return f"aiocoap {importlib.metadata.version('aiocoap')}"
