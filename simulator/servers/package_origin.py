"""A package origin: a CoAP server that gives packages out block by block (RFC 7959), and nothing else.

Packages stay in memory once, and every block is a slice of them. The ETag is a part of the package's SHA-256, so that a
download that was interrupted can go on, and one whose package was exchanged cannot. Some paths are troubled on purpose
(``simulator.servers.troubles``).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from simulator.coap.block import unit_shift
from simulator.coap.codes import BLOCK2, CONTENT, CONTENT_FORMAT, FORMAT_OPAQUE, GET, METHOD_NOT_ALLOWED, NOT_FOUND
from simulator.coap.exchange import Response
from simulator.coap.message import uint_bytes
from simulator.servers.troubles import REFUSALS, STALLS, Exchanges, Trouble, other_etag, trouble_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulator.coap.endpoint import Endpoint
    from simulator.coap.message import Message
    from simulator.servers.exchanges import SharedExchanges

ETAG_LENGTH = 8


class PackageOrigin:
    """A CoAP handler over a set of packages.

    Args:
        packages: the bytes by path, such as ``fw/good.bin``.
        exchanges: what other processes know of packages that were exchanged, too.
    """

    def __init__(self, packages: Mapping[str, bytes], exchanges: SharedExchanges | None = None) -> None:
        options = [(CONTENT_FORMAT, uint_bytes(FORMAT_OPAQUE))]
        self._responses = {
            tuple(path.strip("/").split("/")): Response(
                CONTENT, body, options, etag=hashlib.sha256(body).digest()[:ETAG_LENGTH]
            )
            for path, body in packages.items()
        }
        self._exchanges = exchanges or Exchanges()
        self.requests = 0

    def on_request(self, endpoint: Endpoint, request: Message, now: float) -> Response | None:  # noqa: ARG002
        """Give a package, or say that there is none; None where there is trouble, and no answer ever."""
        self.requests += 1
        response = self._responses.get(request.path)
        if response is None:
            trouble = trouble_at("/".join(request.path))
            return Response(NOT_FOUND) if trouble is None else self._troubled(trouble, request)
        return response if request.code == GET else Response(METHOD_NOT_ALLOWED)

    def _troubled(self, trouble: Trouble, request: Message) -> Response | None:
        if trouble.name in REFUSALS:
            return Response(REFUSALS[trouble.name])
        good = self._responses.get(tuple(trouble.file.split("/")))
        if good is None:
            return Response(NOT_FOUND)
        block = request.uint(BLOCK2)
        begins_at = max(block, 0) >> 4 << unit_shift(max(block, 0) & 7)
        reached = begins_at >= trouble.share * len(good.payload)
        if trouble.name == STALLS:
            return None if reached else good
        if reached:
            self._exchanges.exchange(trouble)
        if not self._exchanges.took_place(trouble):
            return good
        return Response(CONTENT, good.payload, good.options, etag=other_etag(good.payload, ETAG_LENGTH))

    def open_upload(self, endpoint: Endpoint, request: Message, now: float) -> Response:  # noqa: ARG002
        """Nothing can be uploaded here."""
        return Response(METHOD_NOT_ALLOWED)

    def on_observation_ended(self, endpoint: Endpoint, key: object, now: float) -> None:
        """Packages are not observed."""
