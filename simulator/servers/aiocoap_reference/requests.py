"""What the operator asks of a device, carried out by aiocoap from the port that the device registered at."""

from __future__ import annotations

import asyncio
import base64
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import aiocoap
from aiocoap import error as coap_error

from simulator.servers.aiocoap_reference.streams import has_ended, lost_with_connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.servers.aiocoap_reference.registry import Registration
    from simulator.servers.aiocoap_reference.transports import Transports

TEXT: Final = 0
OPAQUE: Final = 42

CONNECTION_ENDED: Final = "the device's connection has ended"

_PATH = re.compile(r"(/[0-9]{1,5}){1,4}")
_RESOURCE_DEPTH: Final = 3


class CommandError(Exception):
    """A command that cannot be carried out; ``kind`` is the ``error`` of the answer."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


def split_path(path: str) -> tuple[str, ...]:
    """The segments of an LwM2M path such as ``/5/0/3``.

    Raises:
        CommandError: it is no such path.
    """
    if not _PATH.fullmatch(path):
        raise CommandError("failed", f"not an LwM2M path: {path!r}; such as /5/0/3")
    return tuple(path[1:].split("/"))


def answer_of(response: Any) -> dict[str, object]:
    """Code and, where there is one, value: text as it is, anything else as base64."""
    answer: dict[str, object] = {"code": response.code.dotted}
    if response.code == aiocoap.CONTENT:
        answer["value"] = value_of(response)
    return answer


def value_of(response: Any) -> str:
    """The value that a response or a notification carries."""
    if response.opt.content_format in (None, TEXT):
        text: str = response.payload.decode("utf-8", "replace")
        return text
    return base64.b64encode(response.payload).decode()


class Observation:
    """One observation of one resource; what comes is passed on from ``release`` on, in order."""

    def __init__(
        self, request: Any, remote: Any, on_value: Callable[[str], None], on_end: Callable[[str], None]
    ) -> None:
        self.request = request
        self._remote = remote
        self._on_value = on_value
        self._on_end = on_end
        self._held: list[Callable[[], None]] | None = []
        with warnings.catch_warnings():
            # The asynchronous iterator that aiocoap recommends drops a notification when another follows at once.
            warnings.simplefilter("ignore", DeprecationWarning)
            request.observation.register_callback(self._notified)
            request.observation.register_errback(self._ended)

    def release(self) -> None:
        """Pass on what was held back, and everything from now on."""
        held, self._held = self._held or [], None
        for call in held:
            call()

    def cancel(self) -> None:
        """Forget it: the next notification is answered with a Reset (RFC 7641 §3.6)."""
        self._held = []
        if not self.request.observation.cancelled:
            self.request.observation.cancel()

    def _notified(self, response: Any) -> None:
        if response.code.is_successful():
            self._pass_on(lambda: self._on_value(value_of(response)))
        else:
            self._pass_on(lambda: self._on_end(f"the device ended it with {response.code.dotted}"))

    def _ended(self, error: Exception) -> None:
        if lost_with_connection(self._remote, error):
            self._pass_on(lambda: self._on_end(CONNECTION_ENDED))
        elif not isinstance(error, coap_error.LibraryShutdown):
            self._pass_on(lambda: self._on_end(str(error) or type(error).__name__))

    def _pass_on(self, call: Callable[[], None]) -> None:
        if self._held is None:
            call()
        else:
            self._held.append(call)


class DeviceRequests:
    """Requests to registered devices.

    A method returns the response of the device, whatever its code.

    Every method raises:
        CommandError: ``timeout`` or ``failed``.
    """

    def __init__(self, transports: Transports) -> None:
        self._transports = transports
        self._files: dict[str, bytes] = {}

    async def read(self, to: Registration, path: str, timeout_s: float) -> Any:
        """Read: GET, in text where one resource is asked for."""
        return await self._send(self.get(to, path), timeout_s)

    async def write(self, to: Registration, path: str, payload: bytes, content_format: int, timeout_s: float) -> Any:
        """Write of one resource: PUT, block-wise where it is longer than 1024 bytes."""
        message = self._message(to, path, aiocoap.PUT, payload=payload, content_format=content_format)
        return await self._send(message, timeout_s)

    async def execute(self, to: Registration, path: str, arguments: str, timeout_s: float) -> Any:
        """Execute: POST with the arguments in text, if any."""
        message = self._message(to, path, aiocoap.POST, payload=arguments.encode())
        if arguments:
            message.opt.content_format = TEXT
        return await self._send(message, timeout_s)

    async def attributes(self, to: Registration, path: str, query: tuple[str, ...], timeout_s: float) -> Any:
        """Write-Attributes: PUT with a query and without a payload."""
        return await self._send(self._message(to, path, aiocoap.PUT, uri_query=query), timeout_s)

    async def observe(
        self, to: Registration, path: str, timeout_s: float, make: Callable[[Any], Observation]
    ) -> tuple[Any, Observation]:
        """Observe; ``make`` is called before anything can arrive, to tie callbacks to the request."""
        message = self.get(to, path)
        message.opt.observe = 0
        # Block-wise transfer is left out: its layer in aiocoap would merge notifications that follow each other fast.
        request = self._transports.request(message, handle_blockwise=False)
        observation = make(request)
        try:
            response = await self._wait(request, to.remote, timeout_s)
            if response.opt.block2 is not None and response.opt.block2.more:
                raise CommandError("failed", f"{path} is longer than one block; observe single resources")
        except BaseException:
            observation.cancel()
            raise
        return response, observation

    def read_file(self, name: str) -> bytes:
        """The content of a file, read once and kept.

        Raises:
            CommandError: it cannot be read.
        """
        if name not in self._files:
            try:
                self._files[name] = Path(name).read_bytes()
            except (OSError, ValueError) as error:
                raise CommandError("failed", f"cannot read file {name!r}: {error}") from None
        return self._files[name]

    def get(self, to: Registration, path: str) -> Any:
        """A GET message."""
        message = self._message(to, path, aiocoap.GET)
        if path.count("/") == _RESOURCE_DEPTH:
            message.opt.accept = TEXT
        return message

    def _message(self, to: Registration, path: str, code: Any, **options: Any) -> Any:
        message = aiocoap.Message(code=code, uri_path=split_path(path), **options)
        # The address as the transport knows it, with the local port in it: the request leaves from where the device
        # registered, which is the only address that it listens to (and that a NAT lets through). Over TCP, it is the
        # connection: either side may send requests on it (RFC 8323 §1).
        if has_ended(to.remote):
            raise CommandError("timeout", CONNECTION_ENDED)
        message.remote = to.remote
        return message

    async def _send(self, message: Any, timeout_s: float) -> Any:
        return await self._wait(self._transports.request(message), message.remote, timeout_s)

    @staticmethod
    async def _wait(request: Any, remote: Any, timeout_s: float) -> Any:
        try:
            async with asyncio.timeout(timeout_s):
                return await request.response
        except TimeoutError:
            raise CommandError("timeout", f"no answer in {timeout_s:g} s") from None
        except (coap_error.RequestTimedOut, coap_error.ConRetransmitsExceeded) as error:
            raise CommandError("timeout", f"given up by aiocoap: {type(error).__name__}") from None
        except coap_error.Error as error:
            if lost_with_connection(remote, error):
                raise CommandError("timeout", CONNECTION_ENDED) from None
            raise CommandError("failed", f"{type(error).__name__}: {error}") from None
