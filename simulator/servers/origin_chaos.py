"""A package origin that misbehaves on purpose: what devices are tested with.

The defects stand before the sound handlers, CoAP's and HTTP's alike, and meet each request by chance. An origin does
not know which device asks, so what it does wrong is told without one.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from simulator.coap.codes import MAX_AGE, SERVICE_UNAVAILABLE, code_text
from simulator.coap.exchange import Response
from simulator.coap.message import uint_bytes
from simulator.coap.server import respond
from simulator.events import NOT_KNOWN, FaultApplied
from simulator.servers.http_packages import Answer
from simulator.servers.wire import Between, meddled, straight

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulator.coap.endpoint import Endpoint
    from simulator.coap.message import Message
    from simulator.ports import DatagramReceiver
    from simulator.servers.http_packages import HttpPackages
    from simulator.servers.package_origin import PackageOrigin

SEAM: Final = "origin"
SHIFT: Final = 16
"""By how many bytes an altered body is out of place: the smallest block (RFC 7959 §2.2)."""


@dataclass(frozen=True, slots=True)
class OriginChaos:
    """What an origin does wrong; shares of the requests, from 0 to 1."""

    seed: int = 0
    silent: float = 0.0
    """Never answered: acknowledged over CoAP, accepted over HTTP."""
    busy: float = 0.0
    """Answered with 5.03 (503)."""
    busy_for: float = 60.0
    """Max-Age (RFC 7252 §5.9.3.4) or Retry-After (RFC 9110 §10.2.3) of these, in seconds."""
    alters: float = 0.0
    """Answered with what belongs to another place of the package, under the same ETag."""
    late: float = 0.0
    """Answered late; acknowledged at once over datagrams."""
    late_by: float = 10.0
    """How late, in seconds."""
    breaks: float = 0.0
    """Over a stream: in the middle of the answer the connection is reset (HTTP), or in place of it closed (CoAP)."""
    drops: float = 0.0
    """Share of the datagrams that are lost, in and out."""


class Defects:
    """Puts chaos before the handlers of an origin.

    Args:
        chaos: what goes wrong.
        on_act: told the name of an act and its details.
    """

    def __init__(self, chaos: OriginChaos, on_act: Callable[[str, str], None]) -> None:
        self.chaos = chaos
        self.act = on_act
        self._dice = random.Random(chaos.seed)
        self._dropped = False

    def wire(self, receiver: DatagramReceiver) -> Between:
        """What stands between peers over datagrams and their port."""
        return meddled(receiver, self) if self.chaos.drops else straight(receiver)

    def passes(self, data: bytes, peer: tuple[str, int], way: str) -> bytes:  # noqa: ARG002  all peers are the same
        """A datagram, unless it is lost; the first is told of."""
        if self._dice.random() >= self.chaos.drops:
            return data
        if not self._dropped:
            self._dropped = True
            self.act("drops", f"a datagram of {len(data)} bytes, {way}, is lost")
        return b""

    def drawn(self) -> str:
        """What goes wrong with the next request; empty for nothing."""
        chaos = self.chaos
        for name in ("silent", "busy", "alters", "late", "breaks"):
            if self._dice.random() < getattr(chaos, name):
                return name
        return ""

    def coap(self, sound: PackageOrigin) -> ChaoticOrigin:
        """The CoAP handler with defects."""
        return ChaoticOrigin(sound, self)

    def http(self, sound: HttpPackages) -> ChaoticPackages:
        """The answers of the web server with defects."""
        return ChaoticPackages(sound, self)


class ChaoticOrigin:
    """A CoAP handler that answers as ``sound`` does, or otherwise."""

    def __init__(self, sound: PackageOrigin, defects: Defects) -> None:
        self._sound = sound
        self._defects = defects

    def on_request(self, endpoint: Endpoint, request: Message, now: float) -> Response | None:
        """Answer a request; None where it will never be answered."""
        response = self._sound.on_request(endpoint, request, now)
        drawn, defects = self._defects.drawn(), self._defects
        if not drawn:
            return response
        path = "/" + "/".join(request.path)
        if drawn == "late" and response is not None:
            defects.act(drawn, f"{path} is answered after {defects.chaos.late_by:g} s")
            loop = asyncio.get_running_loop()
            loop.call_later(defects.chaos.late_by, self._answer, endpoint, request, response, now)
            return None
        if drawn == "breaks":
            if endpoint.ORDERED:
                defects.act(drawn, f"{path}: the connection is closed")
                asyncio.get_running_loop().call_soon(endpoint.close, now)
            return None if endpoint.ORDERED else response
        if drawn == "alters":
            if response is None or not response.payload:
                return response
            defects.act(drawn, f"{path}: {code_text(response.code)} is {SHIFT} bytes out of place")
            body = response.payload[SHIFT:] + response.payload[:SHIFT]
            return Response(response.code, body, response.options, etag=response.etag)
        defects.act(drawn, path)
        if drawn == "silent":
            return None
        return Response(SERVICE_UNAVAILABLE, options=[(MAX_AGE, uint_bytes(int(defects.chaos.busy_for)))])

    def _answer(self, endpoint: Endpoint, request: Message, response: Response, asked_at: float) -> None:
        if not endpoint.closed:
            respond(endpoint, request, response, asked_at + self._defects.chaos.late_by)

    def open_upload(self, endpoint: Endpoint, request: Message, now: float) -> Response:
        """Nothing can be uploaded here."""
        return self._sound.open_upload(endpoint, request, now)

    def on_observation_ended(self, endpoint: Endpoint, key: object, now: float) -> None:
        """Packages are not observed."""


class ChaoticPackages:
    """Answers as a sound set of packages does, or otherwise."""

    def __init__(self, sound: HttpPackages, defects: Defects) -> None:
        self._sound = sound
        self._defects = defects

    def answer(self, method: str, path: str, headers: Mapping[str, str]) -> Answer:
        """Answer a request."""
        answer = self._sound.answer(method, path, headers)
        drawn, defects = self._defects.drawn(), self._defects
        if not drawn:
            return answer
        if drawn == "alters":
            if not answer.body:
                return answer
            defects.act(drawn, f"{path}: the body of {answer.status} is {SHIFT} bytes out of place")
            return answer._replace(body=memoryview(bytes(answer.body[SHIFT:]) + bytes(answer.body[:SHIFT])))
        if drawn == "late":
            defects.act(drawn, f"{path} is answered after {defects.chaos.late_by:g} s")
            return answer._replace(waits=defects.chaos.late_by)
        if drawn == "breaks":
            if len(answer.body) < 2:
                return answer
            defects.act(drawn, f"{path}: the connection is reset after {len(answer.body) // 2} bytes")
            return answer._replace(stops=len(answer.body) // 2)
        defects.act(drawn, path)
        if drawn == "silent":
            return answer._replace(stops=0, holds=True)
        return Answer(503, {"Retry-After": str(int(defects.chaos.busy_for))})


def defects_of(chaos: str, now: Callable[[], float], emit: Callable[[FaultApplied], None]) -> Defects | None:
    """The defects that a text names; None where it is empty.

    Args:
        chaos: an object of the fields of ``OriginChaos``, as JSON.
        now: the clock.
        emit: told of each act.

    Raises:
        ValueError, TypeError: the text is no such object.
    """
    if not chaos:
        return None

    def act(name: str, detail: str) -> None:
        emit(FaultApplied(now(), NOT_KNOWN, name, SEAM, detail))

    return Defects(OriginChaos(**json.loads(chaos)), act)
