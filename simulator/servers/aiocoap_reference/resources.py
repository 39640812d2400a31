"""What devices ask of the server: the registration interface under /rd, and packages under /fw."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final, Protocol

import aiocoap
from aiocoap import resource
from aiocoap.util import linkformat

from simulator.servers.aiocoap_reference.registry import RegistrationError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

LINK_FORMAT: Final = 40
OPAQUE: Final = 42
_BERT: Final = 7


class Registrar(Protocol):
    """What the registration interface calls; each method may raise RegistrationError."""

    def register(self, query: Iterable[str], remote: Any) -> str:
        """Register; gives the id for the location."""

    def update(self, id_: str, query: Iterable[str], remote: Any) -> None:
        """Update."""

    def deregister(self, id_: str, remote: Any) -> None:
        """De-register."""


def _check_links(request: Any, *, required: bool) -> None:
    if not request.payload and not required:
        return
    if request.opt.content_format not in (None, LINK_FORMAT):
        raise RegistrationError("4.15", "the list of objects is not in link-format (40)")
    try:
        links = linkformat.parse(request.payload.decode())
    except (ValueError, linkformat.link_header.ParseException) as error:
        raise RegistrationError("4.00", f"the list of objects is no link-format: {error}") from None
    if required and not links.links:
        raise RegistrationError("4.00", "the list of objects is empty")


class RegisterResource(resource.Resource):  # type: ignore[misc]  # aiocoap has no types
    """``/rd``: Register (OMA LwM2M Transport 1.1.1, 6.4.3)."""

    def __init__(self, registrar: Registrar) -> None:
        super().__init__()
        self._registrar = registrar

    async def render_post(self, request: Any) -> Any:
        """Register."""
        try:
            _check_links(request, required=True)
            id_ = self._registrar.register(request.opt.uri_query, request.remote)
        except RegistrationError as error:
            return _refusal(error)
        return aiocoap.Message(code=aiocoap.CREATED, location_path=("rd", id_))


class RegistrationResource(resource.Resource, resource.PathCapable):  # type: ignore[misc]  # aiocoap has no types
    """``/rd/{id}``: Update and De-register (OMA LwM2M Transport 1.1.1, 6.4.3)."""

    def __init__(self, registrar: Registrar) -> None:
        super().__init__()
        self._registrar = registrar

    async def render_post(self, request: Any) -> Any:
        """Update."""
        try:
            _check_links(request, required=False)
            self._registrar.update("/".join(request.opt.uri_path), request.opt.uri_query, request.remote)
        except RegistrationError as error:
            return _refusal(error)
        return aiocoap.Message(code=aiocoap.CHANGED)

    async def render_delete(self, request: Any) -> Any:
        """De-register."""
        try:
            self._registrar.deregister("/".join(request.opt.uri_path), request.remote)
        except RegistrationError as error:
            return _refusal(error)
        return aiocoap.Message(code=aiocoap.DELETED)


def _refusal(error: RegistrationError) -> Any:
    class_, _, detail = error.code.partition(".")
    return aiocoap.Message(code=aiocoap.Code(int(class_) << 5 | int(detail)), payload=str(error).encode())


class PackageResource(resource.Resource, resource.PathCapable):  # type: ignore[misc]  # aiocoap has no types
    """``/fw/{name}``: the files of one directory, each read once per version, block by block without state.

    The ETag comes from the content, so that a download can go on over another socket, or after a restart of the server.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._directory = directory
        self._read: dict[str, tuple[tuple[int, int], bytes, bytes]] = {}

    async def needs_blockwise_assembly(self, request: Any) -> bool:  # noqa: ARG002  aiocoap's own signature
        """No: any block can be asked for at any time."""
        return False

    async def render_get(self, request: Any) -> Any:
        """One block of a package; the whole where it fits."""
        found = self._find(request.opt.uri_path)
        if found is None:
            return aiocoap.Message(code=aiocoap.NOT_FOUND)
        body, etag = found
        asked = request.opt.block2
        number, szx = (asked[0], asked[2]) if asked else (0, request.remote.maximum_block_size_exp)
        szx = min(szx, request.remote.maximum_block_size_exp)
        if number == 0 and etag in request.opt.etags:
            return aiocoap.Message(code=aiocoap.VALID, etag=etag)
        unit = 1 << (min(szx, 6) + 4)
        # In a BERT message (RFC 8323 §6) there are as many units of 1024 bytes as the peer takes.
        size = max(1, request.remote.maximum_payload_size // unit) * unit if szx == _BERT else unit
        start = number * unit
        if start >= len(body) and number > 0:
            return aiocoap.Message(code=aiocoap.BAD_REQUEST, payload=b"past the end")
        end = start + size
        response = aiocoap.Message(code=aiocoap.CONTENT, payload=body[start:end], etag=etag, content_format=OPAQUE)
        if asked or end < len(body):
            response.opt.block2 = (number, end < len(body), szx)
        if number == 0:
            response.opt.size2 = len(body)
        return response

    def _find(self, path: tuple[str, ...]) -> tuple[bytes, bytes] | None:
        if len(path) != 1 or path[0] in ("", ".", "..") or "/" in path[0] or "\0" in path[0]:
            return None
        name = path[0]
        file = self._directory / name
        try:
            stat = file.stat()
            version = (stat.st_mtime_ns, stat.st_size)
            known = self._read.get(name)
            if known is None or known[0] != version:
                body = file.read_bytes()
                known = self._read[name] = (version, body, hashlib.sha256(body).digest()[:8])
        except OSError:
            return None
        return known[1], known[2]
