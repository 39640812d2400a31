"""What the two sides of an OSCORE security context share (RFC 8613 §3.1): secret, salt, and two short names."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

from simulator.security.credentials import CredentialError

OSCORE_ID_MAX: Final = 7
"""Longest Sender or Recipient ID in bytes: with AES-CCM-16-64-128 six less than its nonce (RFC 8613 §3.3)."""
SECRET_MIN: Final = 16
"""Shortest master secret in bytes: the strength of AES-CCM-16-64-128."""
SECRET_MAX: Final = 64
SERVER_ID: Final = b"\x00"
"""Sender ID of a server under test; a device has one server, so it need be no other for another device."""


@dataclass(frozen=True, slots=True)
class Oscore:
    """The input of one side's security context; algorithms are the defaults of RFC 8613 §3.2.

    Raises:
        CredentialError: an ID has more than 7 bytes, both are the same, or the secret has not 16 to 64 bytes.
    """

    sender_id: bytes
    """What this side is known by."""
    recipient_id: bytes
    """What the other side is known by."""
    secret: bytes = field(repr=False)
    salt: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        for name, value in (("Sender ID", self.sender_id), ("Recipient ID", self.recipient_id)):
            if len(value) > OSCORE_ID_MAX:
                msg = f"an OSCORE {name} has 0 to {OSCORE_ID_MAX} bytes, not {len(value)}"
                raise CredentialError(msg)
        if self.sender_id == self.recipient_id:
            msg = f"the OSCORE Sender ID and Recipient ID are both {self.sender_id.hex()!r}; give each side its own"
            raise CredentialError(msg)
        if not SECRET_MIN <= len(self.secret) <= SECRET_MAX:
            msg = f"an OSCORE master secret has {SECRET_MIN} to {SECRET_MAX} bytes, not {len(self.secret)}"
            raise CredentialError(msg)

    def mirrored(self) -> Oscore:
        """The same as the other side has it."""
        return Oscore(self.recipient_id, self.sender_id, self.secret, self.salt)


def derive_oscore(seed: int, endpoint: str) -> Oscore:
    """What a device has, the same in every process that knows the seed.

    Keys of a load test: whoever knows the seed knows them all.
    """

    def derive(person: bytes, size: int) -> bytes:
        return hashlib.blake2b(endpoint.encode(), digest_size=size, key=b"%d" % seed, person=person).digest()

    return Oscore(
        derive(b"oscore-id", OSCORE_ID_MAX), SERVER_ID, derive(b"oscore-secret", 16), derive(b"oscore-salt", 8)
    )


__all__ = ["OSCORE_ID_MAX", "Oscore", "derive_oscore"]
