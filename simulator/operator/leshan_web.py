"""HTTP to the web API of Leshan's demo server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp

from simulator.operator import leshan_rest as rest
from simulator.operator.driver import Answer, DriverError, NoAnswerError

# Each request holds one of fewer than 200 threads of the server until the device has answered.
MAX_IN_FLIGHT: Final = 150
GRACE_S: Final = 10.0
"""How much longer than the server the operator waits for an answer before it takes the server to be stuck."""
LIST_TIMEOUT_S: Final = 60.0
SILENCE_S: Final = 60.0
"""The server sends something on a stream of events at least every 10 s; one that is silent for longer is broken."""
KEEP_ALIVE_S: Final = 10.0
"""Shorter than the 30 s after which the server closes idle connections, so that no request meets a closing one."""


class WebApi:
    """The web API at one URL.

    Args:
        base: URL of the demo server, without a slash at its end.
    """

    def __init__(self, base: str) -> None:
        self.base = base
        connector = aiohttp.TCPConnector(limit=MAX_IN_FLIGHT + 10, keepalive_timeout=KEEP_ALIVE_S)
        self._session = aiohttp.ClientSession(connector=connector)

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def operate(
        self, method: str, url: str, timeout_s: float, body: bytes | None = None, media_type: str = ""
    ) -> Answer:
        """Ask for an operation on a device, to which the server gives ``timeout_s`` seconds.

        Raises:
            NoAnswerError: the device did not answer in time, or nobody knows what became of the request.
            UnknownEndpointError: the device is not registered.
            DriverError: the server refused the request, cannot be reached, or is not understood.
        """
        return rest.parse_answer(*await self._request(method, url, timeout_s + GRACE_S, body, media_type))

    async def get(self, path: str, timeout_s: float) -> Any:
        """A JSON document of the server's own.

        Raises:
            DriverError: it cannot be had.
        """
        status, body = await self._request("GET", self.base + path, timeout_s)
        try:
            if status == 200:
                return json.loads(body)
        except (ValueError, RecursionError):
            pass
        msg = f"GET {path}: status {status}, {body[:200]!r}"
        raise DriverError(msg)

    async def credentials(self, endpoint: str, body: bytes) -> None:
        """Tell the server how a device shows who it is.

        Raises:
            DriverError: it did not take that, or cannot be reached.
        """
        url = f"{self.base}/api/security/clients/"
        rest.check_credentials_answer(
            endpoint, *await self._request("PUT", url, LIST_TIMEOUT_S, body, "application/json")
        )

    async def registrations(self) -> dict[str, str]:
        """Registration ids of all clients, by Endpoint Client Name.

        Raises:
            DriverError: they cannot be had.
        """
        return rest.registrations(await self.get("/api/clients", LIST_TIMEOUT_S))

    @asynccontextmanager
    async def events(self) -> AsyncIterator[AsyncIterator[bytes]]:
        """An open stream of events, as bytes.

        Raises:
            aiohttp.ClientError, TimeoutError, OSError: it cannot be had, or broke.
        """
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=GRACE_S, sock_read=SILENCE_S)
        # Without this header the server answers 405.
        headers = {"Accept": "text/event-stream"}
        async with self._session.get(f"{self.base}/api/event", headers=headers, timeout=timeout) as response:
            response.raise_for_status()
            yield response.content.iter_any()

    async def _request(
        self, method: str, url: str, timeout_s: float, body: bytes | None = None, media_type: str = ""
    ) -> tuple[int, str]:
        headers = {"Content-Type": media_type} if body is not None else {}
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        try:
            async with self._session.request(method, url, data=body, headers=headers, timeout=timeout) as response:
                return response.status, await response.text(errors="replace")
        except TimeoutError:
            msg = f"the demo server of Leshan gave no answer within {timeout_s:g} s"
            raise NoAnswerError(msg) from None
        except (aiohttp.ClientError, OSError, RuntimeError, ValueError) as error:
            # RuntimeError: the session was closed meanwhile; ValueError: it answered with what is no HTTP.
            msg = f"the demo server of Leshan cannot be asked: {error}"
            raise DriverError(msg) from error
