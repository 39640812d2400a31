"""What a web server answers that gives packages out: preconditions and ranges of RFC 9110 §13 and §14. Pure.

Packages stay in memory once, and every body is a view of one. The ETag is strong and made of the package's SHA-256, as
that of the CoAP origin is, so that a download that was interrupted can go on, and one whose package was exchanged
cannot. Some paths are troubled on purpose (``simulator.servers.troubles``).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, NamedTuple

from simulator.servers.troubles import STALLS, Exchanges, Trouble, other_etag, trouble_at
from simulator.transport.http_fields import FieldError, byte_range, listed_tags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulator.servers.exchanges import SharedExchanges

ETAG_LENGTH: Final = 8
"""Bytes of the SHA-256 in the entity tag."""
STATUSES: Final = {"forbidden": 403, "unavailable": 503}


class Answer(NamedTuple):
    """A response; the one to HEAD has the body of the one to GET, which is not sent."""

    status: int
    headers: dict[str, str]
    body: memoryview = memoryview(b"")
    stops: int = -1
    """Bytes of the body after which no more comes; -1 where all come."""
    holds: bool = False
    """Whether the connection then stays open."""
    waits: float = 0.0
    """Seconds before it is given."""


class _Package(NamedTuple):
    body: memoryview
    etag: str


def etag_of(package: bytes) -> str:
    """The entity tag of a package, with its quotes."""
    return f'"{hashlib.sha256(package).digest()[:ETAG_LENGTH].hex()}"'


class HttpPackages:
    """A set of packages as a web server sees it.

    Args:
        packages: the bytes by path, such as ``fw/good.bin``.
        exchanges: what other processes know of packages that were exchanged, too.
    """

    def __init__(self, packages: Mapping[str, bytes], exchanges: SharedExchanges | None = None) -> None:
        self._packages = {
            "/" + path.strip("/"): _Package(memoryview(body), etag_of(body)) for path, body in packages.items()
        }
        self._exchanges = exchanges or Exchanges()

    def answer(self, method: str, path: str, headers: Mapping[str, str]) -> Answer:
        """Answer a request.

        Args:
            method: of the request.
            path: without the query, percent-decoded.
            headers: by names as RFC 9110 spells them; a mapping that does not mind the case is best.
        """
        package = self._packages.get(path)
        if package is None:
            trouble = trouble_at(path)
            return Answer(404, {}) if trouble is None else self._troubled(trouble, method, headers)
        return _answer(package, method, headers)

    def _troubled(self, trouble: Trouble, method: str, headers: Mapping[str, str]) -> Answer:
        if trouble.name in STATUSES:
            return Answer(STATUSES[trouble.name], {})
        package = self._packages.get("/" + trouble.file)
        if package is None:
            return Answer(404, {})
        if self._exchanges.took_place(trouble):
            other = f'"{other_etag(package.body, ETAG_LENGTH).hex()}"'
            return _answer(package._replace(etag=other), method, headers)
        answer = _answer(package, method, headers)
        if method != "GET" or answer.status not in (200, 206):
            return answer
        holds = trouble.name == STALLS
        if not holds:
            self._exchanges.exchange(trouble)
        begins_at = len(package.body) - len(answer.body) if answer.status == 206 else 0
        return answer._replace(stops=max(0, int(trouble.share * len(package.body)) - begins_at), holds=holds)


def _answer(package: _Package, method: str, headers: Mapping[str, str]) -> Answer:
    if method not in ("GET", "HEAD"):
        return Answer(405, {"Allow": "GET, HEAD"})
    common = {"ETag": package.etag, "Accept-Ranges": "bytes"}
    refusal = _precondition(headers, package.etag)
    if refusal:
        return Answer(refusal, common)
    common["Content-Type"] = "application/octet-stream"
    whole = Answer(200, common, package.body)
    # A range is for GET only (RFC 9110 §14.2).
    if method == "HEAD" or "Range" not in headers or headers.get("If-Range", package.etag) != package.etag:
        return whole
    return _part(headers["Range"], whole)


def _precondition(headers: Mapping[str, str], etag: str) -> int:
    """412 or 304 where a precondition says so, else 0; in the order of RFC 9110 §13.2.2."""
    if "If-Match" in headers:
        # Compared strongly: a weak tag matches nothing.
        tags = listed_tags(headers["If-Match"])
        if etag not in tags and "*" not in tags:
            return 412
    if "If-None-Match" in headers:
        tags = [tag.removeprefix("W/") for tag in listed_tags(headers["If-None-Match"])]
        if etag in tags or "*" in tags:
            return 304
    return 0


def _part(wanted: str, whole: Answer) -> Answer:
    size = len(whole.body)
    try:
        found = byte_range(wanted, size)
    except FieldError:
        return Answer(416, {**whole.headers, "Content-Range": f"bytes */{size}"})
    if found is None:
        return whole
    first, last = found
    return Answer(206, {**whole.headers, "Content-Range": f"bytes {first}-{last}/{size}"}, whole.body[first : last + 1])
