"""The driver of an embedded server in the same process: for virtual time, where there are no processes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from simulator.coap.codes import FORMAT_TEXT, GET, POST, PUT, code_text, is_success
from simulator.coap.requests import request_options
from simulator.lwm2m.formats.packed import OPAQUE, packed
from simulator.operator.driver import (
    Answer,
    ByCertificate,
    Deregistered,
    DriverError,
    Misbehaved,
    NoAnswerError,
    Notified,
    OnEvent,
    Registered,
    Secret,
    ServerAddress,
    ServerUsage,
    UnknownEndpointError,
    Updated,
)
from simulator.security.credentials import Psk
from simulator.servers.embedded.commands import value_of
from simulator.servers.embedded.core import Happened, LwM2mServer
from simulator.servers.embedded.core import UnknownEndpointError as NotRegisteredError

if TYPE_CHECKING:
    from simulator.coap.call import Result
    from simulator.coap.message import Options
    from simulator.servers.embedded.chaos import Misbehaved as Act

MAX_IN_FLIGHT: Final = 10_000


class LocalDriver:
    """Drives an ``LwM2mServer`` by function calls.

    Args:
        server: already attached to a port.
        files: contents of the package files by path, which ``write_file`` takes from here and from nowhere else.
    """

    name = "embedded"
    max_in_flight = MAX_IN_FLIGHT

    def __init__(self, server: LwM2mServer, files: Mapping[Path, bytes]) -> None:
        self._server = server
        self._files = files
        self._on_event: OnEvent = lambda _event: None

    async def start(self, on_event: OnEvent) -> ServerAddress:
        """Pass on what the server tells from now on."""
        self._on_event = on_event
        uri = f"coap://{self._server.peers.local}"
        return ServerAddress(uri, self.name, {"coap": uri})

    async def credentials(self, endpoint: str, secret: Secret) -> None:
        """Let the server know how a device shows who it is.

        Raises:
            DriverError: by OSCORE, which the server does not know.
        """
        if isinstance(secret, Psk):
            self._server.keyring.add_psk(endpoint, secret)
        elif isinstance(secret, ByCertificate):
            self._server.keyring.add_certificate(endpoint)
        else:
            msg = f"{endpoint}: the embedded server does not know OSCORE"
            raise DriverError(msg)

    async def stop(self) -> None:
        """The server belongs to whoever made it."""

    async def closed(self) -> str:
        """A server in this process is never gone."""
        never: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        return await never

    def misbehaved(self, act: Act) -> None:
        """Told by a server with chaos; pass it as its ``on_act``."""
        self._on_event(Misbehaved(act.endpoint, act.act, act.detail))

    def happened(self, happened: Happened) -> None:
        """Told by the server; pass it as its ``on_event``."""
        if happened.event == "registered":
            self._on_event(Registered(happened.endpoint, happened.registration_id, happened.detail))
        elif happened.event == "updated":
            self._on_event(Updated(happened.endpoint, happened.registration_id))
        else:
            self._on_event(Deregistered(happened.endpoint, happened.registration_id, happened.detail))

    async def _ask(self, start: Callable[[Callable[[Result], None]], Callable[[], None]], timeout_s: float) -> Answer:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()

        def done(result: Result) -> None:
            if answer.done():
                return
            if result.failure is not None:
                answer.set_exception(NoAnswerError(result.failure.value))
            else:
                answer.set_result(Answer(code_text(result.code), value_of(result)))

        try:
            give_up = start(done)
        except NotRegisteredError as error:
            raise UnknownEndpointError(str(error)) from None
        try:
            return await asyncio.wait_for(answer, timeout_s)
        except TimeoutError:
            give_up()
            msg = f"no answer within {timeout_s:g} s"
            raise NoAnswerError(msg) from None

    async def _call(self, endpoint: str, code: int, options: Options, body: bytes, timeout_s: float) -> Answer:
        return await self._ask(lambda done: self._server.call(endpoint, code, options, body, done), timeout_s)

    async def read(self, endpoint: str, path: str, timeout_s: float) -> Answer:
        """Read a resource."""
        return await self._call(endpoint, GET, request_options(_segments(path), accept=FORMAT_TEXT), b"", timeout_s)

    async def observe(self, endpoint: str, path: str, timeout_s: float) -> Answer:
        """Observe a resource."""
        answered = False

        def start(done: Callable[[Result], None]) -> Callable[[], None]:
            def on_result(result: Result) -> None:
                nonlocal answered
                if not answered:
                    answered = True
                    done(result)
                elif result.failure is None and is_success(result.code):
                    self._on_event(Notified(endpoint, path, value_of(result)))

            options = request_options(_segments(path), accept=FORMAT_TEXT)
            return self._server.observe(endpoint, path, options, GET, on_result)

        return await self._ask(start, timeout_s)

    async def write_text(self, endpoint: str, path: str, text: str, timeout_s: float) -> Answer:
        """Write a string resource."""
        options = request_options(_segments(path), content_format=FORMAT_TEXT)
        return await self._call(endpoint, PUT, options, text.encode(), timeout_s)

    async def write_file(self, endpoint: str, path: str, file: Path, timeout_s: float, form: str = OPAQUE) -> Answer:
        """Write an opaque resource with the content of a file."""
        body = self._files.get(file)
        if body is None:
            msg = f"there is no file {file}"
            raise DriverError(msg)
        content_format, payload = packed(form, path, body)
        options = request_options(_segments(path), content_format=content_format)
        return await self._call(endpoint, PUT, options, payload, timeout_s)

    async def execute(self, endpoint: str, path: str, arguments: str, timeout_s: float) -> Answer:
        """Execute a resource."""
        return await self._call(endpoint, POST, request_options(_segments(path)), arguments.encode(), timeout_s)

    async def attributes(self, endpoint: str, path: str, values: Mapping[str, int], timeout_s: float) -> Answer:
        """Write attributes."""
        query = [f"{name}={value}" for name, value in values.items()]
        return await self._call(endpoint, PUT, request_options(_segments(path), query), b"", timeout_s)

    async def clients(self) -> list[str]:
        """Endpoints that are registered now."""
        return [entry.endpoint for entry in self._server.table.entries()]

    async def usage(self) -> ServerUsage:
        """Not to be told from the devices' own."""
        return ServerUsage(-1.0, -1)


def _segments(path: str) -> list[str]:
    return path.removeprefix("/").split("/")
