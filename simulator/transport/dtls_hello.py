"""ClientHello, ServerHello and HelloVerifyRequest (RFC 5246 §7.4.1, RFC 6347 §4.2.1), and the extensions in use."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from simulator.security.failures import DECODE_ERROR, PROTOCOL_VERSION, AlertError
from simulator.transport.dtls_wire import DTLS_1_2, Reader, vector

RANDOM_SIZE: Final = 32
SESSION_ID_MAX: Final = 32
SCSV: Final = 0x00FF
"""Signalling cipher suite: this client knows of secure renegotiation (RFC 5746 §3.3)."""

SERVER_NAME: Final = 0
SUPPORTED_GROUPS: Final = 10
EC_POINT_FORMATS: Final = 11
SIGNATURE_ALGORITHMS: Final = 13
EXTENDED_MASTER_SECRET: Final = 23
RENEGOTIATION_INFO: Final = 0xFF01

SECP256R1: Final = 23
SECP384R1: Final = 24
ECDSA_SHA256: Final = 0x0403
ECDSA_SHA384: Final = 0x0503
SIGNATURES: Final = (ECDSA_SHA256, ECDSA_SHA384)
CHAIN_SIGNATURES: Final = (0x0401, 0x0501, 0x0804)
"""RSA, which a CA above an EC certificate may have signed with."""
UNCOMPRESSED: Final = b"\x01\x00"


@dataclass(slots=True)
class ClientHello:
    """What a client offers."""

    random: bytes
    suites: tuple[int, ...]
    session_id: bytes = b""
    cookie: bytes = b""
    extensions: dict[int, bytes] = field(default_factory=dict)

    def encode(self) -> bytes:
        """The body of the message."""
        suites = b"".join(number.to_bytes(2, "big") for number in self.suites)
        return (
            DTLS_1_2
            + self.random
            + vector(self.session_id, 1)
            + vector(self.cookie, 1)
            + vector(suites, 2)
            + b"\x01\x00"
            + _encode_extensions(self.extensions)
        )

    @property
    def renegotiation_info(self) -> bool:
        """Whether the client wants to hear that the server knows of secure renegotiation."""
        return SCSV in self.suites or RENEGOTIATION_INFO in self.extensions

    def without_cookie(self) -> bytes:
        """What a cookie is made over: all that the client must repeat (RFC 6347 §4.2.1)."""
        suites = b"".join(number.to_bytes(2, "big") for number in self.suites)
        return self.random + vector(self.session_id, 1) + vector(suites, 2)


@dataclass(slots=True)
class ServerHello:
    """What a server has chosen."""

    random: bytes
    suite: int
    session_id: bytes = b""
    extensions: dict[int, bytes] = field(default_factory=dict)

    def encode(self) -> bytes:
        """The body of the message."""
        suite = self.suite.to_bytes(2, "big")
        head = DTLS_1_2 + self.random + vector(self.session_id, 1) + suite + b"\x00"
        return head + (_encode_extensions(self.extensions) if self.extensions else b"")


def decode_client_hello(body: bytes) -> ClientHello:
    """A ClientHello.

    Raises:
        AlertError: it is malformed, or from a client that knows DTLS 1.0 only.
    """
    reader = Reader(body)
    _check_version(reader.take(2), exact=False)
    random, session_id, cookie = reader.take(RANDOM_SIZE), _session_id(reader), reader.vector(1)
    suites = numbers(reader.vector(2))
    if 0 not in reader.vector(1):
        raise AlertError(DECODE_ERROR, "malformed ClientHello: it does not offer to leave out compression")
    return ClientHello(random, suites, session_id, cookie, _decode_extensions(reader))


def decode_server_hello(body: bytes) -> ServerHello:
    """A ServerHello.

    Raises:
        AlertError: it is malformed, or the server chose another version than DTLS 1.2 or a compression.
    """
    reader = Reader(body)
    _check_version(reader.take(2), exact=True)
    random, session_id, suite = reader.take(RANDOM_SIZE), _session_id(reader), reader.number(2)
    if reader.number(1):
        raise AlertError(DECODE_ERROR, "malformed ServerHello: it chose a compression")
    return ServerHello(random, suite, session_id, _decode_extensions(reader))


def decode_hello_verify(body: bytes) -> bytes:
    """The cookie of a HelloVerifyRequest.

    Raises:
        AlertError: it is malformed.
    """
    reader = Reader(body)
    reader.take(2)
    cookie = reader.vector(1)
    reader.end()
    return cookie


def encode_hello_verify(cookie: bytes) -> bytes:
    """The body of a HelloVerifyRequest."""
    return b"\xfe\xff" + vector(cookie, 1)


def numbers(data: bytes) -> tuple[int, ...]:
    """A list of numbers of two bytes each.

    Raises:
        AlertError: the number of bytes is odd.
    """
    if len(data) % 2:
        raise AlertError(DECODE_ERROR, "malformed handshake message: half a number at the end of a list")
    return tuple(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))


def number_list(*values: int) -> bytes:
    """A vector of numbers of two bytes each."""
    return vector(b"".join(value.to_bytes(2, "big") for value in values), 2)


def encode_server_name(name: str) -> bytes:
    """The server_name extension (RFC 6066 §3)."""
    return vector(b"\x00" + vector(name.encode("idna"), 2), 2)


def _check_version(version: bytes, *, exact: bool) -> None:
    # Version numbers of DTLS count down: FE FF is 1.0, FE FD is 1.2, anything newer is below it.
    if version[0] != 0xFE or (version != DTLS_1_2 if exact else version > DTLS_1_2):
        raise AlertError(PROTOCOL_VERSION, f"protocol version {version.hex()} not supported; DTLS 1.2 is fefd")


def _session_id(reader: Reader) -> bytes:
    session_id = reader.vector(1)
    if len(session_id) > SESSION_ID_MAX:
        raise AlertError(DECODE_ERROR, "malformed handshake message: the session ID is too long")
    return session_id


def _encode_extensions(extensions: dict[int, bytes]) -> bytes:
    return vector(b"".join(number.to_bytes(2, "big") + vector(data, 2) for number, data in extensions.items()), 2)


def _decode_extensions(reader: Reader) -> dict[int, bytes]:
    extensions: dict[int, bytes] = {}
    if reader.more:
        inner = Reader(reader.vector(2))
        reader.end()
        while inner.more:
            number = inner.number(2)
            if number in extensions:
                raise AlertError(DECODE_ERROR, f"malformed handshake message: extension {number} twice")
            extensions[number] = inner.vector(2)
    return extensions
