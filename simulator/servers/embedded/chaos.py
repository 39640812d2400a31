"""An embedded server that misbehaves on purpose: what a device and a verdict are tested with.

``ChaoticServer`` stands in the place of the sound server and changes what goes through its three doors: requests of
devices (``answer``), operations (``call``) and observations (``observe``). The sound server knows nothing of it. Which
devices meet it, and which of their requests, follows from the seed and the Endpoint Client Name alone.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from simulator.coap.call import Result
from simulator.coap.codes import CREATED, MAX_AGE, POST, PUT, SERVICE_UNAVAILABLE, URI_PATH
from simulator.coap.exchange import Response
from simulator.coap.message import uint_bytes
from simulator.lwm2m.refusal import RefusedError
from simulator.lwm2m.registration_table import parse_register
from simulator.servers.embedded.core import RD, LwM2mServer, UnknownEndpointError
from simulator.servers.embedded.defects import Chaos, Misbehaved
from simulator.servers.embedded.meddling import Meddling
from simulator.servers.embedded.slow import Slow, impatient
from simulator.servers.embedded.spoilt import SpoiltAnswers
from simulator.servers.wire import Between, meddled

if TYPE_CHECKING:
    from simulator.coap.message import Message, Options
    from simulator.ports import DatagramReceiver
    from simulator.servers.embedded.core import Happened
    from simulator.servers.embedded.queue_mode import GiveUp
    from simulator.servers.ways import Whereabouts

PACKAGE: Final = "/5/0/0"
PACKAGE_URI: Final = "/5/0/1"

Later = Callable[[float, Callable[[], None]], object]
"""Calls a function after some seconds, such as ``loop.call_later``."""


class ChaoticServer(LwM2mServer):
    """A server with defects.

    Args:
        now: the clock.
        on_event: told of registrations; not of those that are forgotten.
        prefix: begins every registration id.
        chaos: what it does wrong.
        on_act: told of each act.
        later: calls a function after some seconds.
    """

    def __init__(
        self,
        now: Callable[[], float],
        on_event: Callable[[Happened], None],
        prefix: str,
        chaos: Chaos,
        on_act: Callable[[Misbehaved], None],
        later: Later,
    ) -> None:
        super().__init__(now, on_event, prefix)
        self.chaos = chaos
        self._on_act = on_act
        self._later = later
        self._dice: dict[str, random.Random] = {}
        self._observed: dict[tuple[str, str], str] = {}
        """The registration for which a path of a device was observed first."""
        self._spoilt: dict[str, SpoiltAnswers] = {}
        self._places: dict[tuple[str, int], str] = {}
        """The devices that meet it, by the address of their last Register or Update."""
        self._restarts = chaos.restarts_after is not None
        self._slow: set[str] = set()

    def wire(self, receiver: DatagramReceiver) -> Between:
        """What meddles with datagrams."""
        if not self.chaos.meddles:
            return super().wire(receiver)
        return meddled(receiver, Meddling(self.chaos, lambda peer: self._places.get(peer, ""), self._act))

    def _meets(self, endpoint: str) -> bool:
        """Whether a device meets the chaos."""
        dice = self._dice.get(endpoint)
        if dice is None:
            chosen = random.Random(f"{self.chaos.seed} chosen {endpoint}").random() < self.chaos.share
            dice = self._dice[endpoint] = random.Random(f"{self.chaos.seed} {endpoint}") if chosen else _SPARED
        return dice is not _SPARED

    def _act(self, endpoint: str, act: str, detail: str) -> None:
        self._on_act(Misbehaved(endpoint, act, detail))

    # -- requests of devices ---------------------------------------------------------------------------------------

    def answer(self, request: Message, whereabouts: Whereabouts, now: float) -> Response | None:
        """Register, Update or De-register; None where it will never be answered."""
        endpoint = self._who(request)
        if not endpoint or not self._meets(endpoint):
            return super().answer(request, whereabouts, now)
        chaos, dice = self.chaos, self._dice[endpoint]
        if dice.random() < chaos.silent:
            self._act(endpoint, "silent", "a request was acknowledged, and is never answered")
            return None
        if dice.random() < chaos.busy:
            self._act(endpoint, "busy", f"5.03 with Max-Age {chaos.busy_for:g} s")
            return Response(SERVICE_UNAVAILABLE, options=[(MAX_AGE, uint_bytes(int(chaos.busy_for)))])
        response = super().answer(request, whereabouts, now)
        self._places[whereabouts.address] = endpoint
        if self._restarts and response is not None and response.code == CREATED:
            self._restarts = False
            assert chaos.restarts_after is not None
            self._later(chaos.restarts_after, self._restart)
        if response is not None and response.code == CREATED and chaos.forgets_after is not None:
            entry = self.table.by_endpoint(endpoint)
            assert entry is not None
            self._later(chaos.forgets_after, lambda: self._forget(endpoint, entry.id))
        if response is not None and dice.random() < chaos.late:
            self._act(endpoint, "late", f"a request is answered after {chaos.late_by:g} s")
            self._later(chaos.late_by, lambda: self._answer_late(request, response, whereabouts))
            return None
        return response

    def _answer_late(self, request: Message, response: Response, whereabouts: Whereabouts) -> None:
        endpoint = self.ways[whereabouts.scheme].endpoint(whereabouts.address)
        if endpoint is not None:
            endpoint.answer_later(request, (response.code, response.options, response.payload), self._now())

    def _who(self, request: Message) -> str:
        """Whose Register or Update this is; empty for anything else."""
        path = request.path
        if request.code != POST or path[:1] != (RD,):
            return ""
        if len(path) == 2:
            entry = self.table.by_id(path[1])
            return "" if entry is None else entry.endpoint
        try:
            return parse_register(request).endpoint
        except RefusedError:
            return ""

    def _forget(self, endpoint: str, number: str) -> None:
        entry = self.table.deregister(number)
        if entry is not None:
            self._left(entry)
            self._act(endpoint, "forgets_after", f"registration {number} is forgotten")

    def _restart(self) -> None:
        """Forget everybody at once, as a process does that keeps nothing; its connections end with it."""
        for entry in [entry for entry in self.table.entries() if self._meets(entry.endpoint)]:
            peer = self._reach(entry)
            self.table.deregister(entry.id)
            self._left(entry)
            self._act(entry.endpoint, "restarts_after", f"registration {entry.id} is forgotten by a restart")
            if peer is not None and peer.ORDERED:
                peer.close(self._now())

    # -- operations on devices -------------------------------------------------------------------------------------

    def _slowly(self, name: str, ask: Callable[[], GiveUp], done: Callable[[Result], None]) -> GiveUp:
        """Ask a device later than it should be asked."""
        self._device(name)
        asked = Slow(ask, done)
        if name not in self._slow:
            self._slow.add(name)
            self._act(name, "slow_by", f"it is asked {self.chaos.slow_by:g} s later, here and from here on")
        self._later(self.chaos.slow_by, asked.begin)
        return asked.give_up

    def call(self, name: str, code: int, options: Options, body: bytes, done: Callable[[Result], None]) -> GiveUp:
        """Send a request to a registered device; returns what gives it up.

        Raises:
            UnknownEndpointError: there is no such device.
        """
        if not self._meets(name):
            return super().call(name, code, options, body, done)
        if self.chaos.slow_by:
            return self._slowly(name, partial(self._ask, name, code, options, body, done), done)
        return self._ask(name, code, options, body, done)

    def _ask(self, name: str, code: int, options: Options, body: bytes, done: Callable[[Result], None]) -> GiveUp:
        path = path_of(options)
        if code != PUT or path not in (PACKAGE, PACKAGE_URI):
            return super().call(name, code, options, body, self._answers(name).read(path, done))
        chaos = self.chaos
        if path == PACKAGE and chaos.alters_push and body:
            body = body[: len(body) // 2] + body[len(body) // 2 + 1 :]
            self._act(name, "alters_push", f"byte {len(body) // 2} of the package is left out")
        if chaos.retries_every is not None:
            done = self._again(name, options, body, done)
        if path == PACKAGE and chaos.gives_up_after is not None:
            return self._impatient(name, options, body, done)
        return super().call(name, code, options, body, done)

    def _impatient(self, name: str, options: Options, body: bytes, done: Callable[[Result], None]) -> GiveUp:
        after = self.chaos.gives_up_after
        assert after is not None

        def told() -> None:
            self._act(name, "gives_up_after", f"a push is given up after {after:g} s")

        return impatient(partial(super().call, name, PUT, options, body), done, partial(self._later, after), told)

    def _again(
        self, name: str, options: Options, body: bytes, done: Callable[[Result], None]
    ) -> Callable[[Result], None]:
        """``done``, after which the same Write is made again and again."""
        assert self.chaos.retries_every is not None
        pause = self.chaos.retries_every
        send = super().call

        def repeat() -> None:
            try:
                send(name, PUT, options, body, later)
            except UnknownEndpointError:
                self._later(pause, repeat)
            else:
                self._act(name, "retries_every", f"Write of {path_of(options)} is made again")

        def later(_result: Result) -> None:
            self._later(pause, repeat)

        def first(result: Result) -> None:
            done(result)
            later(result)

        return first

    def observe(
        self, name: str, path: str, options: Options, code: int, done: Callable[[Result], None]
    ) -> Callable[[], None]:
        """Observe a path of a registered device; ``done`` gets the answer and what is passed on.

        Raises:
            UnknownEndpointError: there is no such device.
        """
        entry = self.table.by_endpoint(name)
        if entry is None or not self._meets(name):
            return super().observe(name, path, options, code, done)
        if self.chaos.slow_by:
            return self._slowly(name, partial(self._watch, name, path, options, code, done), done)
        return self._watch(name, path, options, code, done)

    def _watch(self, name: str, path: str, options: Options, code: int, done: Callable[[Result], None]) -> GiveUp:
        entry = self._device(name)[1]
        first = self._observed.setdefault((name, path), entry.id)
        done = self._answers(name).observation(path, done)
        if self.chaos.observes_once and first != entry.id:
            self._act(name, "observes_once", f"{path} is read and not observed again")
            return super().call(name, code, options, b"", done)
        return super().observe(name, path, options, code, done)

    def _answers(self, name: str) -> SpoiltAnswers:
        spoilt = self._spoilt.get(name)
        if spoilt is None:
            chaos = self.chaos
            spoilt = self._spoilt[name] = SpoiltAnswers(
                chaos.misses, chaos.result, lambda act, detail: self._act(name, act, detail)
            )
        return spoilt


def server_with(
    chaos: str,
    now: Callable[[], float],
    on_event: Callable[[Happened], None],
    on_act: Callable[[Misbehaved], None],
    later: Later,
    prefix: str = "",
) -> LwM2mServer:
    """A server with the defects that a text names, sound where it is empty.

    Args:
        chaos: an object of the fields of ``Chaos``, as JSON.
        now, on_event, on_act, later, prefix: as ``ChaoticServer`` has them.

    Raises:
        ValueError, TypeError: the text is no such object.
    """
    if not chaos:
        return LwM2mServer(now, on_event, prefix)
    settings = Chaos(**json.loads(chaos))
    settings = replace(settings, misses=tuple(settings.misses))
    return ChaoticServer(now, on_event, prefix, settings, on_act, later)


_SPARED: Final = random.Random(0)
"""Stands for a device that does not meet the chaos; never rolled."""


def path_of(options: Options) -> str:
    """The path of a request, such as ``/5/0/1``."""
    return "".join("/" + value.decode("utf-8", "replace") for number, value in options if number == URI_PATH)


__all__ = ["Chaos", "ChaoticServer", "Misbehaved", "path_of", "server_with"]
