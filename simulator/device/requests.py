"""What a device answers to the requests of its server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from simulator.coap.codes import (
    BAD_REQUEST,
    BLOCK1,
    CONTENT_FORMAT,
    FORMAT_CBOR,
    FORMAT_OPAQUE,
    METHOD_NOT_ALLOWED,
    PUT,
    SIZE1,
    UNSUPPORTED_CONTENT_FORMAT,
    is_success,
)
from simulator.coap.exchange import Response
from simulator.coap.message import uint_bytes
from simulator.coap.requests import put_option
from simulator.device import effects
from simulator.device.notifier import answer_options
from simulator.device.push import IgnoredPush, Push
from simulator.device.unwrap import unwrapper
from simulator.events import NOT_KNOWN

if TYPE_CHECKING:
    from simulator.coap.exchange import Upload
    from simulator.coap.message import Message
    from simulator.device.device import Device
    from simulator.device.stacks import CoapEndpoint

NO_FORMAT: Final = -1
PACKAGE_PATH: Final = ("5", "0", "0")
MORE: Final = 8
"""The flag of a Block option that says that more blocks follow (RFC 7959 §2.2)."""


def answer(device: Device, request: Message) -> Response:
    """Answer a whole request; what follows from it is done after the answer."""
    if request.path == PACKAGE_PATH and request.content_format < 0:
        # A Package without Content-Format is the image itself, not base64 text.
        request.options = put_option(request.options, CONTENT_FORMAT, uint_bytes(FORMAT_OPAQUE))
    found = device.tree.handle(request)
    device.act_soon()
    observed = device.notifier.observed(request, found)
    return Response(found.code, found.payload, answer_options(found), observe_key=observed)


def open_upload(device: Device, endpoint: CoapEndpoint, request: Message, now: float) -> Upload | Response | None:
    """A Package comes in blocks and is not kept in memory; everything else is."""
    if request.path != PACKAGE_PATH or not request.uint(BLOCK1) & MORE:
        return None
    if request.code != PUT:
        return Response(METHOD_NOT_ALLOWED)
    unwrap = unwrapper(request.content_format)
    if unwrap is None or (request.content_format == FORMAT_CBOR and device.plan.lwm2m == "1.0"):
        return Response(UNSUPPORTED_CONTENT_FORMAT)  # CBOR came with LwM2M 1.1, as in ``ObjectTree``
    if not request.payload:
        return Response(BAD_REQUEST)
    code = device.firmware.package_started()
    device.act_soon()
    if code:
        return IgnoredPush(code) if is_success(code) else Response(code)
    # What an unfinished push has stored must be gone before the first byte of this one is.
    effects.carry_out(device, now)
    size = request.uint(SIZE1)
    # Of a package in another format, Size1 is the size of that.
    told = size if size and request.content_format in (NO_FORMAT, FORMAT_OPAQUE) else NOT_KNOWN
    refused = device.receiver.begin(size=told)
    device.push = Push(device, endpoint, unwrap, size, now, refused)
    return device.faults.wrap_upload(device.push)
