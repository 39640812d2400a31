"""A package origin: a CoAP server that gives packages out block by block (RFC 7959), and nothing else.

Packages stay in memory once, and every block is a slice of them. The ETag is a part of the package's SHA-256, so that a
download that was interrupted can go on, and one whose package was exchanged cannot.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from simulator.coap.codes import CONTENT, CONTENT_FORMAT, FORMAT_OPAQUE, GET, METHOD_NOT_ALLOWED, NOT_FOUND
from simulator.coap.exchange import Response
from simulator.coap.message import uint_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulator.coap.endpoint import Endpoint
    from simulator.coap.message import Message

ETAG_LENGTH = 8


class PackageOrigin:
    """A CoAP handler over a set of packages.

    Args:
        packages: the bytes by path, such as ``fw/good.bin``.
    """

    def __init__(self, packages: Mapping[str, bytes]) -> None:
        options = [(CONTENT_FORMAT, uint_bytes(FORMAT_OPAQUE))]
        self._responses = {
            tuple(path.strip("/").split("/")): Response(
                CONTENT, body, options, etag=hashlib.sha256(body).digest()[:ETAG_LENGTH]
            )
            for path, body in packages.items()
        }
        self.requests = 0

    def on_request(self, endpoint: Endpoint, request: Message, now: float) -> Response:  # noqa: ARG002
        """Give a package, or say that there is none."""
        self.requests += 1
        response = self._responses.get(request.path)
        if response is None:
            return Response(NOT_FOUND)
        return response if request.code == GET else Response(METHOD_NOT_ALLOWED)

    def open_upload(self, endpoint: Endpoint, request: Message, now: float) -> Response:  # noqa: ARG002
        """Nothing can be uploaded here."""
        return Response(METHOD_NOT_ALLOWED)

    def on_observation_ended(self, endpoint: Endpoint, key: object, now: float) -> None:
        """Packages are not observed."""
