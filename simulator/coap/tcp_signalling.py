"""Signalling messages of CoAP over TCP (RFC 8323 §5): what they say, as values.

Their options have numbers of their own for each code. Elective ones that are not known are passed over.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from simulator.coap.codes import is_critical
from simulator.coap.message import Message, Options, uint_bytes
from simulator.coap.tcp import frame
from simulator.coap.tcp_capabilities import Capabilities

CSM: Final = 0xE1
PING: Final = 0xE2
PONG: Final = 0xE3
RELEASE: Final = 0xE4
ABORT: Final = 0xE5

MAX_MESSAGE_SIZE: Final = 2
"""Of a CSM: the longest message that its sender takes (§5.3.1)."""
BLOCK_WISE_TRANSFER: Final = 4
"""Of a CSM: its sender knows RFC 7959, and BERT where its messages may be above 1152 bytes (§5.3.2)."""
CUSTODY: Final = 2
"""Of a Ping or Pong (§5.4.1)."""
ALTERNATIVE_ADDRESS: Final = 2
HOLD_OFF: Final = 4
"""Of a Release (§5.5)."""
BAD_CSM_OPTION: Final = 2
"""Of an Abort (§5.6)."""

MESSAGE_SIZE_MIN: Final = 64
"""A peer that takes no message of this size takes no block of 16 bytes with its options."""

_KNOWN: Final = {
    CSM: {MAX_MESSAGE_SIZE: 4, BLOCK_WISE_TRANSFER: 0},
    PING: {CUSTODY: 0},
    PONG: {CUSTODY: 0},
    RELEASE: {ALTERNATIVE_ADDRESS: 255, HOLD_OFF: 3},
    ABORT: {BAD_CSM_OPTION: 2},
}
"""By code: the options known here, and the longest value of each."""


class SignallingError(Exception):
    """A signalling message for which the connection has to be aborted (RFC 8323 §5.3, §5.6).

    ``bad_csm_option`` is the option that a CSM should not have had, or -1.
    """

    def __init__(self, reason: str, bad_csm_option: int = -1) -> None:
        super().__init__(reason)
        self.bad_csm_option = bad_csm_option


class Released(NamedTuple):
    """Why and how the peer wants to end the connection (RFC 8323 §5.5)."""

    hold_off: int
    """Seconds for which it wants no new connection, or -1."""
    alternatives: tuple[str, ...]
    """Transport addresses to connect to instead."""
    diagnostic: str


def check_options(message: Message) -> None:
    """See that no option is unknown and critical, and drop the elective ones that are unknown.

    Raises:
        SignallingError: there is one; or a CSM has a known option with a value that is none.
    """
    known = _KNOWN.get(message.code)
    if known is None:
        msg = f"7.{message.code & 31:02d} is no signalling code"
        raise SignallingError(msg)
    kept: Options = []
    for number, value in message.options:
        longest = known.get(number, -1)
        if len(value) <= longest:
            kept.append((number, value))
        elif message.code == CSM and (longest >= 0 or is_critical(number)):
            msg = f"option {number} of the CSM"
            raise SignallingError(msg, number)
        elif is_critical(number):
            msg = f"critical option {number}"
            raise SignallingError(msg)
    message.options = kept


def take_csm(message: Message, before: Capabilities | None) -> Capabilities:
    """What a peer takes after this CSM; what it does not name stays as it was (RFC 8323 §5.3).

    Raises:
        SignallingError: Max-Message-Size is so small that nothing can be done with it.
    """
    known = before or Capabilities()
    size = message.uint(MAX_MESSAGE_SIZE)
    if 0 <= size < MESSAGE_SIZE_MIN:
        msg = f"a Max-Message-Size of {size} is of no use"
        raise SignallingError(msg, MAX_MESSAGE_SIZE)
    block_wise = known.block_wise or message.option(BLOCK_WISE_TRANSFER) is not None
    return Capabilities(size if size >= 0 else known.max_message_size, block_wise)


def csm(max_message_size: int) -> bytes:
    """The CSM of an endpoint that takes messages of this size and knows block-wise transfer."""
    options = [(MAX_MESSAGE_SIZE, uint_bytes(max_message_size)), (BLOCK_WISE_TRANSFER, b"")]
    return frame(CSM, b"", options, b"")


def ping_or_pong(code: int, token: bytes, *, custody: bool) -> bytes:
    """A Ping, or the Pong that answers one; ``custody`` asks for, or states, that all before it is done."""
    return frame(code, token, [(CUSTODY, b"")] if custody else [], b"")


def release(hold_off: int = -1) -> bytes:
    """A Release; ``hold_off`` asks for no new connection within so many seconds."""
    return frame(RELEASE, b"", [(HOLD_OFF, uint_bytes(hold_off))] if hold_off >= 0 else [], b"")


def abort(reason: str, bad_csm_option: int = -1) -> bytes:
    """An Abort with a diagnostic payload (RFC 8323 §5.6)."""
    options = [(BAD_CSM_OPTION, uint_bytes(bad_csm_option))] if bad_csm_option >= 0 else []
    return frame(ABORT, b"", options, reason.encode())


def read_release(message: Message) -> Released:
    """What a Release says."""
    addresses = tuple(value.decode("utf-8", "replace") for value in message.values(ALTERNATIVE_ADDRESS))
    return Released(message.uint(HOLD_OFF), addresses, message.payload.decode("utf-8", "replace"))
