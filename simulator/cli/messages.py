"""What goes over a device's ports in one line each: messages of CoAP, over datagrams and over streams, and of HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from simulator.coap import codes
from simulator.coap.block import SZX_BERT, read_block
from simulator.coap.codes import code_text, is_request
from simulator.coap.message import TYPE_NAMES, Message, MessageFormatError, decode
from simulator.coap.tcp import FrameDecoder

if TYPE_CHECKING:
    from collections.abc import Iterator

METHODS: Final = {1: "GET", 2: "POST", 3: "PUT", 4: "DELETE", 5: "FETCH", 6: "PATCH", 7: "iPATCH"}
SIGNALS: Final = {0xE1: "CSM", 0xE2: "Ping", 0xE3: "Pong", 0xE4: "Release", 0xE5: "Abort"}
"""Signalling messages of CoAP over TCP (RFC 8323 §5)."""
NUMBERS: Final = {
    codes.OBSERVE: "Observe",
    codes.CONTENT_FORMAT: "Content-Format",
    codes.MAX_AGE: "Max-Age",
    codes.ACCEPT: "Accept",
    codes.SIZE2: "Size2",
    codes.SIZE1: "Size1",
}
BLOCKS: Final = {codes.BLOCK2: "Block2", codes.BLOCK1: "Block1"}
OSCORE: Final = 9
FRAME_MAX: Final = 1 << 24
_HTTP_STARTS: Final = (b"HTTP/", b"GET ", b"HEAD ", b"PUT ", b"POST ")
_LINE_MAX: Final = 200


def datagram_line(data: bytes) -> str:
    """A datagram of CoAP, such as ``CON 0.01 GET /fw/good.bin mid=17 token=ab Block2=3/0/1024, 28 B``."""
    try:
        message = decode(data)
    except MessageFormatError as error:
        return f"no CoAP ({error}), {len(data)} B"
    return f"{TYPE_NAMES[message.type]} {_rest(message)}, {len(data)} B"


def _rest(message: Message) -> str:
    words = [code_text(message.code), *_name(message.code), *_where(message)]
    words += [f"mid={message.mid}"] if message.mid >= 0 else []
    words += [f"token={message.token.hex()}"] if message.token else []
    words += _options(message)
    if message.payload:
        words.append(f"payload {len(message.payload)} B")
    return " ".join(words)


def _name(code: int) -> list[str]:
    name = METHODS.get(code) or SIGNALS.get(code) or ("Empty" if code == codes.EMPTY else "")
    return [name] if name else []


def _where(message: Message) -> list[str]:
    segments = message.path
    if is_request(message.code):
        query = "&".join(message.query)
        return ["/" + "/".join(segments) + (f"?{query}" if query else "")]
    location = [value.decode("utf-8", "replace") for value in message.values(codes.LOCATION_PATH)]
    return ["Location /" + "/".join(location)] if location else []


def _options(message: Message) -> Iterator[str]:
    if message.code in SIGNALS:  # options mean something else there
        return
    for number, value in message.options:
        if number in NUMBERS:
            yield f"{NUMBERS[number]}={int.from_bytes(value, 'big')}"
        elif number in BLOCKS:
            block = read_block(value, SZX_BERT)
            shown = value.hex() if block is None else f"{block.num}/{int(block.more)}/{block.size}"
            yield f"{BLOCKS[number]}={shown}"
        elif number == codes.ETAG:
            yield f"ETag={value.hex()}"
        elif number == OSCORE:
            yield "OSCORE"


class CoapStream:
    """One direction of CoAP over TCP: bytes in, a line for each message out."""

    def __init__(self) -> None:
        self._decoder = FrameDecoder(FRAME_MAX)
        self._lost = False

    def lines(self, data: bytes) -> Iterator[str]:
        """The messages that these bytes complete."""
        if self._lost:
            yield f"{len(data)} B that cannot be read"
            return
        self._decoder.feed(data)
        try:
            while (message := self._decoder.next()) is not None:
                yield _rest(message)
        except MessageFormatError as error:
            self._lost = True
            yield f"no CoAP from here on ({error})"


class HttpStream:
    """One direction of HTTP: the first line of each message, and how many bytes came with it or after it."""

    def lines(self, data: bytes) -> Iterator[str]:
        """What these bytes are."""
        if not data.startswith(_HTTP_STARTS):
            yield f"body, {len(data)} B"
            return
        head, _, body = data.partition(b"\r\n\r\n")
        first = head.partition(b"\r\n")[0][:_LINE_MAX].decode("ascii", "replace")
        yield f"{first}, {len(data)} B" + (f", of them body {len(body)} B" if body else "")
