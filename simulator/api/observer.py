"""Looks on while a device answers its server and notifies it: wrappers of the handler, the stack and the flash.

Each hands everything on to what it wraps, and tells of it. A device that nobody looks on has none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from simulator.coap import codes as c
from simulator.coap.exchange import Response
from simulator.device.requests import PACKAGE_PATH
from simulator.faults.wrapped_flash import FlashFault
from simulator.lwm2m.formats import decode
from simulator.lwm2m.paths import format_path, path_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.coap.call import Result
    from simulator.coap.download import DownloadSink
    from simulator.coap.exchange import Upload
    from simulator.coap.message import Message, Options
    from simulator.device.device import Device
    from simulator.device.stacks import CoapEndpoint, Fetching, Stack
    from simulator.lwm2m.formats import TypeOf
    from simulator.lwm2m.objects import ResourceType
    from simulator.lwm2m.paths import Path
    from simulator.ports import Flash
    from simulator.stacks.site import DeviceHandler

VALUE_MAX: Final = 80
"""Characters of a value that are shown."""
_METHODS: Final = {
    c.GET: "Read",
    c.PUT: "Write",
    c.POST: "Execute",
    c.DELETE: "Delete",
    c.FETCH: "Read-Composite",
    c.IPATCH: "Write-Composite",
}
_CHANGES: Final = frozenset({c.PUT, c.POST, c.IPATCH})
"""Methods of which the request has the value, and not the answer."""
_POSTS: Final = {1: "Create", 2: "Write (update)"}
"""What a POST is, by the number of segments in its path; on a resource it is an Execute."""


class Told(Protocol):
    """Takes what an observer sees."""

    def request(self, operation: str, path: str, code: str, value: str) -> None:
        """The server asked; ``code`` is that of the answer, empty while the rest of a body is still to come."""

    def notified(self, path: str, value: str) -> None:
        """The server was notified."""

    def type_of(self, path: Path) -> ResourceType | None:
        """The type of a resource; None where it is not known."""

    def stored(self, written: int) -> None:
        """The flash now holds so many bytes."""


def operation_of(request: Message) -> str:
    """What a request is called in LwM2M (TS 1.1 Core, §6.4)."""
    code, path = request.code, request.path
    observe = request.uint(c.OBSERVE)
    if observe >= 0 and code in (c.GET, c.FETCH):
        name = "Observe" if code == c.GET else "Observe-Composite"
        return name if observe == 0 else f"Cancel {name}"
    if code == c.GET and request.uint(c.ACCEPT) == c.FORMAT_LINK:
        return "Discover"
    if code == c.PUT and request.query and not request.payload:
        return "Write-Attributes"
    if code == c.POST:
        return _POSTS.get(len(path), "Execute")
    return _METHODS.get(code, f"method {c.code_text(code)}")


def value_of(path: tuple[str, ...], content_format: int, payload: bytes, type_of: TypeOf) -> str:
    """A payload in a few words: one value as text, anything longer by its length. Nothing of the Security object."""
    if not payload:
        return ""
    length = f"{len(payload):,} byte{'s' if len(payload) != 1 else ''}"
    if path[:1] == ("0",) or content_format < 0 or path == PACKAGE_PATH:
        return length
    if content_format == c.FORMAT_LINK:
        return _short(payload.decode("utf-8", "replace"))
    try:
        records = decode(content_format, path_of(path), payload, type_of)
    except ValueError:
        return length
    if len(records) != 1:
        return f"{len(records)} values"
    value = records[0].value
    return length if isinstance(value, bytes) else _short(str(value))


def _short(text: str) -> str:
    shown = "".join(char if char.isprintable() else "." for char in text[:VALUE_MAX])
    return shown + ("..." if len(text) > VALUE_MAX else "")


def _format_of(options: Options) -> int:
    return next((int.from_bytes(value, "big") for number, value in options if number == c.CONTENT_FORMAT), -1)


class ObservedHandler:
    """A device as its endpoint sees it (``simulator.stacks.site.DeviceHandler``)."""

    __slots__ = ("_handler", "_told")

    def __init__(self, handler: DeviceHandler, told: Told) -> None:
        self._handler = handler
        self._told = told

    def on_request(self, endpoint: Any, request: Message, now: float) -> Response:
        """Answer a request, and tell."""
        response = self._handler.on_request(endpoint, request, now)
        self.tell(request, response)
        return response

    def ended(self, request: Message, code: int) -> None:
        """A request whose body came in blocks was answered."""
        self._told.request(operation_of(request), "/" + "/".join(request.path), c.code_text(code), "")

    def tell(self, request: Message, response: Response) -> None:
        """The request was answered."""
        operation = operation_of(request)
        type_of = self._told.type_of
        if not c.is_success(response.code):
            value = _short(response.payload.decode("utf-8", "replace"))  # a diagnostic, RFC 7252 §5.5.2
        elif operation == "Write-Attributes":
            value = " ".join(request.query)
        elif request.code in _CHANGES:
            # Without Content-Format it is plain text (LwM2M 1.0, §6.4.2).
            value = value_of(request.path, max(request.content_format, c.FORMAT_TEXT), request.payload, type_of)
        else:
            value = value_of(request.path, _format_of(response.options), response.payload, type_of)
        self._told.request(operation, "/" + "/".join(request.path), c.code_text(response.code), value)

    def open_upload(self, endpoint: Any, request: Message, now: float) -> Upload | Response | None:
        """A Package comes in blocks: tell that it begins, and how it ends."""
        found = self._handler.open_upload(endpoint, request, now)
        if isinstance(found, Response):
            self.tell(request, found)
        elif found is not None:
            size = request.uint(c.SIZE1)
            length = f"{size:,} bytes in blocks" if size >= 0 else "in blocks"
            self._told.request(operation_of(request), "/" + "/".join(request.path), "", length)
            return ObservedUpload(found, request, self)
        return found

    def on_observation_ended(self, endpoint: Any, key: object, now: float) -> None:
        """Hand it on."""
        self._handler.on_observation_ended(endpoint, key, now)


class ObservedUpload:
    """A body that comes in blocks (``simulator.coap.exchange.Upload``)."""

    __slots__ = ("_observer", "_request", "_upload")

    def __init__(self, upload: Upload, request: Message, observer: ObservedHandler) -> None:
        self._upload = upload
        self._request = request
        self._observer = observer

    def write(self, data: bytes, now: float) -> int:
        """Take the next bytes; tell where they end it."""
        code = self._upload.write(data, now)
        if code:
            self._observer.ended(self._request, code)
        return code

    def finish(self, request: Message, now: float) -> Response | None:
        """The last bytes are here; tell the answer."""
        response = self._upload.finish(request, now)
        if response is not None:
            self._observer.ended(self._request, response.code)
        return response

    def abandon(self, now: float) -> None:
        """Hand it on."""
        self._upload.abandon(now)


class ObservedStack:
    """A stack (``simulator.device.stacks.Stack``) whose notifications are told."""

    __slots__ = ("_stack", "_told")

    def __init__(self, stack: Stack, told: Told) -> None:
        self._stack = stack
        self._told = told

    def endpoint(
        self, device: Device, transmit: Callable[[bytes], None], purpose: str, *, serves: bool, szx: int
    ) -> CoapEndpoint:
        """Hand it on."""
        return self._stack.endpoint(device, transmit, purpose, serves=serves, szx=szx)

    def call(
        self, endpoint: Any, code: int, options: Options, body: bytes, done: Callable[[Result], None], now: float
    ) -> object:
        """Hand it on."""
        return self._stack.call(endpoint, code, options, body, done, now)

    def finish(self, endpoint: Any, call: Any) -> None:
        """Hand it on."""
        self._stack.finish(endpoint, call)

    def notify(self, endpoint: Any, observation: Any, answer: Response, now: float, *, confirmable: bool) -> None:
        """Send a notification, and tell."""
        self._stack.notify(endpoint, observation, answer, now, confirmable=confirmable)
        paths = [format_path(path) for path in observation.key.paths]
        segments = tuple(paths[0].split("/")[1:]) if len(paths) == 1 else ()
        value = value_of(segments, _format_of(answer.options), answer.payload, self._told.type_of)
        self._told.notified(" ".join(paths), value)

    def download(
        self, device: Device, options: Options, sink: DownloadSink, szx: int, *, offset: int, etag: bytes
    ) -> Fetching:
        """Hand it on."""
        return self._stack.download(device, options, sink, szx, offset=offset, etag=etag)


class ObservedFlash(FlashFault):
    """A flash that tells how much it holds."""

    __slots__ = ("_told",)

    def __init__(self, flash: Flash, told: Told) -> None:
        super().__init__(flash)
        self._told = told

    def write(self, data: bytes) -> None:
        """Append bytes, and tell."""
        super().write(data)
        self._told.stored(self.written)

    def erase(self) -> None:
        """Forget what was written, and tell."""
        super().erase()
        self._told.stored(0)
