"""The stateless door of a DTLS server (RFC 6347 §4.2.1): a cookie shows that a client receives where it sends from."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final, NamedTuple

from simulator.security.failures import DECODE_ERROR, AlertError
from simulator.transport.dtls_hello import ClientHello, decode_client_hello, encode_hello_verify
from simulator.transport.dtls_wire import (
    CLIENT_HELLO,
    DTLS_1_0,
    HANDSHAKE,
    HELLO_VERIFY_REQUEST,
    RECORD_HEADER,
    fragments,
    handshake_message,
    plain_record,
    records,
)

if TYPE_CHECKING:
    from simulator.ports import Address

COOKIE_SIZE: Final = 16
_RECORD: Final = bytes([HANDSHAKE])
_MESSAGE: Final = bytes([CLIENT_HELLO])


class Offer(NamedTuple):
    """A ClientHello as it came."""

    hello: ClientHello
    body: bytes
    sequence: int
    """Of the message."""
    record_sequence: int


def looks_like_hello(datagram: bytes) -> bool:
    """Whether a datagram begins with a ClientHello of epoch 0."""
    return datagram[:1] == _RECORD and datagram[3:5] == b"\0\0" and datagram[13:14] == _MESSAGE


def read_offer(datagram: bytes) -> Offer:
    """The ClientHello that a datagram begins with.

    Raises:
        AlertError: it is malformed, or comes in fragments, for which a server would have to keep state.
    """
    record = next(records(datagram), None)
    fragment = None if record is None else next(fragments(record.raw[RECORD_HEADER:]), None)
    if record is None or fragment is None or fragment.kind != CLIENT_HELLO or len(fragment.data) != fragment.length:
        raise AlertError(DECODE_ERROR, "no whole ClientHello")
    return Offer(decode_client_hello(fragment.data), fragment.data, fragment.sequence, record.sequence)


class Door:
    """Makes cookies and knows its own.

    Args:
        secret: random bytes of this server.
    """

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def cookie(self, peer: Address, hello: ClientHello) -> bytes:
        """The cookie of a client at an address, for as long as it offers the same."""
        text = f"{peer[0]} {peer[1]} ".encode()
        return hmac.digest(self._secret, text + hello.without_cookie(), "sha256")[:COOKIE_SIZE]

    def admits(self, peer: Address, hello: ClientHello) -> bool:
        """Whether a client brings its cookie."""
        return hmac.compare_digest(hello.cookie, self.cookie(peer, hello))

    def challenge(self, peer: Address, offer: Offer) -> bytes:
        """The HelloVerifyRequest for a client without its cookie: one datagram, shorter than what it answers."""
        body = encode_hello_verify(self.cookie(peer, offer.hello))
        message = handshake_message(HELLO_VERIFY_REQUEST, offer.sequence, body)
        return plain_record(HANDSHAKE, offer.record_sequence, message, DTLS_1_0)
