"""The transports of a server: how its peers are found again, and who they have shown to be."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from simulator.coap.codes import FORBIDDEN
from simulator.lwm2m.refusal import RefusedError
from simulator.security.authority import subject_of
from simulator.security.credentials import Peer, Psk, PskStore

if TYPE_CHECKING:
    from simulator.coap.endpoint import Endpoint
    from simulator.coap.exchange import Response
    from simulator.coap.message import Message

NOBODY: Final = Peer()
"""Who a peer has shown to be over a transport without security."""


class Way(Protocol):
    """The peers behind one transport."""

    def endpoint(self, peer: tuple[str, int], /) -> Endpoint | None:
        """The endpoint towards a peer; None where it can only be reached by a connection that is gone."""


class Whereabouts(NamedTuple):
    """Where a device was when it last registered or updated."""

    scheme: str
    address: tuple[str, int]
    peer: Peer = NOBODY


class Served(Protocol):
    """A server that takes requests from several transports."""

    def answer(self, request: Message, whereabouts: Whereabouts, now: float) -> Response | None:
        """Answer a request; None: later."""

    def open_upload(self, endpoint: Endpoint, request: Message, now: float) -> Response | None:
        """Whether a long request is assembled."""


class Side:
    """The CoAP handler of one transport of a server.

    Args:
        served: answers.
        scheme: of the transport.
        who: tells who a peer has shown to be; None for a transport without security.
    """

    def __init__(self, served: Served, scheme: str, who: Callable[[tuple[str, int]], Peer | None] | None) -> None:
        self._served = served
        self.scheme = scheme
        self._who = who

    def whereabouts(self, peer: tuple[str, int]) -> Whereabouts:
        """Where a peer is, and who."""
        return Whereabouts(self.scheme, peer, NOBODY if self._who is None else self._who(peer) or NOBODY)

    def on_request(self, endpoint: Endpoint, request: Message, now: float) -> Response | None:
        """Answer a request; None: later."""
        return self._served.answer(request, self.whereabouts(endpoint.user), now)  # type: ignore[arg-type]

    def open_upload(self, endpoint: Endpoint, request: Message, now: float) -> Response | None:
        """Whether a long request is assembled."""
        return self._served.open_upload(endpoint, request, now)

    def on_observation_ended(self, endpoint: Endpoint, key: object, now: float) -> None:
        """Peers observe nothing here."""


class Keyring:
    """Which devices have which credentials: who may register as whom.

    ``psks`` are the keys for the handshakes. A device with credentials may come only with these, one without only over
    a transport without security (OMA LwM2M TS 1.1 Transport, §5.2).
    """

    def __init__(self) -> None:
        self.psks = PskStore()
        self._shown: dict[str, Peer] = {}

    def add_psk(self, endpoint: str, psk: Psk) -> None:
        """A device comes by this key from now on."""
        self.remove(endpoint)
        self.psks.add(psk)
        self._shown[endpoint] = Peer(psk_identity=psk.identity)

    def add_certificate(self, endpoint: str) -> None:
        """A device comes by a certificate whose common name is its Endpoint Client Name from now on."""
        self.remove(endpoint)
        self._shown[endpoint] = Peer(subject=subject_of(endpoint))

    def remove(self, endpoint: str) -> None:
        """A device has no credentials any more."""
        known = self._shown.pop(endpoint, NOBODY)
        if known.psk_identity:
            self.psks.remove(known.psk_identity)

    def admit(self, endpoint: str, peer: Peer) -> None:
        """Let a device register that has shown this.

        Raises:
            RefusedError: 4.03; it is not the device's.
        """
        wanted = self._shown.get(endpoint, NOBODY)
        if peer != wanted:
            reason = "its credentials are another's" if wanted is not NOBODY else "it has no credentials here"
            raise RefusedError(FORBIDDEN, f"{endpoint} may not register like this: {reason}")
