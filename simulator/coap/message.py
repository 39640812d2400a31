"""The message format of RFC 7252 §3: one datagram to one Message and back.

A message keeps its options as ``(number, value)`` pairs in the order of their numbers, as they stand on the wire. What
is asked for most (a block option, a token) must cost little, so there is no option class and no copy of the payload
beyond the one slice.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from simulator.coap.codes import (
    CON,
    CONTENT_FORMAT,
    EMPTY,
    RST,
    URI_PATH,
    URI_QUERY,
    code_text,
)

Options = list[tuple[int, bytes]]

OPTION_MAX: Final = 0xFFFF
"""The largest option number (RFC 7252 §3.1, §12.2)."""

TYPE_NAMES: Final = ("CON", "NON", "ACK", "RST")


_read_header = Struct(">BBH").unpack_from


class MessageFormatError(ValueError):
    """A datagram is no CoAP message (RFC 7252 §3, §4.2, §4.3).

    ``mid`` and ``type`` are those of the header where it could be read, else -1: a malformed CON is answered with a
    Reset that needs them.
    """

    def __init__(self, reason: str, type_: int = -1, mid: int = -1) -> None:
        super().__init__(reason)
        self.type = type_
        self.mid = mid


class Message:
    """One CoAP message.

    Attributes:
        type: ``CON``, ``NON``, ``ACK`` or ``RST``.
        code: method or response code, ``EMPTY`` for neither.
        mid: Message ID, 0 to 65535; -1 in a message of a stream, which has none (RFC 8323 §3.2).
        token: 0 to 8 bytes.
        options: pairs of number and value in ascending order of the number.
        payload: may be empty.
    """

    __slots__ = ("code", "mid", "options", "payload", "token", "type")

    def __init__(
        self,
        type_: int,
        code: int,
        mid: int = 0,
        token: bytes = b"",
        options: Options | None = None,
        payload: bytes = b"",
    ) -> None:
        self.type = type_
        self.code = code
        self.mid = mid
        self.token = token
        self.options: Options = [] if options is None else options
        self.payload = payload

    def option(self, number: int) -> bytes | None:
        """The first value of an option, or None where it is absent."""
        for n, value in self.options:
            if n == number:
                return value
            if n > number:
                return None
        return None

    def uint(self, number: int) -> int:
        """The value of a uint option (RFC 7252 §3.2), or -1 where it is absent."""
        for n, value in self.options:
            if n == number:
                return int.from_bytes(value, "big")
            if n > number:
                return -1
        return -1

    def values(self, number: int) -> list[bytes]:
        """All values of a repeatable option, in order."""
        return [value for n, value in self.options if n == number]

    @property
    def path(self) -> tuple[str, ...]:
        """The Uri-Path segments. Bytes that are not UTF-8 are replaced, so that a hostile path is just not found."""
        return tuple(value.decode("utf-8", "replace") for n, value in self.options if n == URI_PATH)

    @property
    def query(self) -> tuple[str, ...]:
        """The Uri-Query arguments."""
        return tuple(value.decode("utf-8", "replace") for n, value in self.options if n == URI_QUERY)

    @property
    def content_format(self) -> int:
        """The Content-Format, or -1 where it is absent."""
        return self.uint(CONTENT_FORMAT)

    def encode(self) -> bytes:
        """The datagram of this message."""
        return encode(self.type, self.code, self.mid, self.token, self.options, self.payload)

    def __repr__(self) -> str:
        options = ", ".join(f"{n}={v.hex()}" for n, v in self.options)
        return (
            f"<{TYPE_NAMES[self.type]} {code_text(self.code)} mid={self.mid} token={self.token.hex()} "
            f"[{options}] {len(self.payload)} B>"
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and (
            self.type == other.type
            and self.code == other.code
            and self.mid == other.mid
            and self.token == other.token
            and self.options == other.options
            and self.payload == other.payload
        )

    __hash__ = None  # type: ignore[assignment]


def uint_bytes(value: int) -> bytes:
    """A uint option value in its shortest form (RFC 7252 §3.2): 0 is the empty string."""
    return value.to_bytes((value.bit_length() + 7) >> 3, "big")


def encode_options(options: Options, out: bytearray) -> None:
    """Append options in the delta form of RFC 7252 §3.1; they must be in ascending order of their numbers."""
    last = 0
    for number, value in options:
        delta = number - last
        last = number
        length = len(value)
        if delta < 13 and length < 13:
            out.append((delta << 4) | length)
        else:
            _extended(delta, length, out)
        out += value


def _extended(delta: int, length: int, out: bytearray) -> None:
    d = delta if delta < 13 else 13 if delta < 269 else 14
    n = length if length < 13 else 13 if length < 269 else 14
    out.append((d << 4) | n)
    for nibble, value in ((d, delta), (n, length)):
        if nibble == 13:
            out.append(value - 13)
        elif nibble == 14:
            out += (value - 269).to_bytes(2, "big")


def encode(type_: int, code: int, mid: int, token: bytes, options: Options, payload: bytes) -> bytes:
    """The datagram of a message given by its parts; options in ascending order."""
    out = bytearray((0x40 | (type_ << 4) | len(token), code, mid >> 8, mid & 0xFF))
    out += token
    if options:
        encode_options(options, out)
    if payload:
        out.append(0xFF)
        out += payload
    return bytes(out)


def empty(type_: int, mid: int) -> bytes:
    """An Empty message: a bare ACK, a Reset, or the CON of a ping (RFC 7252 §4.2, §4.3)."""
    return bytes((0x40 | (type_ << 4), EMPTY, mid >> 8, mid & 0xFF))


def decode(data: bytes) -> Message:
    """The message of a datagram.

    Raises:
        MessageFormatError: the datagram breaks RFC 7252 §3 or §4: wrong version, token length 9 to 15, an option that
            runs past the end, a payload marker without payload, or an Empty message that is longer than its header.
    """
    size = len(data)
    if size < 4:
        raise MessageFormatError("shorter than the header of four bytes")
    first, code, mid = _read_header(data)
    type_ = (first >> 4) & 3
    if first >> 6 != 1:
        raise MessageFormatError("version is not 1")
    tkl = first & 15
    if tkl > 8:
        raise MessageFormatError("token longer than eight bytes", type_, mid)
    if code == EMPTY and size > 4:
        raise MessageFormatError("an Empty message has nothing after its header", type_, mid)
    return decode_rest(data, 4, size, tkl, type_, code, mid)


def decode_rest(data: bytes, at: int, size: int, tkl: int, type_: int, code: int, mid: int) -> Message:
    """The message whose header, of any transport, is read: token, options and payload are ``data[at:size]``.

    Raises:
        MessageFormatError: they break RFC 7252 §3.
    """
    token_at = at
    at += tkl
    if at > size:
        raise MessageFormatError("token runs past the end", type_, mid)
    token = data[token_at:at]
    options: Options = []
    payload = b""
    number = 0
    while at < size:
        head = data[at]
        at += 1
        if head == 0xFF:
            if at == size:
                raise MessageFormatError("payload marker without payload", type_, mid)
            payload = data[at:size]
            break
        length = head & 15
        if head < 0xD0 and length < 13:
            number += head >> 4
        elif head < 0xE0 and length < 13 and at < size:
            # A delta of 13 to 268: Block1, Block2 and Size2 come so, in every block.
            number += data[at] + 13
            at += 1
        else:
            delta, length, at = _read_extended(data, head >> 4, length, at, size, type_, mid)
            number += delta
        end = at + length
        if end > size:
            raise MessageFormatError("option runs past the end", type_, mid)
        options.append((number, data[at:end]))
        at = end
    if number > OPTION_MAX:
        raise MessageFormatError("option number too large", type_, mid)
    return Message(type_, code, mid, token, options, payload)


def _read_extended(
    data: bytes, delta: int, length: int, at: int, size: int, type_: int, mid: int
) -> tuple[int, int, int]:
    found = []
    for nibble in (delta, length):
        value = nibble
        if nibble == 15:
            raise MessageFormatError("reserved option nibble 15", type_, mid)
        if nibble == 13:
            value = int.from_bytes(data[at : at + 1], "big") + 13
            at += 1
        elif nibble == 14:
            value = int.from_bytes(data[at : at + 2], "big") + 269
            at += 2
        if at > size:
            raise MessageFormatError("option header runs past the end", type_, mid)
        found.append(value)
    return found[0], found[1], at


def reset_for(error: MessageFormatError) -> bytes | None:
    """The Reset that a malformed confirmable message deserves (RFC 7252 §4.2), or None where it is to be ignored."""
    if error.mid >= 0 and error.type == CON:
        return empty(RST, error.mid)
    return None


__all__ = [
    "Message",
    "MessageFormatError",
    "Options",
    "decode",
    "decode_rest",
    "empty",
    "encode",
    "encode_options",
    "reset_for",
    "uint_bytes",
]
