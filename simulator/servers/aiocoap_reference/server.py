"""The server itself: the CoAP context, the registrations and their end."""

from __future__ import annotations

import asyncio
import importlib.metadata
import math
import socket
from typing import TYPE_CHECKING, Any, Final

import aiocoap
from aiocoap import resource

from simulator.servers.aiocoap_reference.commands import Commands, Line
from simulator.servers.aiocoap_reference.registry import Registration, Registry
from simulator.servers.aiocoap_reference.requests import DeviceRequests
from simulator.servers.aiocoap_reference.resources import PackageResource, RegisterResource, RegistrationResource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

_TRIES: Final = 5


class ReferenceServer:
    """An LwM2M server; it tells of events through ``emit``.

    Must be made and used inside a running event loop.
    """

    def __init__(self, emit: Callable[[Line], None]) -> None:
        self._emit = emit
        self._registry = Registry()
        self._loop = asyncio.get_running_loop()
        self._expiry: asyncio.TimerHandle | None = None
        self._context: Any = None
        self._commands: Commands | None = None

    async def start(self, host: str, port: int, packages: Path | None = None) -> str:
        """Listen for coap and coap+tcp on one port (0: a free one); gives the URI for registrations.

        Raises:
            OSError: the address is taken or is not one of this machine.
        """
        site = resource.Site()
        # aiocoap keeps a resource and what lies below it apart.
        site.add_resource(["rd"], RegisterResource(self))
        site.add_resource(["rd"], RegistrationResource(self))
        if packages is not None:
            site.add_resource(["fw"], PackageResource(packages))
        port = _free_port(host, port)
        self._context = await aiocoap.Context.create_server_context(
            site, bind=(host, port), transports=[datagram_transport(), "tcpserver"]
        )
        self._commands = Commands(self._registry, DeviceRequests(self._context), self._emit)
        return f"coap://{f'[{host}]' if ':' in host else host}:{port}"

    async def stop(self) -> None:
        """Close the sockets. Devices are not told."""
        if self._expiry:
            self._expiry.cancel()
        if self._commands:
            self._commands.forget_observations()
        if self._context:
            await self._context.shutdown()

    async def perform(self, command: Mapping[str, object]) -> Line:
        """Carry out one command of the driver protocol; gives the answer without its ``id``."""
        assert self._commands is not None, "start comes first"
        return await self._commands.perform(command)

    # What devices ask, through the registration interface.

    def register(self, query: Iterable[str], remote: Any) -> str:
        """Register; gives the registration id. Observations of an earlier registration of the endpoint end."""
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
        registration = self._registry.update(id_, query, remote, self._loop.time())
        self._tell({"event": "updated", "ep": registration.endpoint, "id": id_})
        self._watch_expiry()

    def deregister(self, id_: str) -> None:
        """De-register."""
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


def datagram_transport() -> str:
    """aiocoap's transport for UDP: the one that it recommends needs IPv6 in the kernel, even for IPv4 addresses."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.bind(("::ffff:127.0.0.1", 0))
    except OSError:
        return "simplesocketserver"
    return "udp6"


def _free_port(host: str, port: int) -> int:
    """The port, after a look whether it is free for UDP and TCP: aiocoap would share a taken one silently."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for attempt in range(_TRIES):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as udp, socket.socket(family, socket.SOCK_STREAM) as tcp:
                udp.bind((host, port))
                free: int = udp.getsockname()[1]
                tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                tcp.bind((host, free))
        except OSError:
            if port or attempt + 1 == _TRIES:
                raise
        else:
            return free
    raise AssertionError("unreachable")
