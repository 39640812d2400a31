"""Which options of a message can be taken: critical ones must be, elective ones are dropped (RFC 7252 §5.4)."""

from __future__ import annotations

from typing import Final

from simulator.coap.codes import OPTION_LENGTHS, REPEATABLE, is_critical
from simulator.coap.message import Message, Options

_LONGEST: Final = {number: longest for number, (_, longest) in OPTION_LENGTHS.items()}


def bad_option(message: Message) -> int:
    """The first critical option that this endpoint cannot take, or -1 (RFC 7252 §5.4.1, §5.4.3, §5.4.5).

    A known option with a length out of its range, and a second one of a kind that may stand only once, count as
    unknown. Elective ones are dropped from the message instead.
    """
    last = -1
    for number, value in message.options:
        # An option that is not known has no longest value; this line is passed for every option of every message.
        doubtful = len(value) > _LONGEST.get(number, -1) or number == last or not value
        if doubtful and _is_unusable(number, value, last):
            return _drop_unusable(message)
        last = number
    return -1


def _is_unusable(number: int, value: bytes, last: int) -> bool:
    shortest, longest = OPTION_LENGTHS.get(number, (0, -1))
    return not shortest <= len(value) <= longest or (number == last and number not in REPEATABLE)


def _drop_unusable(message: Message) -> int:
    """The first unusable option if any is critical, or -1 when only elective ones had to be dropped."""
    kept: Options = []
    last = -1
    for number, value in message.options:
        if not _is_unusable(number, value, last):
            kept.append((number, value))
        elif is_critical(number):
            return number
        last = number
    message.options = kept
    return -1


__all__ = ["bad_option"]
