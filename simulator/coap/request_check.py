"""What every server has to refuse, whatever the resource: before a handler sees a request."""

from __future__ import annotations

from typing import Final

from simulator.coap.block import SZX_MAX, Block, read_block
from simulator.coap.codes import (
    BAD_OPTION,
    BAD_REQUEST,
    BLOCK1,
    BLOCK2,
    FETCH,
    GET,
    IF_MATCH,
    IF_NONE_MATCH,
    IPATCH,
    METHOD_NOT_ALLOWED,
    PROXY_SCHEME,
    PROXY_URI,
    PROXYING_NOT_SUPPORTED,
)
from simulator.coap.message import Message

SPECIAL: Final = frozenset({BLOCK1, BLOCK2, IF_MATCH, IF_NONE_MATCH, PROXY_SCHEME, PROXY_URI})


def check_request(request: Message, szx_largest: int = SZX_MAX) -> tuple[Block | None, Block | None, int]:
    """The Block1 and Block2 options of a request, and the code with which it is refused, or 0.

    - 4.05 for a method that RFC 7252 and RFC 8132 do not know (RFC 7252 §5.8).
    - 4.00 for a size exponent above ``szx_largest``: 7 is reserved over UDP (RFC 7959 §2.2).
    - 4.02 for a condition that this server cannot test before it acts: If-None-Match, and If-Match of anything but a
      GET or FETCH; and for a body in blocks on a GET. These options are critical, so they must not be passed over.
    - 5.05 for a request to a proxy (RFC 7252 §5.10.2).
    """
    block1 = block2 = None
    if request.code > IPATCH:
        return None, None, METHOD_NOT_ALLOWED
    for number, value in request.options:
        if number not in SPECIAL:
            continue
        refusal = 0
        if number == BLOCK2:
            block2 = read_block(value, szx_largest)
            refusal = BAD_REQUEST if block2 is None else 0
        elif number == BLOCK1:
            block1 = read_block(value, szx_largest)
            refusal = BAD_REQUEST if block1 is None else BAD_OPTION if request.code == GET else 0
        elif number == IF_MATCH:
            refusal = 0 if request.code in (GET, FETCH) else BAD_OPTION
        else:
            refusal = BAD_OPTION if number == IF_NONE_MATCH else PROXYING_NOT_SUPPORTED
        if refusal:
            return None, None, refusal
    return block1, block2, 0


__all__ = ["check_request"]
