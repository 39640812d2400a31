"""A small LwM2M server on the project's own CoAP engine: registrations, and operations on registered devices.

It is the default server under test, so that a newcomer needs nothing else, and the yardstick of the engine: it does
what an LwM2M server has to do for firmware updates and keeps no more state than that needs.

Source: OMA LwM2M TS 1.1 Core, §6.2 (registration) and §6.3, §6.4 (operations).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from simulator.coap.call import Call, Result
from simulator.coap.codes import (
    CHANGED,
    CREATED,
    DELETE,
    DELETED,
    FORBIDDEN,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    POST,
    SERVICE_UNAVAILABLE,
)
from simulator.coap.exchange import Response
from simulator.coap.requests import location_options
from simulator.lwm2m.refusal import RefusedError
from simulator.lwm2m.registration_table import Entry, RegistrationTable, parse_register, parse_update
from simulator.servers.embedded.asked import (
    NO_CONNECTION,
    Happened,
    Observing,
    UnknownEndpointError,
    in_queue_mode,
    nothing,
    repeat_lost,
)
from simulator.servers.embedded.queue_mode import GiveUp, RequestQueues, Send
from simulator.servers.ways import Keyring, Side, Way, Whereabouts
from simulator.servers.wire import Between, straight

if TYPE_CHECKING:
    from simulator.coap.endpoint import Endpoint
    from simulator.coap.message import Message, Options
    from simulator.ports import DatagramReceiver
    from simulator.security.credentials import Peer
    from simulator.servers.peers import PeerTable

RD: Final = "rd"
REGISTRATIONS_MAX: Final = 200_000
"""Registrations at once; further ones get 5.03, so that forged Registers cannot fill the memory."""


class LwM2mServer:
    """Registrations and operations, over every transport that it is given; itself the CoAP handler of plain coap.

    Args:
        now: the clock.
        on_event: told of registrations.
        prefix: begins every registration id.
    """

    def __init__(self, now: Callable[[], float], on_event: Callable[[Happened], None], prefix: str = "") -> None:
        self._now = now
        self._on_event = on_event
        self.table = RegistrationTable(prefix)
        self.ways: dict[str, Way] = {}
        """The transports by URI scheme."""
        self.keyring = Keyring()
        self._plain = Side(self, "coap", None)
        self._sides = {"coap": self._plain}
        self._observations: dict[str, dict[str, Observing]] = {}
        self.queues = RequestQueues(now)
        """Requests to devices in queue mode."""

    # -- transports ------------------------------------------------------------------------------------------------

    @property
    def peers(self) -> PeerTable:
        """The peers over plain coap."""
        return self.ways["coap"]  # type: ignore[return-value]

    @peers.setter
    def peers(self, table: PeerTable) -> None:
        self.ways["coap"] = table

    def side(self, scheme: str, who: Callable[[tuple[str, int]], Peer | None] | None = None) -> Side:
        """The CoAP handler of one more transport; ``who`` tells who a peer has shown to be."""
        side = self._sides[scheme] = Side(self, scheme, who)
        return side

    def wire(self, receiver: DatagramReceiver) -> Between:
        """What stands between peers over datagrams and their port: nothing, unless the server misbehaves."""
        return straight(receiver)

    # -- requests of devices ---------------------------------------------------------------------------------------

    def on_request(self, endpoint: Endpoint, request: Message, now: float) -> Response | None:
        """A request over plain coap."""
        return self._plain.on_request(endpoint, request, now)

    def answer(self, request: Message, whereabouts: Whereabouts, now: float) -> Response | None:
        """Register, Update or De-register."""
        path = request.path
        peer = whereabouts
        if not path or path[0] != RD or len(path) > 2:
            return Response(NOT_FOUND)
        try:
            if len(path) == 1:
                return self._register(request, peer, now) if request.code == POST else Response(METHOD_NOT_ALLOWED)
            if request.code == POST:
                return self._update(path[1], request, peer, now)
            if request.code == DELETE:
                return self._deregister(path[1], peer, now)
        except RefusedError as error:
            return Response(error.code, error.reason.encode())
        return Response(METHOD_NOT_ALLOWED)

    def open_upload(self, endpoint: Endpoint, request: Message, now: float) -> Response | None:  # noqa: ARG002
        """A Register may be longer than a block; it is assembled. Nothing else is taken."""
        return None if request.path[:1] == (RD,) else Response(NOT_FOUND)

    def on_observation_ended(self, endpoint: Endpoint, key: object, now: float) -> None:
        """Devices observe nothing here."""

    def _register(self, request: Message, peer: Whereabouts, now: float) -> Response:
        asked = parse_register(request)
        self.keyring.admit(asked.endpoint, peer.peer)
        if len(self.table) >= REGISTRATIONS_MAX and self.table.by_endpoint(asked.endpoint) is None:
            raise RefusedError(SERVICE_UNAVAILABLE, f"there are {REGISTRATIONS_MAX} registrations already")
        entry, replaced = self.table.register(asked, peer, now)
        if replaced is not None:
            self._left(replaced)
        self._woke(entry)
        self._on_event(Happened("registered", entry.endpoint, entry.id, replaced.id if replaced is not None else ""))
        return Response(CREATED, options=location_options(entry.location))

    def _known(self, number: str, peer: Whereabouts) -> Entry | None:
        """A registration of whoever asks, None where there is none.

        Raises:
            RefusedError: it is another device's.
        """
        known = self.table.by_id(number)
        if known is not None and _whereabouts(known).peer != peer.peer:
            raise RefusedError(FORBIDDEN, "the registration is another device's")
        return known

    def _update(self, number: str, request: Message, peer: Whereabouts, now: float) -> Response:
        known = self._known(number, peer)
        if known is None:
            return Response(NOT_FOUND)
        before, reached = known.peer, self._reach(known)
        entry = self.table.update(number, parse_update(request, known.request.version), peer, now)
        assert entry is not None
        self._woke(entry)
        if entry.peer != before:
            self._observe_anew(entry, reached)
        self._on_event(Happened("updated", entry.endpoint, entry.id))
        return Response(CHANGED)

    def _deregister(self, number: str, peer: Whereabouts, now: float) -> Response:  # noqa: ARG002
        if self._known(number, peer) is None:
            return Response(NOT_FOUND)
        entry = self.table.deregister(number)
        assert entry is not None
        self._left(entry)
        self._on_event(Happened("deregistered", entry.endpoint, entry.id, "deregister"))
        return Response(DELETED)

    def _woke(self, entry: Entry) -> None:
        if in_queue_mode(entry):
            self.queues.woke(entry.endpoint)
            # After the answer, which the device waits for.
            asyncio.get_running_loop().call_soon(lambda: repeat_lost(self._reach(entry), self._now()))

    def _observe_anew(self, entry: Entry, before: Endpoint | None) -> None:
        """A device has another address. What is observed of it stands (TS 1.1 Core, §6.2.2), but not the way there."""
        observations = self._observations.pop(entry.endpoint, {})
        for path, (call, code, options, done) in observations.items():
            if before is not None:
                before.finish(call)
            self.observe(entry.endpoint, path, options, code, done)

    def _left(self, entry: Entry) -> None:
        """A registration is over, and its observations with it (TS 1.1 Core, §6.4)."""
        self.queues.left(entry.endpoint, gone=self.table.by_endpoint(entry.endpoint) is None)
        observations = self._observations.pop(entry.endpoint, None)
        if observations:
            peer = self._reach(entry)
            for observing in observations.values():
                if peer is not None:
                    peer.finish(observing.call)

    def expire(self) -> None:
        """Drop registrations whose lifetime is over."""
        for entry in self.table.expire(self._now()):
            self._left(entry)
            self._on_event(Happened("deregistered", entry.endpoint, entry.id, "expired"))

    def registered_peers(self, scheme: str = "coap") -> set[tuple[str, int]]:
        """The addresses of the devices that are registered over a transport."""
        places = (_whereabouts(entry) for entry in self.table.entries())
        return {place.address for place in places if place.scheme == scheme}

    # -- operations on devices -------------------------------------------------------------------------------------

    def _device(self, name: str) -> tuple[Endpoint | None, Entry]:
        entry = self.table.by_endpoint(name)
        if entry is None:
            msg = f"no device is registered as {name!r}"
            raise UnknownEndpointError(msg)
        return self._reach(entry), entry

    def _reach(self, entry: Entry) -> Endpoint | None:
        """The endpoint of a registered device; None where its connection is gone, or another peer's by now."""
        place = _whereabouts(entry)
        if self._sides[place.scheme].whereabouts(place.address).peer != place.peer:
            return None
        return self.ways[place.scheme].endpoint(place.address)

    def call(
        self, name: str, code: int, options: Options, body: bytes, done: Callable[[Result], None]
    ) -> Callable[[], None]:
        """Send a request to a registered device, in queue mode when it is awake; returns what gives it up.

        Raises:
            UnknownEndpointError: there is no such device.
        """
        ask = partial(self._call, name, code, options, body)
        return self._when_awake(name, ask, done, repeatable=code != POST)

    def _when_awake(self, name: str, ask: Send, done: Callable[[Result], None], *, repeatable: bool) -> GiveUp:
        if not in_queue_mode(self._device(name)[1]):
            return ask(done)

        def asked(done: Callable[[Result], None]) -> GiveUp:
            try:
                return ask(done)
            except UnknownEndpointError:
                done(NO_CONNECTION)  # it has left since, and may come back
                return nothing

        return self.queues.ask(name, asked, done, repeatable=repeatable)

    def _call(self, name: str, code: int, options: Options, body: bytes, done: Callable[[Result], None]) -> GiveUp:
        endpoint, _ = self._device(name)
        if endpoint is None:
            done(NO_CONNECTION)
            return nothing
        call = Call(code, options, body, done, szx=endpoint.szx)
        call.start(endpoint, self._now())
        return lambda: endpoint.finish(call)

    def observe(
        self, name: str, path: str, options: Options, code: int, done: Callable[[Result], None]
    ) -> Callable[[], None]:
        """Observe a path of a registered device; ``done`` gets the answer and each notification.

        An earlier observation of the same path is dropped: the next notification for it is answered with a Reset.

        Raises:
            UnknownEndpointError: there is no such device.
        """
        return self._when_awake(name, partial(self._observe, name, path, options, code), done, repeatable=True)

    def _observe(self, name: str, path: str, options: Options, code: int, done: Callable[[Result], None]) -> GiveUp:
        endpoint, entry = self._device(name)
        known = self._observations.setdefault(entry.endpoint, {})
        before = known.pop(path, None)
        if before is not None and endpoint is not None:
            endpoint.finish(before.call)
        if endpoint is None:
            done(NO_CONNECTION)
            return nothing
        call = Call(code, options, b"", done, szx=endpoint.szx, observe=True)
        known[path] = Observing(call, code, options, done)
        call.start(endpoint, self._now())
        return lambda: endpoint.finish(call)

    def cancel(self, name: str, path: str) -> bool:
        """Forget an observation; whether there was one."""
        observing = self._observations.get(name, {}).pop(path, None)
        if observing is None:
            return False
        endpoint, _ = self._device(name)
        if endpoint is not None:
            endpoint.finish(observing.call)
        return True


def _whereabouts(entry: Entry) -> Whereabouts:
    place: Whereabouts = entry.peer  # type: ignore[assignment]
    return place


__all__ = ["Happened", "LwM2mServer", "UnknownEndpointError"]
