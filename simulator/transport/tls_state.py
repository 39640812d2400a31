"""What a TLS connection knows of itself while OpenSSL works, and what went wrong with it, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from simulator.security.failures import BAD_RECORD_MAC, CLOSE_NOTIFY, DECRYPT_ERROR, HANDSHAKE_FAILURE, alert_text
from simulator.security.verify import certificate_names

if TYPE_CHECKING:
    from OpenSSL import SSL, crypto

    from simulator.security.credentials import Psk

_ILLEGAL_PARAMETER: Final = 47
_KEYS_DIFFER: Final = (BAD_RECORD_MAC, DECRYPT_ERROR, _ILLEGAL_PARAMETER)
"""What servers answer to a PSK that is not theirs; which one depends on the version of TLS."""
_UNKNOWN: Final = (2, 20, 21)
_CAUSES: Final = {
    9: "not yet valid",
    10: "expired",
    18: "self-signed certificate that is not trusted",
    24: "the issuer is no CA",
    25: "the chain is longer than its CA allows",
    26: "not made for this side of a connection (extended key usage)",
    32: "the issuer's key is not for certificates",
    34: "a critical extension that is not understood",
    79: "the issuer is no CA",
}
"""By number of OpenSSL's verification errors (x509_vfy.h); the words are those of ``simulator.security.verify``."""
_WRONG_NAME: Final = (62, 63, 64)


class TlsState:
    """What callbacks of OpenSSL find and leave behind.

    Args:
        psk: of this side, where it is a client that has one.
        name: that the peer's certificate has to be for.
        trusts: whether there is a trust store to judge it by.
    """

    __slots__ = ("alert", "cause", "name", "psk", "psk_identity", "trusts")

    def __init__(self, psk: Psk | None = None, name: str = "", *, trusts: bool = True) -> None:
        self.trusts = trusts
        self.psk = psk
        self.name = name
        self.alert = -1
        """The last alert of the peer."""
        self.cause = ""
        """Why this side refused the other one."""
        self.psk_identity = b""

    def refuse(self, error: int, certificate: crypto.X509) -> None:
        """Remember why a certificate was not accepted; the first error counts."""
        if self.cause:
            return
        if not self.trusts:
            # By TLS 1.3 a server that does not know the identity goes on without the PSK (RFC 8446 §4.2.11).
            self.cause = "unknown PSK identity: the server shows a certificate instead, and there is no trust store"
            return
        if error in _WRONG_NAME:
            names = ", ".join(certificate_names(certificate.to_cryptography()))
            what = f"wrong host name: it is for {names or 'nobody'}, not for {self.name}"
        elif error in _UNKNOWN:
            what = f"unknown CA: {certificate.to_cryptography().issuer.rfc4514_string() or 'without a name'}"
        elif error == 19:
            what = f"unknown CA: {certificate.to_cryptography().subject.rfc4514_string() or 'without a name'}"
        else:
            what = _CAUSES.get(error, f"error {error} of OpenSSL")
        self.cause = f"certificate verify failed: {what}"

    def why(self, reason: str) -> str:
        """Why a connection failed; ``reason`` is OpenSSL's own word, where nothing more is known."""
        if self.cause:
            return self.cause
        if self.alert < 0 or self.alert == CLOSE_NOTIFY:
            return reason
        text = alert_text(self.alert)
        if self.psk_identity and self.alert in _KEYS_DIFFER:
            return f"{text}; wrong PSK key"
        if self.psk_identity and self.alert == HANDSHAKE_FAILURE:
            return f"{text}; unknown PSK identity, perhaps"
        return text


def state_of(connection: SSL.Connection) -> TlsState | None:
    """The state of a connection."""
    state = connection.get_app_data()
    return state if isinstance(state, TlsState) else None
