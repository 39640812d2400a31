"""Certificates, key exchange and signatures of a handshake with ECDHE and ECDSA (RFC 8422, RFC 5246 §7.4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from simulator.security.failures import BAD_CERTIFICATE, DECODE_ERROR, DECRYPT_ERROR, HANDSHAKE_FAILURE, AlertError
from simulator.transport.dtls_hello import ECDSA_SHA256, ECDSA_SHA384, SECP256R1, SIGNATURES, number_list
from simulator.transport.dtls_wire import Reader, vector

if TYPE_CHECKING:
    from cryptography import x509

NAMED_CURVE: Final = 3
ECDSA_SIGN: Final = 64
"""ClientCertificateType ecdsa_sign (RFC 8422 §5.5)."""
CERTIFICATES_MAX: Final = 16
_CURVE: Final = ec.SECP256R1()
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the group of P-256 (SEC 2 §2.4.2)."""
_HASHES: Final[dict[int, hashes.HashAlgorithm]] = {ECDSA_SHA256: hashes.SHA256(), ECDSA_SHA384: hashes.SHA384()}


class ServerKey(NamedTuple):
    """What a ServerKeyExchange with ECDHE holds."""

    parameters: bytes
    """Curve and public point as they are signed."""
    point: bytes
    algorithm: int
    signature: bytes


def new_key(entropy: Callable[[int], bytes]) -> ec.EllipticCurvePrivateKey:
    """A key on P-256 for one handshake, out of random bytes; too many of them, so that the remainder is even."""
    return ec.derive_private_key(int.from_bytes(entropy(40), "big") % (_ORDER - 1) + 1, _CURVE)


def public_point(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The public half of a key, uncompressed."""
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def shared_secret(key: ec.EllipticCurvePrivateKey, point: bytes) -> bytes:
    """What both sides of ECDHE can compute.

    Raises:
        AlertError: ``point`` is not on the curve.
    """
    try:
        return key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, point))
    except ValueError as error:
        raise AlertError(DECODE_ERROR, "malformed key exchange: no point of P-256") from error


def encode_certificates(der: Sequence[bytes]) -> bytes:
    """The body of a Certificate message."""
    return vector(b"".join(vector(data, 3) for data in der), 3)


def decode_certificates(body: bytes) -> list[bytes]:
    """The certificates of a Certificate message, DER.

    Raises:
        AlertError: it is malformed.
    """
    reader = Reader(body)
    inner = Reader(reader.vector(3))
    reader.end()
    chain: list[bytes] = []
    while inner.more:
        chain.append(inner.vector(3))
        if len(chain) > CERTIFICATES_MAX:
            raise AlertError(BAD_CERTIFICATE, f"a chain of more than {CERTIFICATES_MAX} certificates")
    return chain


def server_parameters(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Curve and public point of a server, as they are signed."""
    return bytes([NAMED_CURVE]) + SECP256R1.to_bytes(2, "big") + vector(public_point(key), 1)


def decode_server_key(body: bytes) -> ServerKey:
    """A ServerKeyExchange with ECDHE and ECDSA.

    Raises:
        AlertError: it is malformed, or on another curve than P-256.
    """
    reader = Reader(body)
    if reader.number(1) != NAMED_CURVE or reader.number(2) != SECP256R1:
        raise AlertError(HANDSHAKE_FAILURE, "the server's key exchange is not on P-256")
    point = reader.vector(1)
    parameters = body[: 4 + len(point)]
    algorithm, signature = reader.number(2), reader.vector(2)
    reader.end()
    return ServerKey(parameters, point, algorithm, signature)


def encode_certificate_request() -> bytes:
    """The body of a CertificateRequest: ECDSA, of whatever CA."""
    return bytes([1, ECDSA_SIGN]) + number_list(*SIGNATURES) + vector(b"", 2)


def algorithm_for(key: ec.EllipticCurvePrivateKey) -> int:
    """The signature algorithm of a key: the hash that is as long as the curve."""
    return ECDSA_SHA384 if key.curve.name == "secp384r1" else ECDSA_SHA256


def sign(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    """Algorithm and signature (DigitallySigned)."""
    algorithm = algorithm_for(key)
    return algorithm.to_bytes(2, "big") + vector(key.sign(data, ec.ECDSA(_HASHES[algorithm])), 2)


def decode_signature(body: bytes) -> tuple[int, bytes]:
    """Algorithm and signature of a CertificateVerify.

    Raises:
        AlertError: it is malformed.
    """
    reader = Reader(body)
    algorithm, signature = reader.number(2), reader.vector(2)
    reader.end()
    return algorithm, signature


def check_signature(certificate: x509.Certificate, algorithm: int, signature: bytes, data: bytes) -> None:
    """See that the holder of a certificate signed ``data``.

    Raises:
        AlertError: it did not, or by an algorithm that is not ECDSA with SHA-256 or SHA-384.
    """
    try:
        key = certificate.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise AlertError(BAD_CERTIFICATE, "certificate verify failed: its key cannot be read") from error
    if algorithm not in _HASHES or not isinstance(key, ec.EllipticCurvePublicKey):
        raise AlertError(HANDSHAKE_FAILURE, f"the peer signs by algorithm {algorithm:#06x}, which is no ECDSA")
    try:
        key.verify(signature, data, ec.ECDSA(_HASHES[algorithm]))
    except InvalidSignature:
        raise AlertError(DECRYPT_ERROR, "the peer does not have the private key of its certificate") from None
