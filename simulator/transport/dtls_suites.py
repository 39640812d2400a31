"""Cipher suites of DTLS 1.2 and the keys that they take: all AEAD on AES-128, all with SHA-256.

They are the ones that LwM2M asks for (OMA LwM2M Transport §5.2) and RFC 7925 §4 allows, except for CBC. The
primitives are those of the ``cryptography`` package; here is how TLS joins them (RFC 5246 §5, §6.3, §8; RFC 6655).
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM

from simulator.transport.dtls_wire import RECORD_HEADER, vector

KEY_SIZE: Final = 16
SALT_SIZE: Final = 4
EXPLICIT_SIZE: Final = 8
"""Bytes of the nonce that every record carries."""
VERIFY_SIZE: Final = 12
"""Bytes of verify_data in Finished."""
MASTER_SIZE: Final = 48
WINDOW: Final = 64
"""How far back a record may come and still be taken once (RFC 6347 §4.1.2.6)."""


class Suite(NamedTuple):
    """One cipher suite."""

    number: int
    name: str
    psk: bool
    tag: int
    """Bytes of the authentication tag."""
    ccm: bool


SUITES: Final = {
    suite.number: suite
    for suite in (
        Suite(0xC0A8, "TLS_PSK_WITH_AES_128_CCM_8", psk=True, tag=8, ccm=True),
        Suite(0x00A8, "TLS_PSK_WITH_AES_128_GCM_SHA256", psk=True, tag=16, ccm=False),
        Suite(0xC0A4, "TLS_PSK_WITH_AES_128_CCM", psk=True, tag=16, ccm=True),
        Suite(0xC0AE, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", psk=False, tag=8, ccm=True),
        Suite(0xC02B, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", psk=False, tag=16, ccm=False),
        Suite(0xC0AC, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM", psk=False, tag=16, ccm=True),
    )
}
"""By number, in the order of preference."""


def prf(secret: bytes, label: bytes, seed: bytes, size: int) -> bytes:
    """The pseudo-random function of TLS 1.2 with SHA-256 (RFC 5246 §5)."""
    seed = label + seed
    out, a = b"", seed
    while len(out) < size:
        a = hmac.digest(secret, a, "sha256")
        out += hmac.digest(secret, a + seed, "sha256")
    return out[:size]


def psk_premaster(key: bytes) -> bytes:
    """The premaster secret of a plain pre-shared key (RFC 4279 §2)."""
    return vector(bytes(len(key)), 2) + vector(key, 2)


class RecordKeys:
    """Protects the records of one direction and epoch.

    Args:
        suite: names the algorithm.
        key, salt: of this direction, out of the key block.
        epoch: of the records.
    """

    __slots__ = ("_epoch", "_salt", "_tag", "decrypt", "encrypt", "highest", "seen", "sequence")

    def __init__(self, suite: Suite, key: bytes, salt: bytes, epoch: int = 1) -> None:
        cipher = AESCCM(key, tag_length=suite.tag) if suite.ccm else AESGCM(key)
        self.encrypt: Callable[[bytes, bytes, bytes], bytes] = cipher.encrypt
        self.decrypt: Callable[[bytes, bytes, bytes], bytes] = cipher.decrypt
        self._salt = salt
        self._tag = suite.tag
        self._epoch = epoch << 48
        self.sequence = 0
        """Of the next record that is sealed."""
        self.highest = -1
        """Highest sequence number that was opened, and which of the 64 up to it were (bit 0 is the highest)."""
        self.seen = 0

    def seal(self, head: bytes, data: bytes) -> bytes:
        """A record; ``head`` is its content type and version."""
        number = (self._epoch + self.sequence).to_bytes(8, "big")
        self.sequence += 1
        sealed = self.encrypt(self._salt + number, data, number + head + len(data).to_bytes(2, "big"))
        return head + number + (len(sealed) + EXPLICIT_SIZE).to_bytes(2, "big") + number + sealed

    def open(self, record: bytes) -> bytes | None:
        """What a whole record protects; None where it is repeated, too old, or not the peer's."""
        sequence = int.from_bytes(record[5:11], "big")
        behind = self.highest - sequence
        if behind >= 0 and (behind >= WINDOW or self.seen >> behind & 1):
            return None
        size = len(record) - RECORD_HEADER - EXPLICIT_SIZE - self._tag
        if size < 0:
            return None
        try:
            data = self.decrypt(
                self._salt + record[13:21], record[21:], record[3:11] + record[:3] + size.to_bytes(2, "big")
            )
        except InvalidTag:
            return None
        # Only now is it known that the number is the peer's own.
        if behind < 0:
            self.seen = (self.seen << min(-behind, WINDOW) | 1) & ((1 << WINDOW) - 1)
            self.highest = sequence
        else:
            self.seen |= 1 << behind
        return data


class SessionKeys(NamedTuple):
    """The record keys of both directions."""

    client: RecordKeys
    server: RecordKeys


def master_secret(premaster: bytes, client_random: bytes, server_random: bytes, session_hash: bytes | None) -> bytes:
    """The master secret; ``session_hash`` where both sides can do the extended one (RFC 7627)."""
    if session_hash is not None:
        return prf(premaster, b"extended master secret", session_hash, MASTER_SIZE)
    return prf(premaster, b"master secret", client_random + server_random, MASTER_SIZE)


def session_keys(suite: Suite, master: bytes, client_random: bytes, server_random: bytes) -> SessionKeys:
    """The keys for epoch 1 (RFC 5246 §6.3)."""
    block = prf(master, b"key expansion", server_random + client_random, 2 * (KEY_SIZE + SALT_SIZE))
    client_key, server_key, salts = block[:KEY_SIZE], block[KEY_SIZE : 2 * KEY_SIZE], block[2 * KEY_SIZE :]
    return SessionKeys(
        RecordKeys(suite, client_key, salts[:SALT_SIZE]), RecordKeys(suite, server_key, salts[SALT_SIZE:])
    )


def verify_data(master: bytes, *, client: bool, transcript_hash: bytes) -> bytes:
    """What Finished of one side holds (RFC 5246 §7.4.9)."""
    return prf(master, b"client finished" if client else b"server finished", transcript_hash, VERIFY_SIZE)
