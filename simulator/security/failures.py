"""How a secure connection fails, in words that a report can print."""

from __future__ import annotations

import errno
from typing import Final

CLOSE_NOTIFY: Final = 0
UNEXPECTED_MESSAGE: Final = 10
BAD_RECORD_MAC: Final = 20
HANDSHAKE_FAILURE: Final = 40
BAD_CERTIFICATE: Final = 42
CERTIFICATE_EXPIRED: Final = 45
UNKNOWN_CA: Final = 48
DECODE_ERROR: Final = 50
DECRYPT_ERROR: Final = 51
PROTOCOL_VERSION: Final = 70
UNKNOWN_PSK_IDENTITY: Final = 115

ALERTS: Final = {
    CLOSE_NOTIFY: "close notify",
    UNEXPECTED_MESSAGE: "unexpected message",
    BAD_RECORD_MAC: "bad record MAC",
    22: "record overflow",
    HANDSHAKE_FAILURE: "handshake failure: no cipher suite or credential that both sides take",
    BAD_CERTIFICATE: "certificate refused by the peer: bad certificate",
    43: "certificate refused by the peer: unsupported certificate",
    44: "certificate refused by the peer: revoked",
    CERTIFICATE_EXPIRED: "certificate refused by the peer: expired",
    46: "certificate refused by the peer: not acceptable",
    47: "illegal parameter",
    UNKNOWN_CA: "certificate refused by the peer: unknown CA",
    49: "access denied",
    DECODE_ERROR: "decode error",
    DECRYPT_ERROR: "decrypt error: the keys of the two sides differ",
    PROTOCOL_VERSION: "protocol version not supported",
    71: "insufficient security",
    80: "internal error of the peer",
    90: "handshake cancelled",
    109: "missing extension",
    110: "unsupported extension",
    112: "unrecognised server name",
    UNKNOWN_PSK_IDENTITY: "unknown PSK identity",
    116: "the peer asks for a certificate, and there is none",
}
"""What the alerts of TLS and DTLS say (RFC 5246 §7.2, RFC 6066, RFC 4279 §2, RFC 8446 §6)."""


class SecurityError(OSError):
    """A secure connection that cannot be had or has ended.

    Attributes:
        cause: what happened, in words without any key.
    """

    def __init__(self, number: int, cause: str, peer: object = None) -> None:
        self.cause = cause
        self.peer = peer
        super().__init__(number, f"{peer}: {cause}" if peer is not None else cause)


class HandshakeFailedError(SecurityError):
    """The handshake did not come to an end: refused by one of the sides, or not answered."""

    def __init__(self, cause: str, peer: object = None, *, number: int = errno.ECONNABORTED) -> None:
        super().__init__(number, cause, peer)


class ConnectionClosedError(SecurityError):
    """The peer ended an established connection.

    Attributes:
        orderly: by close notify, not by a fatal alert or by what it sent.
    """

    def __init__(self, cause: str, peer: object = None, *, orderly: bool = False) -> None:
        super().__init__(errno.ECONNRESET, cause, peer)
        self.orderly = orderly


class AlertError(Exception):
    """What this side cannot accept; it is told to the peer as an alert, and to the owner as the cause.

    Attributes:
        alert: number of the alert (RFC 5246 §7.2).
        cause: what happened, in words without any key.
    """

    def __init__(self, alert: int, cause: str) -> None:
        super().__init__(cause)
        self.alert = alert
        self.cause = cause


def alert_text(alert: int) -> str:
    """What an alert of the peer says."""
    return ALERTS.get(alert, f"alert {alert}")
