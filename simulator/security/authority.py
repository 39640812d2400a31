"""A small certificate authority for one run: certificates of servers and devices, and those that must be refused.

Certificates are on P-256 and signed with ECDSA and SHA-256, which is what LwM2M asks of a device (OMA LwM2M Transport
§5.2.8, RFC 7925 §4.4). They last for days; nothing of them is for use outside a run.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from simulator.security.credentials import Identity, TrustStore

_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Number of points on P-256 (NIST SP 800-186, 3.2.1.3)."""
SERVER: Final = (ExtendedKeyUsageOID.SERVER_AUTH,)
CLIENT: Final = (ExtendedKeyUsageOID.CLIENT_AUTH,)
LASTS: Final = timedelta(days=30)
EARLIER: Final = timedelta(days=1)
"""Certificates are valid from so long before, so that the clocks of two machines may differ."""
WRONG_HOST: Final = "wrong-host.invalid"
"""Whom the certificate of ``wrong_host`` is for; no host can have this name (RFC 2606)."""


def _wall_clock() -> datetime:
    return datetime.now(UTC)


class Authority:
    """A CA with a key of its own.

    Args:
        name: common name of the CA.
        clock: the time from which validity is reckoned, and at which its trust store judges.
        seed: that of a run. Whoever makes the CA from it has the same one, so that the processes of a run need no
            file of its key; and whoever knows the seed can sign: certificates of a load test, like its keys.
    """

    def __init__(
        self,
        name: str = "lwm2m-fleet run CA",
        clock: Callable[[], datetime] = _wall_clock,
        *,
        seed: int | None = None,
    ) -> None:
        self._clock = clock
        self._seed = seed
        self._name = _name(name)
        self._key = self._new_key(name)
        now = clock()
        since = now - 4 * EARLIER  # before the certificates that have expired
        self.certificate = self._sign(self._name, self._key.public_key(), since, now + LASTS, ca=True)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._name.rfc4514_string()!r})"

    @property
    def trust(self) -> TrustStore:
        """Trusts what this CA has signed."""
        return TrustStore((self.certificate,), self._clock)

    @property
    def pem(self) -> bytes:
        """The CA's own certificate as PEM, for the trust stores of other programs."""
        return self.certificate.public_bytes(Encoding.PEM)

    def server(self, *hosts: str) -> Identity:
        """A server's identity for host names and addresses; it may show it as a client, too.

        Stacks that take a connection to have no server side, such as Californium in Leshan's demo, ask for both.

        Raises:
            ValueError: no host is given.
        """
        if not hosts:
            raise ValueError("a server's certificate needs a host name or an address")
        return self._identity(hosts[0], hosts, (*SERVER, *CLIENT))

    def device(self, endpoint: str) -> Identity:
        """The identity of a device: its common name is the Endpoint Client Name."""
        return self._identity(endpoint, (), CLIENT)

    def expired(self, *hosts: str) -> Identity:
        """A server's identity that ended a day ago."""
        now = self._clock()
        return self._identity(hosts[0], hosts, SERVER, now - timedelta(days=3), now - timedelta(days=1))

    def expired_device(self, endpoint: str) -> Identity:
        """A device's identity that ended a day ago."""
        now = self._clock()
        return self._identity(endpoint, (), CLIENT, now - timedelta(days=3), now - timedelta(days=1))

    def wrong_host(self) -> Identity:
        """A server's identity for a host that does not exist."""
        return self.server(WRONG_HOST)

    def unknown_ca(self, *hosts: str) -> Identity:
        """A server's identity from a CA that nobody has heard of."""
        return self.stranger().server(*hosts)

    def stranger(self) -> Authority:
        """A CA that nobody has heard of."""
        return Authority("unknown CA", self._clock, seed=self._seed)

    def _new_key(self, name: str) -> ec.EllipticCurvePrivateKey:
        if self._seed is None:
            return ec.generate_private_key(ec.SECP256R1())
        return _derived_key(self._seed, name)

    def _identity(
        self,
        name: str,
        hosts: Sequence[str],
        purposes: Sequence[x509.ObjectIdentifier],
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Identity:
        key = self._new_key(f"{self._name.rfc4514_string()}/{name}")
        now = self._clock()
        certificate = self._sign(
            _name(name),
            key.public_key(),
            since or now - EARLIER,
            until or now + LASTS,
            hosts=hosts,
            purposes=purposes,
        )
        return Identity((certificate,), key)

    def _sign(
        self,
        subject: x509.Name,
        public_key: ec.EllipticCurvePublicKey,
        since: datetime,
        until: datetime,
        *,
        hosts: Sequence[str] = (),
        purposes: Sequence[x509.ObjectIdentifier] = (),
        ca: bool = False,
    ) -> x509.Certificate:
        own_key = self._key.public_key()
        builder = (
            x509.CertificateBuilder(self._name, subject, public_key, x509.random_serial_number(), since, until)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=0 if ca else None), critical=True)
            .add_extension(_usage(ca=ca), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(own_key), critical=False)
        )
        if purposes:
            builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName([_general(host) for host in hosts]), False)
        return builder.sign(self._key, hashes.SHA256())


def write_identity(directory: Path, identity: Identity, authority: Authority) -> None:
    """Write ``server.pem``, ``server.key`` and ``ca.pem``: what servers are started with (docs/driver-protocol.md).

    Only the owner may read the key.

    Raises:
        OSError: the directory cannot be written.
    """
    (directory / "server.pem").write_bytes(chain_pem(identity))
    (directory / "ca.pem").write_bytes(authority.pem)
    key = directory / "server.key"
    key.touch(mode=0o600)
    key.write_bytes(key_pem(identity))


def chain_pem(identity: Identity) -> bytes:
    """The certificates of an identity as PEM, own certificate first: what other programs read."""
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in identity.chain)


def key_pem(identity: Identity) -> bytes:
    """The private key of an identity as PEM (PKCS #8, not encrypted): for a file that only its owner may read."""
    return identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def subject_of(common_name: str) -> str:
    """The subject of a certificate of this CA, as ``Identity.subject`` and ``Peer.subject`` have it (RFC 4514)."""
    return _name(common_name).rfc4514_string()


def _derived_key(seed: int, name: str) -> ec.EllipticCurvePrivateKey:
    """A key on P-256 out of a seed: 384 bits reduced to the group's order, so that none is likelier (FIPS 186-5)."""
    wide = hashlib.blake2b(name.encode(), digest_size=48, key=b"%d" % seed, person=b"lwm2m-ca-key").digest()
    return ec.derive_private_key(int.from_bytes(wide, "big") % (_P256_ORDER - 1) + 1, ec.SECP256R1())


def _name(common_name: str) -> x509.Name:
    """A subject; RFC 5280 allows 64 characters of a common name, the rest of a longer one is cut off."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=not ca,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )
