"""Whether a certificate chain is to be trusted, and if not, why (RFC 5280 §6, for chains of EC and RSA certificates).

A path is built from what the peer sent to one of the anchors. The causes are told apart, because "works over coap,
fails over coaps" is most often one of them. There is no revocation: devices have no way to ask.
"""

from __future__ import annotations

import ipaddress
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from simulator.security.failures import BAD_CERTIFICATE, CERTIFICATE_EXPIRED, DECODE_ERROR, UNKNOWN_CA, AlertError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simulator.security.credentials import TrustStore

_E = TypeVar("_E", bound=x509.ExtensionType)

CHAIN_MAX: Final = 8
"""Certificates that a chain may have."""
SERVER: Final = ExtendedKeyUsageOID.SERVER_AUTH
CLIENT: Final = ExtendedKeyUsageOID.CLIENT_AUTH
_UNDERSTOOD: Final = (
    x509.BasicConstraints,
    x509.KeyUsage,
    x509.ExtendedKeyUsage,
    x509.SubjectAlternativeName,
)
_FAILED: Final = "certificate verify failed: "
_MALFORMED: Final = (
    ValueError,
    TypeError,
    LookupError,  # of older versions of cryptography
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    UnsupportedAlgorithm,
)


def parse_chain(der: Sequence[bytes]) -> list[x509.Certificate]:
    """The certificates of a chain, own certificate of the peer first.

    Raises:
        AlertError: there is none or more than 8, or one is no certificate.
    """
    if not 1 <= len(der) <= CHAIN_MAX:
        raise AlertError(BAD_CERTIFICATE, f"{_FAILED}a chain of {len(der)} certificates; 1 to {CHAIN_MAX} are taken")
    try:
        with _no_warnings():
            return [x509.load_der_x509_certificate(data) for data in der]
    except _MALFORMED as error:
        raise AlertError(DECODE_ERROR, _FAILED + "malformed certificate") from error


def verify_chain(
    chain: Sequence[x509.Certificate], trust: TrustStore, purpose: x509.ObjectIdentifier, name: str = ""
) -> str:
    """Accept the chain of a peer; gives the subject of its own certificate (RFC 4514).

    Args:
        chain: own certificate of the peer first.
        trust: the anchors and the time.
        purpose: ``SERVER`` or ``CLIENT``: what an extended key usage has to name, where there is one.
        name: host name or address that the certificate has to be for; empty for any.

    Raises:
        AlertError: it is not accepted; the cause begins with "certificate verify failed: ".
    """
    now = trust.clock()
    leaf = chain[0]
    try:
        with _no_warnings():
            _check_one(leaf, now)
            if leaf not in trust.anchors:
                _climb(chain, trust, now)
            _check_purpose(leaf, purpose)
            if name:
                check_name(leaf, name)
            return leaf.subject.rfc4514_string()
    except _MALFORMED as error:
        # Certificates are parsed piece by piece, as they are asked for.
        raise AlertError(DECODE_ERROR, _FAILED + "malformed certificate") from error


@contextmanager
def _no_warnings() -> Iterator[None]:
    """What a peer sends, odd as it may be, is no news for the standard error of a run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _climb(chain: Sequence[x509.Certificate], trust: TrustStore, now: datetime) -> None:
    """Go from issuer to issuer until one of them is an anchor."""
    rest = list(chain[1:])
    at = chain[0]
    for below in range(CHAIN_MAX):
        anchor = _issuer(at, trust.anchors)
        issuer = anchor or _issuer(at, rest)
        if issuer is None:
            break
        _check_one(issuer, now)
        _check_issuer(issuer, below)
        if anchor is not None:
            return
        rest.remove(issuer)
        at = issuer
    if chain[0].issuer == chain[0].subject:
        raise AlertError(UNKNOWN_CA, _FAILED + "self-signed certificate that is not trusted")
    raise AlertError(UNKNOWN_CA, f"{_FAILED}unknown CA: {at.issuer.rfc4514_string() or 'without a name'}")


def _issuer(certificate: x509.Certificate, among: Sequence[x509.Certificate]) -> x509.Certificate | None:
    for candidate in among:
        if candidate.subject == certificate.issuer:
            try:
                certificate.verify_directly_issued_by(candidate)
            except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
                continue
            return candidate
    return None


def _check_one(certificate: x509.Certificate, now: datetime) -> None:
    """Its time, and that it asks for nothing that is not understood (RFC 5280 §4.2)."""
    if now > certificate.not_valid_after_utc:
        raise AlertError(CERTIFICATE_EXPIRED, _FAILED + "expired")
    if now < certificate.not_valid_before_utc:
        raise AlertError(CERTIFICATE_EXPIRED, _FAILED + "not yet valid")
    for extension in certificate.extensions:
        if extension.critical and not isinstance(extension.value, _UNDERSTOOD):
            raise AlertError(BAD_CERTIFICATE, f"{_FAILED}critical extension {extension.oid.dotted_string}")


def _check_issuer(certificate: x509.Certificate, below: int) -> None:
    """Whether it may issue certificates, with so many issuers between it and the peer's own certificate."""
    constraints = _extension(certificate, x509.BasicConstraints)
    if constraints is None or not constraints.ca:
        raise AlertError(BAD_CERTIFICATE, _FAILED + "the issuer is no CA")
    if constraints.path_length is not None and constraints.path_length < below:
        raise AlertError(BAD_CERTIFICATE, _FAILED + "the chain is longer than its CA allows")
    usage = _extension(certificate, x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        raise AlertError(BAD_CERTIFICATE, _FAILED + "the issuer's key is not for certificates")


def _check_purpose(certificate: x509.Certificate, purpose: x509.ObjectIdentifier) -> None:
    usage = _extension(certificate, x509.ExtendedKeyUsage)
    if usage is not None and purpose not in usage and ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE not in usage:
        raise AlertError(BAD_CERTIFICATE, _FAILED + "not made for this side of a connection (extended key usage)")


def check_name(certificate: x509.Certificate, name: str) -> None:
    """Whether a certificate is for a host (RFC 6125 §6.4; the common name counts where there is no alternative name).

    Raises:
        AlertError: it is for somebody else, whom the cause names.
    """
    names = certificate_names(certificate)
    wanted = _canonical(name)
    if not any(_matches(wanted, candidate) for candidate in names):
        raise AlertError(
            BAD_CERTIFICATE, f"{_FAILED}wrong host name: it is for {', '.join(names) or 'nobody'}, not for {name}"
        )


def certificate_names(certificate: x509.Certificate) -> list[str]:
    """Host names and addresses that a certificate is for."""
    alternatives = _extension(certificate, x509.SubjectAlternativeName)
    if alternatives is not None:
        names = alternatives.get_values_for_type(x509.DNSName)
        return names + [str(address) for address in alternatives.get_values_for_type(x509.IPAddress)]
    return [str(attribute.value) for attribute in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]


def _matches(wanted: str, candidate: str) -> bool:
    candidate = _canonical(candidate)
    if candidate.startswith("*."):
        return "." in wanted and not _is_address(wanted) and wanted.partition(".")[2] == candidate[2:]
    return wanted == candidate


def _canonical(name: str) -> str:
    try:
        return str(ipaddress.ip_address(name.strip("[]")))
    except ValueError:
        return name.rstrip(".").lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _extension(certificate: x509.Certificate, kind: type[_E]) -> _E | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
