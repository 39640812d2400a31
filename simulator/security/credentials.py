"""What a side of a secure connection has to show, and whom it trusts. Keys are in no text that these values give."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

if TYPE_CHECKING:
    from simulator.security.oscore import Oscore

PSK_KEY_MAX: Final = 64
"""Longest key, in bytes; RFC 4279 §5.3 asks for no more."""
PSK_IDENTITY_MAX: Final = 128
"""Longest identity, in bytes (RFC 4279 §5.3)."""
DERIVED_KEY_SIZE: Final = 16


class CredentialError(ValueError):
    """A credential that cannot be used; the text names its place and the mend, and never the key."""


@dataclass(frozen=True, slots=True)
class Psk:
    """A pre-shared key (RFC 4279).

    Raises:
        CredentialError: the identity has no byte or more than 128, or the key none or more than 64.
    """

    identity: bytes
    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not 1 <= len(self.identity) <= PSK_IDENTITY_MAX:
            msg = f"a PSK identity has 1 to {PSK_IDENTITY_MAX} bytes, not {len(self.identity)}"
            raise CredentialError(msg)
        if not 1 <= len(self.key) <= PSK_KEY_MAX:
            msg = f"the PSK key of {self.identity!r} has 1 to {PSK_KEY_MAX} bytes, not {len(self.key)}"
            raise CredentialError(msg)


def derive_psk(seed: int, endpoint: str) -> Psk:
    """The key of a device, the same in every process that knows the seed; its identity is the Endpoint Client Name.

    Keys of a load test: whoever knows the seed knows them all.
    """
    key = hashlib.blake2b(endpoint.encode(), digest_size=DERIVED_KEY_SIZE, key=b"%d" % seed, person=b"lwm2m-psk")
    return Psk(endpoint.encode(), key.digest())


class PskStore:
    """The keys that a server knows, by identity.

    Args:
        psks: what it knows from the start.
        fallback: asked where an identity is not among them; gives the key or None.
    """

    __slots__ = ("_fallback", "_keys")

    def __init__(self, psks: Iterable[Psk] = (), fallback: Callable[[bytes], bytes | None] | None = None) -> None:
        self._keys = {psk.identity: psk.key for psk in psks}
        self._fallback = fallback

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self._keys)} identities)"

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, psk: Psk) -> None:
        """Know one more, or another key of a known identity."""
        self._keys[psk.identity] = psk.key

    def remove(self, identity: bytes) -> None:
        """Know an identity no longer."""
        self._keys.pop(identity, None)

    def key(self, identity: bytes) -> bytes | None:
        """The key of an identity, or None where nobody knows it."""
        key = self._keys.get(identity)
        return self._fallback(identity) if key is None and self._fallback is not None else key


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate with the chain above it, own certificate first, and its private key.

    Raises:
        CredentialError: there is no certificate, the key is none on P-256 or P-384, or it is not the certificate's.
    """

    chain: tuple[x509.Certificate, ...]
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    der: tuple[bytes, ...] = field(init=False, repr=False, compare=False)
    """The chain as it goes over the wire."""

    def __post_init__(self) -> None:
        if not self.chain:
            raise CredentialError("an identity needs a certificate")
        if self.key.curve.name not in ("secp256r1", "secp384r1"):
            msg = f"a key on {self.key.curve.name} cannot be used; make one on P-256 or P-384"
            raise CredentialError(msg)
        if self.chain[0].public_key() != self.key.public_key():
            msg = f"the private key does not belong to the certificate of {self.subject}"
            raise CredentialError(msg)
        object.__setattr__(self, "der", tuple(certificate.public_bytes(Encoding.DER) for certificate in self.chain))

    @property
    def subject(self) -> str:
        """Whose certificate it is (RFC 4514)."""
        return self.chain[0].subject.rfc4514_string()


def _wall_clock() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class TrustStore:
    """The certificates that others are measured by: CAs, or certificates of peers as they are.

    Args:
        anchors: what is trusted without further question.
        clock: the time at which certificates are judged, with its zone; a run in virtual time has one of its own.
    """

    anchors: tuple[x509.Certificate, ...]
    clock: Callable[[], datetime] = field(default=_wall_clock, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client has: a pre-shared key, or a trust store with or without an identity of its own, or both.

    ``server_name`` goes out as SNI where it is a name, and is what the server's certificate has to be for; without
    it, the certificate is not held against any name.
    """

    psk: Psk | None = None
    identity: Identity | None = None
    trust: TrustStore | None = None
    server_name: str = ""
    oscore: Oscore | None = None
    """For messages that are protected themselves (RFC 8613), over whatever carries them."""

    @property
    def usable(self) -> bool:
        """Whether a handshake can be had with them."""
        return self.psk is not None or self.trust is not None


@dataclass(frozen=True, slots=True)
class ServerCredentials:
    """What a server has: keys of its clients, or an identity, or both.

    With ``trust``, every client that comes by certificate has to show one that the store takes.
    """

    psks: PskStore | None = None
    identity: Identity | None = None
    trust: TrustStore | None = None
    psk_hint: bytes = b""

    @property
    def usable(self) -> bool:
        """Whether a handshake can be had with them."""
        return self.psks is not None or self.identity is not None


@dataclass(frozen=True, slots=True)
class Peer:
    """Who the other side of a connection has shown to be."""

    psk_identity: bytes = b""
    subject: str = ""
    """Of its certificate (RFC 4514)."""
