"""The server's side of registrations: reading Register and Update, and the table of who is registered.

Source: TS 1.1 Core, §6.2. Pure; the owner gives the time and asks at the ``deadline`` for what has expired.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, ValuesView
from math import inf
from typing import Final, NamedTuple

from simulator.coap.codes import BAD_REQUEST, FORMAT_LINK, PRECONDITION_FAILED, UNSUPPORTED_CONTENT_FORMAT
from simulator.coap.message import Message
from simulator.lwm2m.links import LinkFormatError, RegistrationLinks, parse_registration
from simulator.lwm2m.refusal import RefusedError
from simulator.lwm2m.registration import REGISTER_PATH

LIFETIME_DEFAULT_S: Final = 86400
VERSIONS: Final = ("1.0", "1.1")

_LIFETIME: Final = re.compile(r"[0-9]{1,10}", re.ASCII)
_LIFETIME_MAX_S: Final = 2**32 - 1
_SLACK: Final = 64
"""Times of registrations that are gone which the table may keep, beyond as many as there are registrations."""
_BINDING_1_0: Final = re.compile(r"UQ?S?|SQ?|UQS", re.ASCII)
_BINDING_1_1: Final = re.compile(r"(?!.*(.).*\1)[UMHTSN]{1,6}", re.ASCII)


class RegisterRequest(NamedTuple):
    """What a Register says."""

    endpoint: str
    lifetime_s: int
    version: str
    binding: str
    queue: bool
    links: RegistrationLinks


class UpdateRequest(NamedTuple):
    """What an Update changes; None leaves a term as it is."""

    lifetime_s: int | None
    binding: str | None
    links: RegistrationLinks | None


def parse_register(message: Message) -> RegisterRequest:
    """The Register of a request to ``/rd``. Parameters that are not known are passed over.

    Raises:
        RefusedError: 4.00 without endpoint, or with a parameter or links that are malformed; 4.12 a version that is not
            known here; 4.15 a payload that is no link format.
    """
    query = _parameters(message.query)
    version = query.get("lwm2m") or "1.0"
    if version not in VERSIONS:
        raise RefusedError(PRECONDITION_FAILED, f"lwm2m={version:.20} is not one of {', '.join(VERSIONS)}")
    endpoint = query.get("ep")
    if not endpoint:
        raise RefusedError(BAD_REQUEST, "a Register without endpoint (ep)")
    binding = query.get("b") or "U"
    _check_binding(binding, version)
    lifetime = _lifetime(query["lt"]) if "lt" in query else LIFETIME_DEFAULT_S
    queue = "Q" in query or "Q" in binding
    return RegisterRequest(endpoint, lifetime, version, binding, queue, _links(message))


def parse_update(message: Message, version: str = "1.1") -> UpdateRequest:
    """The Update of a request to a registration of this LwM2M version.

    Raises:
        RefusedError: 4.00 for a malformed parameter or malformed links, 4.15 for a payload that is no link format.
    """
    query = _parameters(message.query)
    binding = query.get("b")
    if "b" in query:
        _check_binding(binding or "", version)
    lifetime = _lifetime(query["lt"]) if "lt" in query else None
    return UpdateRequest(lifetime, binding, _links(message) if message.payload else None)


def _parameters(query: Iterable[str]) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for argument in query:
        name, _, value = argument.partition("=")
        if name in parameters:
            raise RefusedError(BAD_REQUEST, f"the parameter {name!r:.40} stands twice")
        parameters[name] = value
    return parameters


def _lifetime(text: str) -> int:
    if _LIFETIME.fullmatch(text) and 1 <= int(text) <= _LIFETIME_MAX_S:
        return int(text)
    raise RefusedError(BAD_REQUEST, f"lt={text:.20} is no lifetime in seconds")


def _check_binding(binding: str, version: str) -> None:
    pattern = _BINDING_1_0 if version == "1.0" else _BINDING_1_1
    if not pattern.fullmatch(binding):
        raise RefusedError(BAD_REQUEST, f"b={binding:.20} is no binding of LwM2M {version}")


def _links(message: Message) -> RegistrationLinks:
    if message.content_format not in (FORMAT_LINK, -1):
        raise RefusedError(UNSUPPORTED_CONTENT_FORMAT, "the objects of a registration are in link format (40)")
    try:
        return parse_registration(message.payload)
    except LinkFormatError as error:
        raise RefusedError(BAD_REQUEST, str(error)) from None


class Entry:
    """One registration at a server.

    Attributes:
        id: the last segment of its location.
        peer: where its requests came from last, in the terms of the owner.
        expires_at: when it ends unless it is updated.
    """

    __slots__ = ("expires_at", "id", "peer", "registered_at", "request")

    def __init__(self, id_: str, request: RegisterRequest, peer: object, now: float) -> None:
        self.id = id_
        self.request = request
        self.peer = peer
        self.registered_at = now
        self.expires_at = now + request.lifetime_s

    @property
    def endpoint(self) -> str:
        """Endpoint Client Name."""
        return self.request.endpoint

    @property
    def location(self) -> tuple[str, ...]:
        """Location-Path segments, such as ``("rd", "7")``."""
        return (*REGISTER_PATH, self.id)


class RegistrationTable:
    """Who is registered, by endpoint and by registration id.

    ``prefix`` begins every id. A server gives each of its starts another one, so that an Update to a registration of an
    earlier start finds nothing (4.04) instead of another device.
    """

    __slots__ = ("_by_endpoint", "_by_id", "_count", "_heap", "_prefix")

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self._count = 0
        self._by_endpoint: dict[str, Entry] = {}
        self._by_id: dict[str, Entry] = {}
        self._heap: list[tuple[float, str]] = []
        """Times not later than an entry's ``expires_at``; an Update moves the entry only when its time comes."""

    def __len__(self) -> int:
        return len(self._by_id)

    def entries(self) -> ValuesView[Entry]:
        """All registrations, the oldest first."""
        return self._by_id.values()

    def by_endpoint(self, endpoint: str) -> Entry | None:
        """The registration of an endpoint, or None."""
        return self._by_endpoint.get(endpoint)

    def by_id(self, id_: str) -> Entry | None:
        """The registration of an id, or None."""
        return self._by_id.get(id_)

    def register(self, request: RegisterRequest, peer: object, now: float) -> tuple[Entry, Entry | None]:
        """Add a registration; returns it, and the one of the same endpoint that it replaces."""
        replaced = self._by_endpoint.get(request.endpoint)
        if replaced is not None:
            self._remove(replaced)
        self._count += 1
        entry = Entry(f"{self._prefix}{self._count}", request, peer, now)
        self._by_endpoint[request.endpoint] = entry
        self._by_id[entry.id] = entry
        heapq.heappush(self._heap, (entry.expires_at, entry.id))
        return entry, replaced

    def update(self, id_: str, request: UpdateRequest, peer: object, now: float) -> Entry | None:
        """Renew a registration and change its terms; None where there is none (to be answered with 4.04)."""
        entry = self._by_id.get(id_)
        if entry is None:
            return None
        changes = {name: value for name, value in request._asdict().items() if value is not None}
        if changes:
            entry.request = entry.request._replace(**changes)
        entry.peer = peer
        before = entry.expires_at
        entry.expires_at = now + entry.request.lifetime_s
        if entry.expires_at < before:
            heapq.heappush(self._heap, (entry.expires_at, id_))
        return entry

    def deregister(self, id_: str) -> Entry | None:
        """Take a registration away; None where there is none (to be answered with 4.04)."""
        entry = self._by_id.get(id_)
        if entry is not None:
            self._remove(entry)
        return entry

    def _remove(self, entry: Entry) -> None:
        del self._by_id[entry.id]
        del self._by_endpoint[entry.endpoint]
        heap = self._heap
        if len(heap) > 2 * len(self._by_id) + _SLACK:
            # Devices that register again and again with long lifetimes would else leave their old times here.
            heap[:] = [(present.expires_at, id_) for id_, present in self._by_id.items()]
            heapq.heapify(heap)
        while heap and heap[0][1] not in self._by_id:
            heapq.heappop(heap)

    def expire(self, now: float) -> list[Entry]:
        """Take away what has ended by now; returns it, the earliest first."""
        ended = []
        while self._heap and self._heap[0][0] <= now:
            _, id_ = heapq.heappop(self._heap)
            entry = self._by_id.get(id_)
            if entry is None:
                continue
            if entry.expires_at > now:
                heapq.heappush(self._heap, (entry.expires_at, id_))
            else:
                ended.append(entry)
                self._remove(entry)
        return ended

    @property
    def deadline(self) -> float:
        """When to call ``expire``: not later than the first end, and at times before it; ``inf`` for never."""
        return self._heap[0][0] if self._heap else inf
