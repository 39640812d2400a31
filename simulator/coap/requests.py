"""Parts of requests and responses: option lists by name instead of by number."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from simulator.coap.codes import ACCEPT, CONTENT_FORMAT, LOCATION_PATH, URI_PATH, URI_QUERY
from simulator.coap.message import Options, uint_bytes


def request_options(
    path: Iterable[str],
    query: Iterable[str] = (),
    *,
    content_format: int = -1,
    accept: int = -1,
    extra: Options | None = None,
) -> Options:
    """The options of a request, in ascending order; -1 leaves a format out."""
    options: Options = [(URI_PATH, segment.encode()) for segment in path]
    if content_format >= 0:
        options.append((CONTENT_FORMAT, uint_bytes(content_format)))
    options.extend((URI_QUERY, argument.encode()) for argument in query)
    if accept >= 0:
        options.append((ACCEPT, uint_bytes(accept)))
    if extra:
        options.extend(extra)
        options.sort(key=_number)
    return options


def location_options(path: Iterable[str]) -> Options:
    """Location-Path options of a 2.01 answer (RFC 7252 §5.10.7)."""
    return [(LOCATION_PATH, segment.encode()) for segment in path]


def _number(option: tuple[int, bytes]) -> int:
    return option[0]


def put_option(options: Options, number: int, value: bytes) -> Options:
    """The same options with one more, or with another value for it; in order."""
    if not options or options[-1][0] < number:
        return [*options, (number, value)]
    before = [option for option in options if option[0] < number]
    return [*before, (number, value), *(option for option in options if option[0] > number)]


class CoapUri:
    """A CoAP URI taken apart (RFC 7252 §6.4)."""

    __slots__ = ("host", "path", "port", "query", "scheme")

    def __init__(self, scheme: str, host: str, port: int, path: tuple[str, ...], query: tuple[str, ...]) -> None:
        self.scheme = scheme
        self.host = host
        self.port = port
        self.path = path
        self.query = query


DEFAULT_PORTS = {"coap": 5683, "coaps": 5684, "coap+tcp": 5683, "coaps+tcp": 5684, "http": 80, "https": 443}


def parse_uri(uri: str) -> CoapUri:
    """Take a URI apart.

    Raises:
        ValueError: no absolute URI, no host, user information, a fragment, a port out of range, a scheme that is not
            known here, a path segment of dots, or a part longer than an option takes (RFC 7252 §5.10.1).
    """
    parts = urlsplit(uri)
    scheme = parts.scheme.lower()
    if scheme not in DEFAULT_PORTS:
        msg = f"scheme {scheme!r} is not one of {', '.join(DEFAULT_PORTS)}"
        raise ValueError(msg)
    if not parts.hostname:
        raise ValueError("the URI names no host")
    if "#" in uri or "@" in parts.netloc:
        raise ValueError("a CoAP URI has no fragment and no user information")
    if parts.port == 0:
        raise ValueError("port 0 is no port to send to")
    segments = tuple(unquote(s) for s in parts.path.split("/")[1:]) if parts.path not in ("", "/") else ()
    query = tuple(unquote(q) for q in parts.query.split("&")) if parts.query else ()
    if any(len(s.encode()) > 255 for s in segments + query):
        raise ValueError("a path segment or query argument is longer than 255 bytes")
    if "." in segments or ".." in segments:
        raise ValueError("a path segment of a CoAP request is not '.' or '..'")
    return CoapUri(scheme, parts.hostname, parts.port or DEFAULT_PORTS[scheme], segments, query)
