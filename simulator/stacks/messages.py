"""Messages of aiocoap made into those of the engine, and parts of messages into aiocoap's."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import aiocoap
from aiocoap import error as coap_error
from aiocoap.numbers.constants import TransportTuning
from aiocoap.numbers.optionnumbers import OptionNumber

from simulator.coap.codes import CON
from simulator.coap.exchange import Failure
from simulator.coap.message import Message

if TYPE_CHECKING:
    from simulator.coap.message import Options
    from simulator.coap.params import TransmissionParameters


class Tuning(TransportTuning):  # type: ignore[misc]  # aiocoap has no types
    """Transmission parameters of RFC 7252 §4.8 in aiocoap's form; NSTART is always 1 there."""

    def __init__(self, params: TransmissionParameters, reliability: bool | None) -> None:
        self.ACK_TIMEOUT = params.ACK_TIMEOUT
        self.ACK_RANDOM_FACTOR = params.ACK_RANDOM_FACTOR
        self.MAX_RETRANSMIT = params.MAX_RETRANSMIT
        self.MAX_LATENCY = params.MAX_LATENCY
        self.reliability = reliability


@functools.cache
def tuning(params: TransmissionParameters, reliability: bool | None = None) -> Tuning:
    """The same value for the same parameters; ``reliability`` is True for CON, False for NON, None for the usual."""
    return Tuning(params, reliability)


def own_options(message: Any) -> Options:
    """The options of an aiocoap message, in ascending order."""
    return [(int(option.number), option.encode()) for option in message.opt.option_list()]


def own_message(message: Any) -> Message:
    """An aiocoap message as the engine has it; one that came out of an OSCORE message has no type and no Message ID."""
    type_ = CON if message.mtype is None else int(message.mtype)
    mid = -1 if message.mid is None else message.mid
    return Message(type_, int(message.code), mid, message.token, own_options(message), message.payload)


def new_message(code: int, options: Options, payload: bytes, tuned: Tuning) -> Any:
    """An aiocoap message to be sent."""
    message = aiocoap.Message(code=code, payload=payload, transport_tuning=tuned)
    for number, value in options:
        message.opt.add_option(OptionNumber(number).create_option(decode=value))
    return message


_FAILURES = (
    (coap_error.TimeoutError, Failure.TIMEOUT),
    (coap_error.MessageError, Failure.RESET),
    (coap_error.LibraryShutdown, Failure.CLOSED),
    (coap_error.NetworkError, Failure.UNREACHABLE),
    (coap_error.Error, Failure.PROTOCOL),
)


def failure_of(error: BaseException | type[BaseException]) -> Failure | None:
    """What an error of aiocoap means, the most telling class first; None for what is none of aiocoap's own."""
    kind = error if isinstance(error, type) else type(error)
    return next((failure for base, failure in _FAILURES if issubclass(kind, base)), None)


__all__ = ["Tuning", "failure_of", "new_message", "own_message", "own_options", "tuning"]
