"""One GET and its response on one connection: bytes in, head and data out. No I/O, and h11 is seen nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

import h11

from simulator import __version__
from simulator.transport.http_fields import Fields

if TYPE_CHECKING:
    from simulator.transport.http_judge import Asked
    from simulator.transport.http_limits import HttpLimits
    from simulator.transport.http_uri import HttpUri

USER_AGENT: Final = f"lwm2m-fleet/{__version__}"
NO_BODY: Final = frozenset({204, 304})
_PREAMBLE: Final = b"HTTP/"


class HttpFormatError(Exception):
    """The peer does not speak HTTP/1.1 as RFC 9112 has it, or goes beyond a limit; the text says what is wrong."""


class Head(NamedTuple):
    """Status and fields of the final response."""

    status: int
    fields: Fields


class Data(NamedTuple):
    """The next bytes of the body."""

    data: bytes


class End(NamedTuple):
    """The body is whole."""


Part = Head | Data | End


class HttpExchange:
    """One request and its response.

    Args:
        uri: what to GET.
        asked: the part that is wanted.
        limits: of the head.
        if_range: ask by If-Range, to which an origin answers with the whole where the package changed, and not by
            If-Match, to which it answers 412.

    Attributes:
        request: the bytes to send.
    """

    __slots__ = ("_connection", "_informational", "_length", "_limits", "_preamble", "_rest", "request")

    def __init__(self, uri: HttpUri, asked: Asked, limits: HttpLimits, *, if_range: bool = False) -> None:
        self._limits = limits
        self._informational = 0
        self._preamble = _PREAMBLE
        self._length = self._rest = -1
        """Bytes of a body whose head told its length, and how many are still to come; -1 where h11 finds out."""
        self._connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=limits.head_bytes)
        fields = [
            ("Host", uri.authority),
            ("User-Agent", USER_AGENT),
            ("Accept", "*/*"),
            ("Accept-Encoding", "identity"),
            ("Connection", "close"),
        ]
        if asked.offset:
            fields.append(("Range", f"bytes={asked.offset}-"))
            fields.append(("If-Range" if if_range else "If-Match", asked.etag.decode("latin-1")))
        encoded = [(name.encode(), value.encode("latin-1")) for name, value in fields]
        head = h11.Request(method=b"GET", target=uri.target.encode(), headers=encoded)
        self.request = (self._connection.send(head) or b"") + (self._connection.send(h11.EndOfMessage()) or b"")

    def receive(self, data: bytes) -> Iterator[Part]:
        """Take bytes of the peer, not empty, and give what they complete. After ``End`` nothing more is looked at.

        Raises:
            HttpFormatError: (out of the iterator) the peer broke the format or a limit.
        """
        if self._rest >= 0:
            yield from self._body(data)
            return
        if self._preamble:
            # h11 would collect up to the limit before it says that this is something else altogether.
            length = min(len(self._preamble), len(data))
            if data[:length] != self._preamble[:length]:
                raise HttpFormatError("the peer does not answer with HTTP/1")
            self._preamble = self._preamble[length:]
        yield from self._parts(data)

    def eof(self) -> Iterator[Part]:
        """The peer closed: ``End`` where that is what the body ends with.

        Raises:
            HttpFormatError: (out of the iterator) the response is cut off.
        """
        if self._rest > 0:
            got = self._length - self._rest
            msg = f"the peer closed the connection after {got} bytes of a body of {self._length}"
            raise HttpFormatError(msg)
        return self._parts(b"")

    def _body(self, data: bytes) -> Iterator[Part]:
        """Count what needs no parser: h11 would copy each byte three times."""
        rest = self._rest
        if len(data) > rest:
            data = data[:rest]
        self._rest = rest = rest - len(data)
        if data:
            yield Data(data)
        if not rest:
            yield End()

    def _parts(self, data: bytes) -> Iterator[Part]:
        connection = self._connection
        try:
            connection.receive_data(data)
            while True:
                event = connection.next_event()
                if isinstance(event, h11.Data):
                    yield Data(bytes(event.data))
                elif event is h11.NEED_DATA:
                    return
                elif isinstance(event, h11.Response):
                    fields = self._checked(event)
                    yield Head(event.status_code, fields)
                    self._length = self._rest = _length_of(event.status_code, fields)
                    if self._rest >= 0:
                        yield from self._body(connection.trailing_data[0])
                        return
                elif isinstance(event, h11.InformationalResponse):
                    self._bear(event)
                else:
                    # EndOfMessage; ConnectionClosed comes only behind it.
                    yield End()
                    return
        except h11.RemoteProtocolError as error:
            raise HttpFormatError(str(error)) from error

    def _checked(self, event: h11.Response | h11.InformationalResponse) -> Fields:
        """The fields of a head.

        Raises:
            HttpFormatError: there are too many, or they are too long; h11 looks only at heads that are not complete.
        """
        fields = list(event.headers)
        if len(fields) > self._limits.head_fields:
            msg = f"a head of {len(fields)} fields; {self._limits.head_fields} are the most"
            raise HttpFormatError(msg)
        size = sum(len(name) + len(value) + 4 for name, value in fields)
        if size > self._limits.head_bytes:
            msg = f"a head of {size} bytes; {self._limits.head_bytes} are the most"
            raise HttpFormatError(msg)
        return fields

    def _bear(self, event: h11.InformationalResponse) -> None:
        self._checked(event)
        self._informational += 1
        if self._informational > self._limits.informational:
            msg = f"more than {self._limits.informational} responses of class 1xx before the final one"
            raise HttpFormatError(msg)


def _length_of(status: int, fields: Fields) -> int:
    """The length of a body as its head tells it (RFC 9112 §6.3); -1 where it is chunked or ends with the connection.

    h11 has seen to it that there is one Content-Length at most, and that it is a number.
    """
    if status in NO_BODY:
        return 0
    length = -1
    for name, value in fields:
        if name == b"transfer-encoding":
            return -1
        if name == b"content-length":
            length = int(value)
    return length


__all__ = ["Data", "End", "Head", "HttpExchange", "HttpFormatError", "Part"]
