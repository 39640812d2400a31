"""The message format of CoAP over TCP (RFC 8323 §3.2): a stream of bytes to messages and back.

A frame has its length in front, and neither version, type nor Message ID. From the token on it is what a datagram is,
so that one reader of options serves both.
"""

from __future__ import annotations

from typing import Final

from simulator.coap.codes import CON, EMPTY
from simulator.coap.message import Message, MessageFormatError, Options, decode_rest, encode_options

TOKEN_MAX: Final = 8
MESSAGE_SIZE_BASE: Final = 1152
"""What every peer takes before it has said otherwise (RFC 8323 §5.3.1), in bytes of the whole frame."""
HEADER_MAX: Final = 1 + 4 + 1 + TOKEN_MAX
"""Bytes in front of the options, at most."""

_EXTENDED: Final = {13: (1, 13), 14: (2, 269), 15: (4, 65_805)}
"""By the Len nibble: bytes of the extended length, and the length that they count from."""


def frame(code: int, token: bytes, options: Options, payload: bytes) -> bytes:
    """The frame of a message given by its parts; options in ascending order, a token of 0 to 8 bytes.

    Raises:
        ValueError: options and payload are longer than the format has room for (4 GiB and 65,804 bytes).
    """
    out = bytearray()
    if options:
        encode_options(options, out)
    if payload:
        out.append(0xFF)
        return b"".join((_head(code, token, len(out) + len(payload)), out, payload))
    return frame_encoded(code, token, bytes(out))


def frame_encoded(code: int, token: bytes, options: bytes) -> bytes:
    """The frame of a message without payload whose options are encoded already."""
    return _head(code, token, len(options)) + options


def _head(code: int, token: bytes, length: int) -> bytes:
    tkl = len(token)
    if length < 13:
        return bytes((length << 4 | tkl, code)) + token
    if length < 269:
        return bytes((0xD0 | tkl, length - 13, code)) + token
    if length < 65_805:
        return bytes((0xE0 | tkl, (length - 269) >> 8, (length - 269) & 0xFF, code)) + token
    if length > 0xFFFF_FFFF + 65_805:
        raise ValueError("no frame is longer than 4 GiB and 65,805 bytes")
    return bytes((0xF0 | tkl,)) + (length - 65_805).to_bytes(4, "big") + bytes((code,)) + token


class FrameDecoder:
    """Cuts a stream into messages, whatever the pieces in which it comes.

    Between two pieces it keeps the beginning of one frame, never more than ``size_max`` bytes and a piece.

    Args:
        size_max: the longest frame that is taken, in bytes from its first to its last.
    """

    __slots__ = ("_at", "_data", "_needed", "size_max")

    def __init__(self, size_max: int) -> None:
        self.size_max = size_max
        self._data: bytes | bytearray = b""
        self._at = 0
        self._needed = 1
        """Bytes from ``_at`` on without which it is of no use to look again."""

    @property
    def held(self) -> int:
        """Bytes of a frame that has begun and is not whole."""
        return len(self._data) - self._at

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the stream; then ask ``next`` until it gives None."""
        if self.held == 0:
            self._data, self._at = data, 0
            return
        if not isinstance(self._data, bytearray):
            self._data = bytearray(self._data)
        if self._at:
            del self._data[: self._at]
            self._at = 0
        self._data += data

    def next(self) -> Message | None:
        """The next whole message, or None; it has the type CON and no Message ID (-1).

        Of an Empty message, which says nothing (RFC 8323 §3.4), only the code is given.

        Raises:
            MessageFormatError: the stream breaks RFC 8323 §3.2 or has a frame above ``size_max``. There is no way to
                find the next frame from there.
        """
        data, at = self._data, self._at
        if len(data) - at < self._needed:
            return None
        token_at, end = self._bounds(data, at)
        if end < 0:
            return None
        if len(data) < end:
            self._needed = end - at
            return None
        self._needed = 1
        self._at = end
        if end == len(data):
            self._data, self._at = b"", 0
        code = data[token_at - 1]
        if code == EMPTY:
            return Message(CON, EMPTY, -1)
        tkl = data[at] & 15
        if isinstance(data, bytes):
            return decode_rest(data, token_at, end, tkl, CON, code, -1)
        with memoryview(data) as view:
            rest = view[token_at:end].tobytes()
        return decode_rest(rest, 0, len(rest), tkl, CON, code, -1)

    def _bounds(self, data: bytes | bytearray, at: int) -> tuple[int, int]:
        """Where the token and the next frame begin; -1 where the header is not whole."""
        first = data[at]
        tkl = first & 15
        length = first >> 4
        token_at = at + 2
        if tkl > TOKEN_MAX:
            raise MessageFormatError("token longer than eight bytes")
        if length > 12:
            extra, base = _EXTENDED[length]
            token_at += extra
            if len(data) < token_at - 1:
                self._needed = 1 + extra
                return 0, -1
            length = base + int.from_bytes(data[at + 1 : at + 1 + extra], "big")
        end = token_at + tkl + length
        if end - at > self.size_max:
            msg = f"a message of {end - at} bytes is longer than {self.size_max}"
            raise MessageFormatError(msg)
        return token_at, end


__all__ = ["HEADER_MAX", "MESSAGE_SIZE_BASE", "TOKEN_MAX", "FrameDecoder", "frame", "frame_encoded"]
