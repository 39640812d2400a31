"""Observe (RFC 7641): what a server keeps per observation, and what a client does about order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from simulator.coap.block import Block
from simulator.coap.codes import BLOCK2, CON, NON, OBSERVE, is_success
from simulator.coap.exchange import Exchange, Failure
from simulator.coap.message import Options, encode, uint_bytes
from simulator.coap.requests import put_option

if TYPE_CHECKING:
    from simulator.coap.endpoint import Endpoint

OBSERVATIONS_MAX: Final = 64
"""Observations that one peer may hold; more are answered as plain requests."""

SEQUENCE_MODULUS: Final = 1 << 24
REORDER_WINDOW_S: Final = 128.0


class Observation:
    """One entry of a server's list of observers: who asked (token) and about what (key)."""

    __slots__ = ("key", "last_mid", "sequence", "szx", "token")

    def __init__(self, token: bytes, key: object, szx: int) -> None:
        self.token = token
        self.key = key
        self.szx = szx
        self.sequence = 1
        self.last_mid = -1

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
    """Send one notification; an error code ends the observation (RFC 7641 §4.2).

    Of a payload larger than a block the first block goes out, and the observer fetches the rest (RFC 7959 §2.6).
    """
    mid = endpoint.next_mid()
    size = 16 << observation.szx
    if len(payload) > size:
        options = put_option(options, BLOCK2, Block(0, True, observation.szx).to_bytes())
        payload = payload[:size]
    if is_success(code):
        options = put_option(options, OBSERVE, uint_bytes(observation.next_sequence()))
    if confirmable:
        notification = Notification(observation)
        notification.mid = mid
        notification.datagram = encode(CON, code, mid, observation.token, options, payload)
        endpoint.launch(notification, now)
    else:
        observation.last_mid = mid
        endpoint.transmit(encode(NON, code, mid, observation.token, options, payload))
    if not is_success(code):
        endpoint.end_observation(observation, now)


def is_newer(sequence: int, at: float, last_sequence: int, last_at: float) -> bool:
    """Whether a notification is newer than the last one seen (RFC 7641 §3.4)."""
    ahead = (sequence - last_sequence) % SEQUENCE_MODULUS
    return 0 < ahead < SEQUENCE_MODULUS // 2 or at > last_at + REORDER_WINDOW_S
