"""The driver of Leshan's demo server, through its web API: one that the run starts, or one that runs already."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from simulator.lwm2m.formats.packed import OPAQUE
from simulator.operator import leshan_rest as rest
from simulator.operator.driver import (
    Answer,
    DriverError,
    OnEvent,
    Secret,
    ServerAddress,
    ServerStartError,
    ServerUsage,
)
from simulator.operator.leshan_events import Registry, follow_events
from simulator.operator.leshan_process import DemoProcess
from simulator.operator.leshan_web import MAX_IN_FLIGHT, WebApi
from simulator.operator.prepare import prepared
from simulator.servers.leshan.demo import VERSION

START_TIMEOUT_S: Final = 60.0
REACH_TIMEOUT_S: Final = 10.0
"""For a server that runs already."""
STARTS_MAX: Final = 3
"""How often a server is started, where somebody else takes the ports that were free before."""
POLL_S: Final = 0.1
ATTRIBUTES_S: Final = 5.0
"""The server's own time-out of a Write-Attributes, which cannot be told another one."""
BODIES_MAX: Final = 16
"""Bodies of pushes that are kept in memory."""


class LeshanDemoDriver:
    """Drives a demo server of Leshan.

    Args:
        url: of the web API of a server that runs already; None to start 2.0.0-M4.
        log_file: takes what a started server writes.
        progress: is told what takes long while it starts.
        host: address that a started server binds.
        port: UDP port of coap of a started server; 0 for a free one.
        block_size: largest block of a push from a started server, in bytes.
        identity_dir: with the certificates of a started server; empty for those that come with it.
    """

    def __init__(
        self,
        url: str | None,
        log_file: Path,
        progress: Callable[[str], None],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        block_size: int = 1024,
        identity_dir: str = "",
    ) -> None:
        self.name = "leshan-demo"
        self.max_in_flight = MAX_IN_FLIGHT
        self._base = (url or "").rstrip("/")
        self._process = None if url else DemoProcess(host, port, block_size, identity_dir, log_file)
        self._dialect = rest.Dialect.M4
        self._progress = progress
        self._web: WebApi | None = None
        self._registry: Registry | None = None
        self._watches: list[asyncio.Task[str]] = []
        self._bodies: dict[tuple[str, Path], bytes] = {}

    # -- life ------------------------------------------------------------------------------------------------------

    async def start(self, on_event: OnEvent) -> ServerAddress:
        """Start or reach the server, and listen to its events.

        Raises:
            ServerStartError: it cannot be had.
        """
        document = await (self._reach() if self._process is None else self._start(self._process))
        assert self._web is not None
        try:
            self._dialect, endpoints = rest.dialect_and_endpoints(document, rest.host_of(self._base))
        except DriverError as error:
            msg = f"{self._base}: {error}"
            raise ServerStartError(msg) from None
        await self._listen(self._web, on_event)
        version = VERSION if self._process is not None else f"with the web API of {self._dialect.value}"
        uris = {scheme: await _uri(scheme, host, port) for scheme, (host, port) in endpoints.items()}
        return ServerAddress(uris["coap"], f"Leshan demo server {version}", uris)

    async def _reach(self) -> Any:
        """The first answer of a server that somebody else has started."""
        self._web = WebApi(self._base)
        return await self._first_answer(self._web)

    async def _start(self, process: DemoProcess) -> Any:
        """Start a server; its first answer.

        Raises:
            ServerStartError: it does not start, or its ports are taken each time.
        """
        for _ in range(STARTS_MAX):
            await prepared(process.prepare, self._progress)
            await process.start()
            self._base = process.url
            self._watches.append(asyncio.create_task(process.ended()))
            document = await self._reach()
            taken = process.unbound()
            if not taken:
                return document
            await self.stop()
            self._watches.clear()
        msg = f"the demo server of Leshan found its UDP ports taken, at last {taken}; name a free one: server.port"
        raise ServerStartError(msg)

    async def _first_answer(self, web: WebApi) -> Any:
        """Ask until the web API answers."""
        timeout_s = START_TIMEOUT_S if self._process is not None else REACH_TIMEOUT_S
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout_s
        while True:
            if any(watch.done() for watch in self._watches):
                msg = f"the demo server of Leshan did not start: {self._watches[0].result()}"
                raise ServerStartError(msg)
            try:
                return await web.get("/api/server/endpoint", REACH_TIMEOUT_S)
            except DriverError as error:
                if loop.time() > end:
                    msg = f"no demo server of Leshan answered at {self._base} within {timeout_s:g} s: {error}"
                    raise ServerStartError(msg) from None
                await asyncio.sleep(POLL_S)

    async def _listen(self, web: WebApi, on_event: OnEvent) -> None:
        self._registry = Registry(on_event)
        opened = asyncio.Event()
        self._watches.append(asyncio.create_task(follow_events(web, self._registry, opened.set)))
        waiting = asyncio.create_task(opened.wait())
        await asyncio.wait([waiting, *self._watches], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if not opened.is_set():
            reason = next(watch.result() for watch in self._watches if watch.done())
            msg = f"the demo server of Leshan cannot be used: {reason}"
            raise ServerStartError(msg)

    async def stop(self) -> None:
        """Let go of the server, and end it where it was started. Never raises."""
        for watch in self._watches:
            watch.cancel()
        for watch in self._watches:
            with suppress(asyncio.CancelledError, Exception):
                await watch
        if self._registry is not None:
            self._registry.close()
        if self._web is not None:
            await self._web.close()
        if self._process is not None:
            await self._process.stop()

    async def closed(self) -> str:
        """Returns when the server has ended, or cannot be reached any more."""
        done, _ = await asyncio.wait(self._watches, return_when=asyncio.FIRST_COMPLETED)
        return f"{self.name}: {done.pop().result()}"

    @property
    def _reached(self) -> WebApi:
        if self._web is None:
            msg = f"{self.name} is not running"
            raise DriverError(msg)
        return self._web

    # -- operations ------------------------------------------------------------------------------------------------

    async def credentials(self, endpoint: str, secret: Secret) -> None:
        """Tell how a device shows who it is."""
        await self._reached.credentials(endpoint, rest.credentials_body(self._dialect, endpoint, secret))

    async def read(self, endpoint: str, path: str, timeout_s: float) -> Answer:
        """Read a resource."""
        return await self._reached.operate("GET", rest.resource_url(self._base, endpoint, path, timeout_s), timeout_s)

    async def observe(self, endpoint: str, path: str, timeout_s: float) -> Answer:
        """Observe a resource."""
        url = rest.resource_url(self._base, endpoint, f"{path}/observe", timeout_s)
        return await self._reached.operate("POST", url, timeout_s)

    async def write_text(self, endpoint: str, path: str, text: str, timeout_s: float) -> Answer:
        """Write a string resource."""
        url = rest.resource_url(self._base, endpoint, path, timeout_s, form="TEXT")
        return await self._reached.operate("PUT", url, timeout_s, rest.text_body(path, text), "application/json")

    async def write_file(self, endpoint: str, path: str, file: Path, timeout_s: float, form: str = OPAQUE) -> Answer:
        """Write an opaque resource with the content of a file."""
        url = rest.resource_url(self._base, endpoint, path, timeout_s, form=form.upper())
        return await self._reached.operate("PUT", url, timeout_s, self._body(path, file), "application/json")

    async def execute(self, endpoint: str, path: str, arguments: str, timeout_s: float) -> Answer:
        """Execute a resource."""
        url = rest.resource_url(self._base, endpoint, path, timeout_s)
        return await self._reached.operate("POST", url, timeout_s, arguments.encode() or None, "text/plain")

    async def attributes(self, endpoint: str, path: str, values: Mapping[str, int], timeout_s: float) -> Answer:
        """Write attributes. The server takes each query parameter for one, and so no time-out but its own 5 s."""
        url = f"{rest.resource_url(self._base, endpoint, f'{path}/attributes')}?{urlencode(dict(values))}"
        return await self._reached.operate("PUT", url, max(timeout_s, ATTRIBUTES_S))

    async def clients(self) -> list[str]:
        """Endpoints that are registered now."""
        return list(await self._reached.registrations())

    async def usage(self) -> ServerUsage:
        """What the process of a started server has used."""
        return self._process.usage() if self._process is not None else ServerUsage(-1.0, -1)

    def _body(self, path: str, file: Path) -> bytes:
        body = self._bodies.get((path, file))
        if body is None:
            if len(self._bodies) >= BODIES_MAX:
                self._bodies.clear()
            try:
                body = self._bodies[path, file] = rest.opaque_body(path, file.read_bytes())
            except OSError as error:
                msg = f"{file}: {error.strerror}"
                raise DriverError(msg) from error
        return body


async def _uri(scheme: str, host: str, port: int) -> str:
    """The URI of an endpoint, its host as an address: devices ask no name server."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port)
    except OSError as error:
        msg = f"the address of {host} cannot be found: {error.strerror}"
        raise ServerStartError(msg) from error
    # An IPv4 address first: servers that bind one address bind that one.
    address = min(found, key=lambda entry: ":" in str(entry[4][0]))[4][0]
    return f"{scheme}://[{address}]:{port}" if ":" in str(address) else f"{scheme}://{address}:{port}"
