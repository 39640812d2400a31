"""The driver of servers that speak lines of JSON: the embedded one, the aiocoap reference, Leshan's library.

The protocol is in docs/driver-protocol.md. The server is a child process; its standard error goes to a log file.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from simulator.lwm2m.formats.packed import OPAQUE
from simulator.operator.driver import (
    Answer,
    Deregistered,
    DriverError,
    Misbehaved,
    NoAnswerError,
    Notified,
    NotifyFailed,
    OnEvent,
    Registered,
    Secret,
    ServerAddress,
    ServerEvent,
    ServerStartError,
    ServerUsage,
    UnknownEndpointError,
    Updated,
)
from simulator.security.credentials import Psk
from simulator.security.oscore import Oscore

log = logging.getLogger(__name__)

LINE_MAX: Final = 1 << 26
START_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 10.0
GRACE_S: Final = 10.0
"""How much longer than the server the operator waits for an answer line before it takes the server to be stuck."""
ERRORS: Final[Mapping[str, type[DriverError]]] = {
    "timeout": NoAnswerError,
    "unknown_endpoint": UnknownEndpointError,
}


class JsonLinesDriver:
    """Drives a child process.

    Args:
        command: program and arguments.
        name: kind of the server, for messages.
        log_file: takes the child's standard error.
        max_in_flight: requests at once.
    """

    def __init__(self, command: Sequence[str], name: str, log_file: Path, *, max_in_flight: int = 1000) -> None:
        self.name = name
        self.max_in_flight = max_in_flight
        self._command = list(command)
        self._log_file = log_file
        self._process: asyncio.subprocess.Process | None = None
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._count = 0
        self._on_event: OnEvent = lambda _event: None
        self._ready: asyncio.Future[ServerAddress] | None = None
        self._gone: asyncio.Future[str] | None = None
        self._reader: asyncio.Task[None] | None = None
        self._stopping = False

    # -- life ------------------------------------------------------------------------------------------------------

    async def start(self, on_event: OnEvent) -> ServerAddress:
        """Start the child and wait until it is ready.

        Raises:
            ServerStartError: it did not start, or said why it cannot.
        """
        loop = asyncio.get_running_loop()
        self._on_event = on_event
        self._ready, self._gone = loop.create_future(), loop.create_future()
        try:
            with self._log_file.open("ab") as log_file:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=log_file,
                    limit=LINE_MAX,
                )
        except OSError as error:
            msg = f"{self.name}: {self._command[0]} could not be started: {error.strerror or error}"
            raise ServerStartError(msg) from error
        self._reader = loop.create_task(self._read())
        try:
            return await asyncio.wait_for(asyncio.shield(self._ready), START_TIMEOUT_S)
        except TimeoutError:
            msg = f"{self.name} was not ready within {START_TIMEOUT_S:g} s; see {self._log_file}"
            raise ServerStartError(msg) from None

    async def stop(self) -> None:
        """Close the child's input and wait for it; end it by force where it does not listen."""
        self._stopping = True
        process = self._process
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        for force in (process.terminate, process.kill):
            try:
                await asyncio.wait_for(process.wait(), STOP_TIMEOUT_S)
                break
            except TimeoutError:
                with suppress(ProcessLookupError):
                    force()
        await process.wait()
        if self._reader is not None:
            await self._reader

    async def closed(self) -> str:
        """Returns when the child has ended by itself."""
        assert self._gone is not None
        return await asyncio.shield(self._gone)

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        while raw := await self._process.stdout.readline():
            try:
                line = json.loads(raw)
            except ValueError:
                log.info("%s: %s", self.name, raw[:500].decode("utf-8", "replace").rstrip())
                continue
            try:
                self._take(line)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                log.warning("%s: line not understood (%r): %s", self.name, error, raw[:500])
        await self._process.wait()
        self._ended()

    def _ended(self) -> None:
        assert self._process is not None
        reason = f"{self.name} ended with exit code {self._process.returncode}; see {self._log_file}"
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(DriverError(reason))
        self._waiting.clear()
        assert self._ready is not None
        assert self._gone is not None
        if not self._ready.done():
            self._ready.set_exception(ServerStartError(reason))
            # Nobody may be waiting any more.
            self._ready.exception()
        if not self._stopping and not self._gone.done():
            self._gone.set_result(reason)

    def _take(self, line: dict[str, Any]) -> None:
        if "event" in line:
            self._take_event(line)
            return
        future = self._waiting.pop(int(line["id"]), None)
        if future is not None and not future.done():
            future.set_result(line)

    def _take_event(self, line: dict[str, Any]) -> None:
        kind = line["event"]
        if kind == "ready" and self._ready is not None and not self._ready.done():
            uris = {str(scheme): str(uri) for scheme, uri in (line.get("uris") or {"coap": line["coap"]}).items()}
            self._ready.set_result(ServerAddress(line["coap"], line["server"], uris))
        elif kind == "failed" and self._ready is not None and not self._ready.done():
            self._ready.set_exception(ServerStartError(f"{self.name} could not start: {line['detail']}"))
            # Nobody may be waiting any more.
            self._ready.exception()
        else:
            event = _event(line)
            if event is not None:
                self._on_event(event)

    # -- operations ------------------------------------------------------------------------------------------------

    async def _ask(self, wait_s: float, command: dict[str, Any]) -> dict[str, Any]:
        if self._process is None or self._process.stdin is None or self._process.returncode is not None:
            msg = f"{self.name} is not running"
            raise DriverError(msg)
        self._count += 1
        number = self._count
        future = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            self._process.stdin.write(json.dumps({"id": number, **command}).encode() + b"\n")
            async with asyncio.timeout(wait_s + GRACE_S):
                await self._process.stdin.drain()
                line: dict[str, Any] = await future
        except TimeoutError:
            msg = f"{self.name} gave no answer line within {wait_s + GRACE_S:g} s"
            raise NoAnswerError(msg) from None
        except (ConnectionError, RuntimeError) as error:
            # uvloop tells of a pipe that has been closed by the latter.
            msg = f"{self.name} takes no commands any more: {error}"
            raise DriverError(msg) from error
        finally:
            self._waiting.pop(number, None)
        if "error" in line:
            raise ERRORS.get(line["error"], DriverError)(str(line.get("detail") or line["error"]))
        return line

    async def _operate(self, do: str, endpoint: str, path: str, timeout_s: float, **fields: Any) -> Answer:
        command = {"do": do, "ep": endpoint, "path": path, "timeout_s": timeout_s, **fields}
        line = await self._ask(timeout_s, command)
        return Answer(str(self._field(line, "code")), str(line.get("value") or ""))

    def _field(self, line: dict[str, Any], name: str) -> Any:
        if name not in line:
            msg = f"{self.name} gave an answer without {name!r}: {line}"
            raise DriverError(msg)
        return line[name]

    async def credentials(self, endpoint: str, secret: Secret) -> None:
        """Tell how a device shows who it is."""
        await self._ask(GRACE_S, {"do": "credentials", "ep": endpoint, **_fields(endpoint, secret)})

    async def read(self, endpoint: str, path: str, timeout_s: float) -> Answer:
        """Read a resource."""
        return await self._operate("read", endpoint, path, timeout_s)

    async def observe(self, endpoint: str, path: str, timeout_s: float) -> Answer:
        """Observe a resource."""
        return await self._operate("observe", endpoint, path, timeout_s)

    async def write_text(self, endpoint: str, path: str, text: str, timeout_s: float) -> Answer:
        """Write a string resource."""
        return await self._operate("write", endpoint, path, timeout_s, text=text)

    async def write_file(self, endpoint: str, path: str, file: Path, timeout_s: float, form: str = OPAQUE) -> Answer:
        """Write an opaque resource with the content of a file."""
        more = {} if form == OPAQUE else {"format": form}
        return await self._operate("write", endpoint, path, timeout_s, file=str(file), **more)

    async def execute(self, endpoint: str, path: str, arguments: str, timeout_s: float) -> Answer:
        """Execute a resource."""
        return await self._operate("execute", endpoint, path, timeout_s, args=arguments)

    async def attributes(self, endpoint: str, path: str, values: Mapping[str, int], timeout_s: float) -> Answer:
        """Write attributes."""
        return await self._operate("attributes", endpoint, path, timeout_s, attributes=dict(values))

    async def clients(self) -> list[str]:
        """Endpoints that are registered now."""
        return [str(endpoint) for endpoint in self._field(await self._ask(GRACE_S, {"do": "clients"}), "clients")]

    async def usage(self) -> ServerUsage:
        """What the child has used."""
        line = await self._ask(GRACE_S, {"do": "stats"})
        return ServerUsage(float(self._field(line, "cpu_s")), int(self._field(line, "rss_bytes")))


def _fields(endpoint: str, secret: Secret) -> dict[str, Any]:
    """Of the command ``credentials``.

    Raises:
        DriverError: the identity is no text, which JSON wants.
    """
    if isinstance(secret, Oscore):
        ids = {"sid_hex": secret.sender_id.hex(), "rid_hex": secret.recipient_id.hex()}
        return {"oscore": {**ids, "secret_hex": secret.secret.hex(), "salt_hex": secret.salt.hex()}}
    if not isinstance(secret, Psk):
        return {"x509": True}
    try:
        return {"psk": {"identity": secret.identity.decode(), "key_hex": secret.key.hex()}}
    except UnicodeDecodeError:
        msg = f"the PSK identity of {endpoint} is no UTF-8"
        raise DriverError(msg) from None


def _event(line: dict[str, Any]) -> ServerEvent | None:
    endpoint = str(line.get("ep", ""))
    match line["event"]:
        case "registered":
            return Registered(endpoint, str(line["id"]), str(line.get("replaces") or ""))
        case "updated":
            return Updated(endpoint, str(line["id"]))
        case "deregistered":
            return Deregistered(endpoint, str(line["id"]), str(line.get("cause") or ""))
        case "notified":
            return Notified(endpoint, str(line["path"]), str(line["value"]))
        case "notify_failed":
            return NotifyFailed(endpoint, str(line["path"]), str(line.get("detail") or ""))
        case "misbehaved":
            return Misbehaved(endpoint, str(line["act"]), str(line.get("detail") or ""))
    return None
