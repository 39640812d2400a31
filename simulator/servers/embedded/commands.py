"""The commands of the driver protocol, carried out by the embedded server."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from simulator.coap.codes import (
    CONTENT_FORMAT,
    FORMAT_OPAQUE,
    FORMAT_TEXT,
    GET,
    POST,
    PUT,
    code_text,
    is_success,
)
from simulator.coap.exchange import Failure
from simulator.coap.requests import request_options
from simulator.lwm2m.formats.packed import OPAQUE, packed
from simulator.security.credentials import Psk
from simulator.servers.embedded.core import LwM2mServer, UnknownEndpointError
from simulator.servers.json_lines import CommandError, JsonLines, usage

if TYPE_CHECKING:
    from simulator.coap.call import Result
    from simulator.coap.message import Options

FILES_MAX: Final = 64
"""Package files that are kept in memory."""


class Commands:
    """Carries out command lines; every command gets exactly one answer line."""

    def __init__(self, server: LwM2mServer, lines: JsonLines) -> None:
        self._server = server
        self._lines = lines
        self._files: dict[tuple[str, str, str], tuple[int, bytes]] = {}

    def take(self, command: dict[str, Any]) -> None:
        """Carry out one command.

        Raises:
            CommandError: it is not known, or the endpoint is not registered.
            KeyError, ValueError, TypeError, OSError: a field is missing or wrong.
        """
        do = command["do"]
        try:
            work = getattr(self, f"_{do}", None) if do in COMMANDS else None
            if work is None:
                msg = f"unknown command {do!r}"
                raise CommandError("failed", msg)
            work(command)
        except UnknownEndpointError as error:
            raise CommandError("unknown_endpoint", str(error)) from None

    # -- operations ------------------------------------------------------------------------------------------------

    def _read(self, command: dict[str, Any]) -> None:
        self._send(command, GET, request_options(_segments(command), accept=FORMAT_TEXT), b"")

    def _write(self, command: dict[str, Any]) -> None:
        if "text" in command:
            body, content_format = str(command["text"]).encode(), FORMAT_TEXT
        elif "file" in command:
            content_format, body = self._file(command["file"], str(command.get("format", OPAQUE)), command["path"])
        else:
            body, content_format = base64.b64decode(command["base64"], validate=True), FORMAT_OPAQUE
        self._send(command, PUT, request_options(_segments(command), content_format=content_format), body)

    def _execute(self, command: dict[str, Any]) -> None:
        arguments = str(command.get("args") or "").encode()
        options = request_options(_segments(command), content_format=FORMAT_TEXT if arguments else -1)
        self._send(command, POST, options, arguments)

    def _attributes(self, command: dict[str, Any]) -> None:
        attributes = command["attributes"]
        if not isinstance(attributes, dict):
            msg = f'attributes is an object such as {{"pmin": 1}}, not {attributes!r}'
            raise CommandError("failed", msg)
        query = [f"{name}={value}" for name, value in attributes.items()]
        self._send(command, PUT, request_options(_segments(command), query), b"")

    def _send(self, command: dict[str, Any], code: int, options: Options, body: bytes) -> None:
        answer = Once(self._lines, command)
        with answer:
            answer.give_up = self._server.call(str(command["ep"]), code, options, body, answer.take)

    def _observe(self, command: dict[str, Any]) -> None:
        name, path = str(command["ep"]), str(command["path"])
        options = request_options(_segments(command), accept=FORMAT_TEXT)
        first = Once(self._lines, command)

        def on_result(result: Result) -> None:
            if not first.answered:
                first.take(result)
            elif result.code and is_success(result.code):
                self._lines.tell({"event": "notified", "ep": name, "path": path, "value": value_of(result)})
            elif result.failure is not Failure.CLOSED:
                detail = code_text(result.code) if result.code else str(result.failure and result.failure.value)
                self._lines.tell({"event": "notify_failed", "ep": name, "path": path, "detail": detail})

        with first:
            first.give_up = self._server.observe(name, path, options, GET, on_result)

    def _cancel(self, command: dict[str, Any]) -> None:
        self._server.cancel(str(command["ep"]), str(command["path"]))
        self._lines.tell({"id": command["id"], "code": "2.05"})

    def _credentials(self, command: dict[str, Any]) -> None:
        endpoint, psk = str(command["ep"]), command.get("psk")
        if psk is not None:
            self._server.keyring.add_psk(endpoint, Psk(str(psk["identity"]).encode(), bytes.fromhex(psk["key_hex"])))
        elif command.get("x509") is True:
            self._server.keyring.add_certificate(endpoint)
        else:
            raise CommandError("failed", "credentials are `psk` with identity and key_hex, or `x509` with true")
        self._lines.tell({"id": command["id"]})

    # -- the server itself -----------------------------------------------------------------------------------------

    def _clients(self, command: dict[str, Any]) -> None:
        names = [entry.endpoint for entry in self._server.table.entries()]
        self._lines.tell({"id": command["id"], "clients": names})

    def _stats(self, command: dict[str, Any]) -> None:
        self._lines.tell({"id": command["id"], **usage()})

    def _file(self, name: str, form: str, path: str) -> tuple[int, bytes]:
        """The content format and payload of a Write of a file."""
        kept = self._files.get((name, form, path))
        if kept is None:
            if len(self._files) >= FILES_MAX:
                self._files.clear()
            kept = self._files[name, form, path] = packed(form, path, Path(name).read_bytes())
        return kept


COMMANDS: Final = frozenset(
    {"credentials", "read", "write", "execute", "attributes", "observe", "cancel", "clients", "stats"}
)


class Once:
    """The one answer to a command: what the device said, or that it said nothing in time."""

    def __init__(self, lines: JsonLines, command: dict[str, Any]) -> None:
        self._lines = lines
        self._id = command["id"]
        self.answered = False
        self.give_up: Callable[[], None] = lambda: None
        timeout = float(command.get("timeout_s") or 60.0)
        self._timer = asyncio.get_running_loop().call_later(timeout, self._late, timeout)

    def __enter__(self) -> None:
        """Within, the request is sent; where that raises, the caller answers, and nothing else does."""

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.answered = True
            self._timer.cancel()

    def _late(self, timeout: float) -> None:
        if not self.answered:
            self.answered = True
            self.give_up()
            self._error("timeout", f"no answer within {timeout:g} s")

    def take(self, result: Result) -> None:
        """The device answered, or the exchange failed."""
        if self.answered:
            return
        self.answered = True
        self._timer.cancel()
        if result.failure is None:
            line: dict[str, Any] = {"id": self._id, "code": code_text(result.code)}
            if is_success(result.code) and (result.payload or _has_format(result)):
                line["value"] = value_of(result)
            self._lines.tell(line)
        elif result.failure is Failure.PROTOCOL:
            self._error("failed", "the device broke the block-wise protocol")
        else:
            # Silence, a Reset or a device that is gone: nobody knows what became of the request.
            self._error("timeout", result.failure.value)

    def _error(self, kind: str, detail: str) -> None:
        self._lines.tell({"id": self._id, "error": kind, "detail": detail})


def _segments(command: dict[str, Any]) -> list[str]:
    path = str(command["path"])
    if not path.startswith("/"):
        msg = f"a path begins with a slash: {path!r}"
        raise ValueError(msg)
    return path[1:].split("/")


def _has_format(result: Result) -> bool:
    return any(number == CONTENT_FORMAT for number, _ in result.options)


def value_of(result: Result) -> str:
    """The value of a resource as text; an opaque one in base64."""
    content_format = next((int.from_bytes(v, "big") for n, v in result.options if n == CONTENT_FORMAT), FORMAT_TEXT)
    if content_format == FORMAT_TEXT:
        return result.payload.decode("utf-8", "replace")
    return base64.b64encode(result.payload).decode("ascii")
