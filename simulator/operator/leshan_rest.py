"""The web API of Leshan's demo server, without I/O: what to send, and what its answers mean.

Two forms of it are known. That of 2.0.0-M4 tells values as JSON numbers and strings; that of 2.0.0-M18 tells every
value as a string and wants ``kind`` and ``type`` with what is written. M4 passes over keys that it does not know, so
that one form of request serves both.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from simulator.operator.driver import (
    Answer,
    DriverError,
    NoAnswerError,
    Notified,
    Secret,
    UnknownEndpointError,
)
from simulator.security.credentials import Psk
from simulator.security.oscore import Oscore

CODE: Final = re.compile(r"\((\d)(\d\d)\)$", re.ASCII)
UNSPECIFIED: Final = frozenset({"0.0.0.0", "::", "0:0:0:0:0:0:0:0"})  # noqa: S104  compared with, not bound


class Dialect(Enum):
    """A form of the web API."""

    M4 = "2.0.0-M4"
    M18 = "2.0.0-M18"


def dialect_and_endpoints(document: Any, web_host: str) -> tuple[Dialect, dict[str, tuple[str, int]]]:
    """The dialect, and host and port of each endpoint by scheme, from the answer to ``GET /api/server/endpoint``.

    M18 has two endpoints of some schemes; the first is Californium's, and taken.

    Args:
        document: the answer.
        web_host: where the web API is reached; taken for the host that the server does not tell.

    Raises:
        DriverError: the answer is of neither form, or tells no coap endpoint.
    """
    try:
        if isinstance(document, dict):
            ports = {"coap": document["unsecuredEndpointPort"], "coaps": document["securedEndpointPort"]}
            return Dialect.M4, {scheme: (web_host, int(port)) for scheme, port in ports.items()}
        endpoints: dict[str, tuple[str, int]] = {}
        for uri in (entry["uri"] for entry in document):
            host = str(uri.get("host") or "").strip("[]")
            host = web_host if host in UNSPECIFIED or not host else host
            endpoints.setdefault(str(uri["scheme"]), (host, int(uri["port"])))
    except (KeyError, TypeError, ValueError, AttributeError):
        msg = f"no demo server of Leshan answers there: its endpoints are {json.dumps(document)[:200]}"
        raise DriverError(msg) from None
    if "coap" not in endpoints:
        msg = "the demo server of Leshan has no coap endpoint"
        raise DriverError(msg)
    return Dialect.M18, endpoints


def credentials_body(dialect: Dialect, endpoint: str, secret: Secret) -> bytes:
    """The body of a PUT of how a device shows who it is.

    Raises:
        DriverError: the PSK identity is no text, or the device comes in OSCORE messages.
    """
    psk: dict[str, str] = {}
    if isinstance(secret, Oscore):
        msg = f"{endpoint} comes in OSCORE messages, for which this driver has no use"
        raise DriverError(msg)
    if isinstance(secret, Psk):
        try:
            psk = {"identity": secret.identity.decode(), "key": secret.key.hex()}
        except UnicodeDecodeError:
            msg = f"the PSK identity of {endpoint} is no UTF-8"
            raise DriverError(msg) from None
    if dialect is Dialect.M4:
        return json.dumps({"endpoint": endpoint, **({"psk": psk} if psk else {"x509": True})}).encode()
    tls = {"mode": "psk", "details": psk} if psk else {"mode": "x509"}
    return json.dumps({"endpoint": endpoint, "tls": tls}).encode()


def check_credentials_answer(endpoint: str, status: int, body: str) -> None:
    """Whether the server took credentials.

    Raises:
        DriverError: it did not. What it says is not passed on, since it may hold the key.
    """
    if status != 200:
        named = re.search("identity .{0,200} already used", body, re.IGNORECASE)
        reason = "its PSK identity is another device's" if named else f"HTTP status {status}"
        msg = f"the demo server of Leshan did not take the credentials of {endpoint}: {reason}"
        raise DriverError(msg)


def resource_url(base: str, endpoint: str, path: str, timeout_s: float | None = None, *, form: str = "") -> str:
    """The URL of a resource of a device.

    Args:
        base: URL of the demo server, without a slash at its end.
        endpoint: Endpoint Client Name.
        path: such as ``/5/0/3``, or longer by what the web API adds to it.
        timeout_s: how long the server is to wait for the device; it takes whole seconds.
        form: content format of the request, such as ``OPAQUE``.
    """
    query: dict[str, str] = {}
    if form:
        query["format"] = form
    if timeout_s is not None:
        query["timeout"] = str(max(1, math.ceil(timeout_s)))
    url = f"{base}/api/clients/{quote(endpoint, safe='')}{path}"
    return f"{url}?{urlencode(query)}" if query else url


def text_body(path: str, text: str) -> bytes:
    """The body of a Write of a string resource."""
    return _body(path, "string", text)


def opaque_body(path: str, value: bytes) -> bytes:
    """The body of a Write of an opaque resource; the web API takes it in hexadecimal."""
    return _body(path, "opaque", value.hex())


def _body(path: str, kind: str, value: str) -> bytes:
    try:
        number = int(path.rpartition("/")[2])
    except ValueError:
        msg = f"only a resource can be written, not {path}"
        raise DriverError(msg) from None
    return json.dumps({"id": number, "kind": "singleResource", "type": kind, "value": value}).encode()


def parse_answer(status: int, body: str) -> Answer:
    """What the server said of a device's answer.

    Args:
        status: of the HTTP response.
        body: of the HTTP response.

    Raises:
        NoAnswerError: the device did not answer in time, or nobody knows what became of the request.
        UnknownEndpointError: the device is not registered.
        DriverError: the server refused the request, or its answer is not understood.
    """
    if status == 200:
        return _answer(body)
    text = _first_line(body) or f"HTTP status {status}"
    lower = text.lower()
    if status == 504 or lower.startswith(("request cancelled", "request canceled", "request rejected")):
        raise NoAnswerError(text)
    if status == 400 and lower.startswith("no registered client"):
        raise UnknownEndpointError(text)
    raise DriverError(text)


def _answer(body: str) -> Answer:
    try:
        document = json.loads(body)
        if document.get("delayed"):
            msg = "the device sleeps (queue mode), and the server has put the request off"
            raise NoAnswerError(msg)
        code = CODE.search(document["status"])
        if code is not None:
            return Answer(f"{code[1]}.{code[2]}", value_text(document.get("content")))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    msg = f"the answer of Leshan's demo server is not understood: {body[:200]}"
    raise DriverError(msg)


def value_text(content: Any) -> str:
    """The value in the ``content`` of an answer or the ``val`` of a notification, as text; an opaque one in base64.

    M4 tells no types, so that its opaque values stay in hexadecimal. What is not one resource comes out as JSON.
    """
    if content is None:
        return ""
    if not isinstance(content, dict) or "value" not in content:
        return json.dumps(content)
    value = content["value"]
    kind = str(content.get("type") or "").upper()
    try:
        if kind == "OPAQUE":
            return base64.b64encode(bytes.fromhex(value)).decode("ascii")
        if kind == "BOOLEAN" and isinstance(value, str):
            value = value.lower() == "true"
        if kind == "TIME":
            return str(int(value) // 1000)
    except (ValueError, TypeError, OverflowError):
        return json.dumps(content)
    if isinstance(value, bool):
        return "1" if value else "0"
    return value if isinstance(value, str) else json.dumps(value)


def notified(data: Mapping[str, Any]) -> Notified | None:
    """The event of a notification of one path; None for one of several paths, which nothing here asks for.

    Raises:
        KeyError: it is not understood.
    """
    if data.get("kind", "single") != "single":
        return None
    return Notified(str(data["ep"]), str(data["res"]), value_text(data["val"]))


def registrations(document: Any) -> dict[str, str]:
    """Registration ids by Endpoint Client Name, from the answer to ``GET /api/clients``.

    Raises:
        DriverError: it is not understood.
    """
    try:
        return {str(entry["endpoint"]): str(entry["registrationId"]) for entry in document}
    except (KeyError, TypeError):
        msg = f"the list of clients is not understood: {json.dumps(document)[:200]}"
        raise DriverError(msg) from None


def host_of(url: str) -> str:
    """The host in a URL; an IPv6 address without brackets."""
    return urlsplit(url).hostname or ""


def _first_line(body: str) -> str:
    text = re.sub(r"<[^>]*>", " ", body) if body.lstrip().startswith("<") else body
    return " ".join(text.split())[:300]
