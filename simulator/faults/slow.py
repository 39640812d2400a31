"""Faults of a device that answers late, or not at all, whatever it is asked: over datagrams and over streams.

They stand between the CoAP endpoint of the management and what sends its messages, above DTLS and TLS. A request is
taken and acted upon; what is held up or dropped is the answer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from math import inf
from typing import TYPE_CHECKING, Final

from simulator.coap.codes import ACK, NON
from simulator.coap.message import decode, empty
from simulator.faults.kinds import HEALS, FaultKind, Made, Parameter, Scene
from simulator.faults.triggers import MESSAGE, STATE, TIME, Place, When

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.faults.seams import Power, Send

EMPTY: Final = 0
RESPONSES: Final = range(2 << 5, 6 << 5)
"""Codes of responses (RFC 7252 §5.2); those of the signals of RFC 8323 are above."""
LATEST_S: Final = 240.0
"""A client waits EXCHANGE_LIFETIME for a separate response, 247 s (RFC 7252 §4.8.2); later it is no answer."""
KNOWN_MAX: Final = 64
"""Requests whose repetitions are recognised."""
_EXTENDED: Final = {13: 1, 14: 2, 15: 4}
"""Further bytes of a length of RFC 8323 §3.2."""


def code_of(message: bytes, *, framed: bool) -> int:
    """The code of a message that an endpoint sends, over a stream (``framed``, RFC 8323) or in a datagram."""
    if not framed:
        return message[1]
    return message[1 + _EXTENDED.get(message[0] >> 4, 0)]


class Gate:
    """Whether answers are struck now: from the first strike on, until it heals; `at` a place once.

    Args:
        scene: of the fault.
    """

    __slots__ = ("_heals", "_now", "_once", "_since", "_state", "_trigger")

    def __init__(self, scene: Scene) -> None:
        place = scene.when.place
        self._state = place.value if place is not None and place.unit == STATE else ""
        self._trigger = scene.trigger()
        self._once = scene.when.times == 1 and not self._state
        self._heals = inf if scene.when.heals is None else scene.when.heals
        self._now = scene.sight.now
        self._since = inf

    def on_state(self, device: Power, state: str) -> None:  # noqa: ARG002  the State is enough
        """State (/5/0/3) has changed: what is told of that is struck already."""
        if state == self._state and self._since == inf:
            self._since = self._now()

    def holds(self, message: bytes) -> bool:
        """Whether this answer is struck."""
        if self._since == inf:
            if self._state or not self._trigger.strikes(len(message)):
                return False
            self._since = self._now()
        elif self._once:
            return False
        return self._now() - self._since < self._heals


class NoAnswers:
    """Sends everything but answers; a request is acknowledged with an empty message, or not at all.

    Args:
        scene: what it is made for.
    """

    def __init__(self, scene: Scene) -> None:
        self.gate = Gate(scene)
        self._silent = bool(scene.parameters["silent"])
        self._struck = scene.struck

    def wrap(self, send: Send, next_mid: Callable[[], int] | None) -> Send:
        """What sends messages, one at a time."""
        framed = next_mid is None

        def without_answers(message: bytes) -> None:
            code = code_of(message, framed=framed)
            if code not in RESPONSES or not self.gate.holds(message):
                send(message)
                return
            self._struck("no answer")
            if not (framed or self._silent) and message[0] >> 4 & 3 == ACK:
                send(empty(ACK, int.from_bytes(message[2:4], "big")))

        return without_answers


class LateAnswers:
    """Sends each answer late: with its acknowledgement, or in a message of its own after an empty one.

    The separate response is not confirmable (RFC 7252 §5.2.3), so that it needs no repetition here.

    Args:
        scene: what it is made for.
    """

    def __init__(self, scene: Scene) -> None:
        self.gate = Gate(scene)
        self._late = float(scene.parameters["time"])
        self._separate = bool(scene.parameters["separate"])
        self._struck = scene.struck

    def wrap(self, send: Send, next_mid: Callable[[], int] | None) -> Send:
        """What sends messages, one at a time."""
        known: deque[bytes] = deque(maxlen=KNOWN_MAX)

        def later(message: bytes) -> None:
            code = code_of(message, framed=next_mid is None)
            if code not in RESPONSES or not self.gate.holds(message):
                send(message)
                return
            self._struck(f"an answer comes {self._late:g} s late")
            if next_mid is not None and self._separate and message[0] >> 4 & 3 == ACK:
                send(empty(ACK, int.from_bytes(message[2:4], "big")))
                if message[2:4] in known:
                    return  # a repetition: the answer to the request is on its way
                known.append(message[2:4])
                separate = decode(message)
                separate.type, separate.mid = NON, next_mid()
                message = separate.encode()
            asyncio.get_running_loop().call_later(self._late, send, message)

        return later


def _never(scene: Scene) -> Made:
    answers = NoAnswers(scene)
    return Made(send=answers.wrap, on_state=answers.gate.on_state)


def _late(scene: Scene) -> Made:
    answers = LateAnswers(scene)
    return Made(send=answers.wrap, on_state=answers.gate.on_state)


KINDS: Final = (
    FaultKind(
        "answers-never",
        "answer",
        "The device takes what it is asked, acts upon it, and answers nothing; it registers all the same. Where that "
        "never heals, nobody is told how the update ends.",
        _never,
        parameters={
            "silent": Parameter(
                "bool", "Whether not even an empty acknowledgement comes; over a stream there is none.", default=False
            )
        },
        takes=frozenset({STATE, TIME, MESSAGE, HEALS}),
        when=When(Place(STATE, "updating"), times=None, heals=60.0),
    ),
    FaultKind(
        "answers-late",
        "answer",
        "Every answer of the device, and every notification, comes late.",
        _late,
        parameters={
            "time": Parameter("duration", "How late.", default=0.5, minimum=0.0, maximum=LATEST_S),
            "separate": Parameter(
                "bool",
                "Whether an empty acknowledgement comes at once, and the answer in a message of its own (RFC 7252 "
                "§5.2.2); else the acknowledgement is late with it, and the server asks again.",
                default=True,
            ),
        },
        takes=frozenset({STATE, TIME, MESSAGE, HEALS}),
        when=When(times=None),
    ),
)
