"""Observe (RFC 7641): what a server keeps per observation, and what a client does about order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from simulator.coap.block import Block, read_block
from simulator.coap.codes import BLOCK2, FETCH, GET, OBSERVE, is_success
from simulator.coap.exchange import Exchange, Failure
from simulator.coap.message import Message, Options, uint_bytes
from simulator.coap.requests import put_option

if TYPE_CHECKING:
    from simulator.coap.endpoint import Endpoint

OBSERVATIONS_MAX: Final = 64
"""Observations that one peer may hold; more are answered as plain requests."""

SEQUENCE_MODULUS: Final = 1 << 24
REORDER_WINDOW_S: Final = 128.0


class Observation:
    """One entry of a server's list of observers: who asked (token) and about what (key)."""

    __slots__ = ("key", "last_mid", "notification", "sequence", "szx", "token")

    def __init__(self, token: bytes, key: object, szx: int) -> None:
        self.token = token
        self.key = key
        self.szx = szx
        self.sequence = 0
        self.last_mid = -1
        """Message ID of the last non-confirmable notification, which a Reset may name."""
        self.notification: Notification | None = None
        """The last confirmable notification, perhaps still queued or under way."""

    def next_sequence(self) -> int:
        """The value of the next Observe option (RFC 7641 §4.4)."""
        self.sequence = (self.sequence + 1) % SEQUENCE_MODULUS
        return self.sequence


class Notification(Exchange):
    """A confirmable notification on its way."""

    __slots__ = ("observation",)

    def __init__(self, observation: Observation) -> None:
        super().__init__()
        self.observation = observation

    def on_failure(self, endpoint: Endpoint, failure: Failure, now: float) -> None:
        """A Reset or silence ends the observation (RFC 7641 §3.6, §4.5)."""
        if failure is not Failure.CLOSED:
            endpoint.end_observation(self.observation, now)


def notify(
    endpoint: Endpoint,
    observation: Observation,
    code: int,
    options: Options,
    payload: bytes,
    now: float,
    *,
    confirmable: bool = True,
) -> None:
    """Send one notification; an error code ends the observation (RFC 7641 §4.2). Nothing where it has ended already.

    While an earlier notification of the same observation still waits for its turn (NSTART), the new one takes its
    place: what counts is the newest state (RFC 7641 §4.5.2), and a silent peer must not let the queue grow.
    Of a payload larger than a block the first block goes out, and the observer fetches the rest (RFC 7959 §2.6).
    """
    if observation not in endpoint.observations:
        return
    szx, size, whole = endpoint.fit(observation.szx, options)
    if len(payload) > whole:
        options = put_option(options, BLOCK2, Block(0, True, szx).to_bytes())
        payload = payload[:size]
    if is_success(code):
        options = put_option(options, OBSERVE, uint_bytes(observation.next_sequence()))
    endpoint.tell(observation, (code, options, payload), now, confirmable=confirmable)
    if not is_success(code):
        observation.notification = None  # this one still goes out
        endpoint.end_observation(observation, now)


def register(endpoint: Endpoint, request: Message, key: object, now: float) -> int:
    """Register or deregister as the request's Observe option says (RFC 7641 §4.1).

    Returns the Observe value for the response, or -1 where it has none: the request asks for no observation, ends
    one, or there are OBSERVATIONS_MAX already.
    """
    wish = request.uint(OBSERVE)
    if wish not in (0, 1) or request.code not in (GET, FETCH):
        return -1
    known = next((o for o in endpoint.observations if o.token == request.token), None)
    if wish == 1:
        if known is not None:
            endpoint.end_observation(known, now)
        return -1
    wanted = request.option(BLOCK2)
    block2 = read_block(wanted, endpoint.SZX_LARGEST) if wanted is not None else None
    szx = min(endpoint.szx, block2.szx if block2 is not None else endpoint.szx)
    if known is not None and known.key != key:
        # The token now stands for something else (RFC 7641 §4.1).
        endpoint.end_observation(known, now)
        known = None
    if known is None:
        if len(endpoint.observations) >= OBSERVATIONS_MAX:
            return -1
        known = Observation(request.token, key, szx)
        endpoint.observations.append(known)
    known.szx = szx
    return known.next_sequence()


def is_newer(sequence: int, at: float, last_sequence: int, last_at: float) -> bool:
    """Whether a notification is newer than the last one seen (RFC 7641 §3.4)."""
    ahead = (sequence - last_sequence) % SEQUENCE_MODULUS
    return 0 < ahead < SEQUENCE_MODULUS // 2 or at > last_at + REORDER_WINDOW_S
