"""URIs of ``http`` and ``https`` as a client needs them: whom to ask, what to ask for, and where a redirect leads."""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import urljoin, urlsplit

DEFAULT_PORTS: Final = {"http": 80, "https": 443}
URI_LENGTH_MAX: Final = 8000
"""Bytes of a URI; RFC 9110 §4.1 recommends that everybody takes so many at least."""


class HttpUri(NamedTuple):
    """An absolute URI taken apart (RFC 9110 §4.2)."""

    scheme: str
    """``http`` or ``https``."""
    host: str
    """A name in lower case or an address; IPv6 without brackets."""
    port: int
    target: str
    """Path and query as they go into the request line (RFC 9112 §3.2.1), escaped."""

    @property
    def authority(self) -> str:
        """The value of Host: the port only where it is not the scheme's own (RFC 9110 §7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"

    def redirected(self, location: bytes) -> HttpUri:
        """Where a Location leads from here; it may be relative (RFC 9110 §10.2.2).

        Bytes that no URI may hold are escaped, since origins send names of files as they are.

        Raises:
            ValueError: it is no URI that a download can follow, or it leads from https to http.
        """
        if not location:
            raise ValueError("the redirect names no Location")
        escaped = "".join(chr(byte) if 0x21 <= byte <= 0x7E else f"%{byte:02X}" for byte in location)
        target = parse_http_uri(urljoin(str(self), escaped).partition("#")[0])
        if self.scheme == "https" and target.scheme == "http":
            msg = f"a redirect from https to http is not followed: {target}"
            raise ValueError(msg)
        return target


def parse_http_uri(uri: str) -> HttpUri:
    """Take a URI apart.

    Raises:
        ValueError: no absolute URI of http or https, longer than 8000 bytes, characters that have to be escaped, no
            host, user information (RFC 9110 §4.2.4), a fragment, or a port out of range.
    """
    if len(uri) > URI_LENGTH_MAX:
        msg = f"the URI has {len(uri)} characters; {URI_LENGTH_MAX} are the most"
        raise ValueError(msg)
    # urlsplit drops some control characters without a word.
    if not all("!" <= character <= "~" for character in uri):
        raise ValueError("the URI holds a blank or a character outside ASCII; escape it with %")
    parts = urlsplit(uri)
    if parts.scheme not in DEFAULT_PORTS:
        msg = f"scheme {parts.scheme!r} is not http or https"
        raise ValueError(msg)
    if not parts.hostname:
        raise ValueError("the URI names no host")
    if "#" in uri or "@" in parts.netloc:
        raise ValueError("the URI of a download has no fragment and no user information")
    if parts.port == 0:
        raise ValueError("port 0 is no port to connect to")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return HttpUri(parts.scheme, parts.hostname, parts.port or DEFAULT_PORTS[parts.scheme], target)
