"""The commands of the driver protocol (docs/driver-protocol.md): checked, carried out, answered."""

from __future__ import annotations

import asyncio
import base64
import binascii
import functools
import math
import time
from typing import TYPE_CHECKING, Any, TypeVar

import psutil

from simulator.servers.aiocoap_reference.forms import packed
from simulator.servers.aiocoap_reference.oscore import read_oscore
from simulator.servers.aiocoap_reference.requests import (
    OPAQUE,
    TEXT,
    CommandError,
    DeviceRequests,
    Observation,
    answer_of,
    split_path,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from simulator.servers.aiocoap_reference.credentials import Credentials
    from simulator.servers.aiocoap_reference.registry import Registration, Registry

Line = dict[str, object]

_T = TypeVar("_T")


class Commands:
    """What the operator asks; it also holds the observations, whose notifications go to ``emit`` as events."""

    def __init__(
        self,
        registry: Registry,
        requests: DeviceRequests,
        credentials: Credentials,
        emit: Callable[[Line], None],
    ) -> None:
        self._registry = registry
        self._requests = requests
        self._credentials = credentials
        self._emit = emit
        self._observations: dict[tuple[str, str], Observation] = {}
        self._commands: dict[str, Callable[[Mapping[str, object]], Awaitable[Line]]] = {
            "read": self._read,
            "write": self._write,
            "execute": self._execute,
            "observe": self._observe,
            "cancel": self._cancel,
            "attributes": self._attributes,
            "clients": self._clients,
            "stats": self._stats,
            "credentials": self._take_credentials,
        }

    async def perform(self, command: Mapping[str, object]) -> Line:
        """Carry out one command; gives the answer without its ``id``. Never raises for what a command holds."""
        try:
            do = field(command, "do", str)
            if do not in self._commands:
                raise CommandError("failed", f"unknown command {do!r}; known: {', '.join(self._commands)}")
            return await self._commands[do](command)
        except CommandError as error:
            return {"error": error.kind, "detail": str(error)}

    def forget_observations(self, endpoint: str | None = None) -> None:
        """Forget the observations of one endpoint, or all."""
        for key in [key for key in self._observations if endpoint in (None, key[0])]:
            self._observations.pop(key).cancel()

    async def _read(self, command: Mapping[str, object]) -> Line:
        to, path, timeout_s = self._target(command)
        return answer_of(await self._requests.read(to, path, timeout_s))

    async def _write(self, command: Mapping[str, object]) -> Line:
        to, path, timeout_s = self._target(command)
        payload, content_format = self._payload(command, path)
        return answer_of(await self._requests.write(to, path, payload, content_format, timeout_s))

    def _payload(self, command: Mapping[str, object], path: str) -> tuple[bytes, int]:
        if sum(name in command for name in ("text", "base64", "file")) != 1:
            raise CommandError("failed", "write needs exactly one of text, base64 and file")
        if "text" in command:
            return field(command, "text", str).encode(), TEXT
        if "file" in command:
            form = field(command, "format", str) if "format" in command else "opaque"
            return packed(form, path, self._requests.read_file(field(command, "file", str)))
        try:
            return base64.b64decode(field(command, "base64", str), validate=True), OPAQUE
        except (binascii.Error, ValueError) as error:
            raise CommandError("failed", f"field 'base64' is no base64: {error}") from None

    async def _execute(self, command: Mapping[str, object]) -> Line:
        to, path, timeout_s = self._target(command)
        arguments = field(command, "args", str) if "args" in command else ""
        return answer_of(await self._requests.execute(to, path, arguments, timeout_s))

    async def _attributes(self, command: Mapping[str, object]) -> Line:
        to, path, timeout_s = self._target(command)
        attributes: dict[str, object] = field(command, "attributes", dict)
        query = tuple(f"{name}={value}" for name, value in attributes.items())
        return answer_of(await self._requests.attributes(to, path, query, timeout_s))

    async def _observe(self, command: Mapping[str, object]) -> Line:
        to, path, timeout_s = self._target(command)
        key = (to.endpoint, path)
        response, observation = await self._requests.observe(
            to, path, timeout_s, functools.partial(self._new_observation, key, to.remote)
        )
        if not response.code.is_successful():
            observation.cancel()
            return answer_of(response)
        if self._registry.find(to.endpoint) is not to:
            observation.cancel()
            raise CommandError("failed", f"{to.endpoint} registered again while it was asked")
        if key in self._observations:
            self._observations[key].cancel()
        self._observations[key] = observation
        # The answer carries the first value, so what came after it must not overtake it: the answer is written in
        # this turn of the loop, the rest in the next.
        asyncio.get_running_loop().call_soon(observation.release)
        return answer_of(response)

    def _new_observation(self, key: tuple[str, str], remote: Any, request: Any) -> Observation:
        endpoint, path = key

        def on_value(value: str) -> None:
            self._emit({"event": "notified", "ep": endpoint, "path": path, "value": value})

        def on_end(detail: str) -> None:
            if self._observations.get(key) is observation:
                del self._observations[key]
                self._emit({"event": "notify_failed", "ep": endpoint, "path": path, "detail": detail})

        observation = Observation(request, remote, on_value, on_end)
        return observation

    async def _cancel(self, command: Mapping[str, object]) -> Line:
        key = (self._registration(command).endpoint, _path(command))
        observation = self._observations.pop(key, None)
        if observation is None:
            raise CommandError("failed", f"{key[1]} of {key[0]} is not observed")
        observation.cancel()
        return {}

    async def _clients(self, _: Mapping[str, object]) -> Line:
        return {"clients": self._registry.endpoints()}

    async def _stats(self, _: Mapping[str, object]) -> Line:
        return {"cpu_s": time.process_time(), "rss_bytes": psutil.Process().memory_info().rss}

    async def _take_credentials(self, command: Mapping[str, object]) -> Line:
        endpoint = field(command, "ep", str)
        if "psk" in command:
            raise CommandError("failed", "the reference server has no DTLS, and no use for keys; give certificates")
        if "oscore" in command:
            try:
                self._credentials.oscore.add(endpoint, read_oscore(command["oscore"]))
            except ValueError as error:
                raise CommandError("failed", str(error)) from None
            return {}
        if command.get("x509") is not True:
            raise CommandError("failed", "credentials need psk, oscore, or x509 with true")
        if not self._credentials.by_certificate:
            raise CommandError("failed", "the reference server takes certificates only where it has --identity-dir")
        self._credentials.add(endpoint)
        return {}

    def _target(self, command: Mapping[str, object]) -> tuple[Registration, str, float]:
        timeout_s = float(field(command, "timeout_s", (int, float)))
        if not 0 < timeout_s < math.inf:
            raise CommandError("failed", f"field 'timeout_s' must be above 0, not {timeout_s}")
        return self._registration(command), _path(command), timeout_s

    def _registration(self, command: Mapping[str, object]) -> Registration:
        endpoint = field(command, "ep", str)
        registration = self._registry.find(endpoint)
        if registration is None:
            raise CommandError("unknown_endpoint", f"{endpoint!r} is not registered")
        return registration


def _path(command: Mapping[str, object]) -> str:
    path = field(command, "path", str)
    split_path(path)
    return path


def field(command: Mapping[str, object], name: str, kind: type[_T] | tuple[type[_T], ...]) -> _T:
    """A field of a command.

    Raises:
        CommandError: it is missing or of another type.
    """
    value = command.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        wanted = " or ".join(k.__name__ for k in (kind if isinstance(kind, tuple) else (kind,)))
        raise CommandError("failed", f"field {name!r} must be {wanted}, not {value!r:.60}")
    return value
