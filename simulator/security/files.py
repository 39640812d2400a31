"""Credentials out of files: keys from CSV or JSON, certificates from PEM. An error names the file, the line, the mend.

The text of an error never holds what a file holds, since that may be a key.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from simulator.security.credentials import CredentialError, Identity, Psk, TrustStore

COLUMNS: Final = ("endpoint", "identity", "key_hex")
FILE_MAX: Final = 256 << 20
"""Bytes that a file of credentials may have."""
_FORM: Final = "give it the columns endpoint, identity, key_hex"


def load_psks(path: Path) -> dict[str, Psk]:
    """Keys by Endpoint Client Name.

    A ``.json`` file is a list of objects with ``endpoint``, ``identity`` (the endpoint where it is missing) and
    ``key_hex``; any other file is CSV with a header line that names these columns.

    Raises:
        CredentialError: the file cannot be read or is not of this form.
    """
    rows = _json_rows(path) if path.suffix.lower() == ".json" else _csv_rows(path)
    psks: dict[str, Psk] = {}
    for place, row in rows:
        endpoint, psk = _psk(f"{path}, {place}", row)
        if endpoint in psks:
            msg = f"{path}, {place}: endpoint {endpoint!r} is there already; keep one of the two"
            raise CredentialError(msg)
        psks[endpoint] = psk
    return psks


def load_identity(certificate: Path, key: Path) -> Identity:
    """A chain (own certificate first) and its private key, both PEM.

    Raises:
        CredentialError: a file cannot be read, is no PEM, or the two do not belong together.
    """
    chain = _certificates(certificate)
    data = _bytes(key)
    try:
        private = load_pem_private_key(data, password=None)
    except TypeError as error:
        msg = f"{key}: the private key is encrypted; store it without a password (openssl pkey -in ... -out ...)"
        raise CredentialError(msg) from error
    except ValueError:
        msg = f"{key}: no private key in PEM; it begins with -----BEGIN PRIVATE KEY-----"
        raise CredentialError(msg) from None
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        msg = f"{key}: not an elliptic-curve key; make one with openssl genpkey -algorithm EC"
        raise CredentialError(msg)
    try:
        return Identity(chain, private)
    except CredentialError as error:
        msg = f"{certificate} and {key}: {error}"
        raise CredentialError(msg) from error


def load_trust(path: Path) -> TrustStore:
    """A trust store out of one or more certificates in PEM.

    Raises:
        CredentialError: the file cannot be read or has none.
    """
    return TrustStore(_certificates(path))


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > FILE_MAX:
            msg = f"{path}: more than {FILE_MAX >> 20} MiB; split it"
            raise CredentialError(msg)
        return path.read_bytes()
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}"
        raise CredentialError(msg) from error


def _text(path: Path) -> str:
    try:
        return _bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        msg = f"{path}, line {line}: not UTF-8; save the file as UTF-8"
        raise CredentialError(msg) from None


def _certificates(path: Path) -> tuple[x509.Certificate, ...]:
    data = _bytes(path)
    try:
        return tuple(x509.load_pem_x509_certificates(data))
    except ValueError:
        msg = f"{path}: no certificate in PEM; it begins with -----BEGIN CERTIFICATE-----"
        raise CredentialError(msg) from None


def _csv_rows(path: Path) -> Iterator[tuple[str, dict[str, object]]]:
    reader = csv.DictReader(io.StringIO(_text(path)), strict=True, restkey="more", skipinitialspace=True)
    try:
        header = tuple(reader.fieldnames or ())
        if not {"endpoint", "key_hex"} <= set(header) <= set(COLUMNS):
            msg = f"{path}, line 1: the header is not right; {_FORM}"
            raise CredentialError(msg)
        for row in reader:
            if "more" in row or None in row.values():
                msg = f"{path}, line {reader.line_num}: not {len(header)} values; {_FORM}"
                raise CredentialError(msg)
            yield f"line {reader.line_num}", {str(name): value for name, value in row.items()}
    except csv.Error as error:
        msg = f"{path}, line {reader.reader.line_num}: no CSV: {error}"
        raise CredentialError(msg) from None


def _json_rows(path: Path) -> Iterator[tuple[str, dict[str, object]]]:
    try:
        rows = json.loads(_text(path))
    except json.JSONDecodeError as error:
        msg = f"{path}, line {error.lineno}: no JSON: {error.msg}"
        raise CredentialError(msg) from None
    except RecursionError:
        msg = f"{path}: nested too deep; it is a list of objects"
        raise CredentialError(msg) from None
    if not isinstance(rows, list):
        msg = f'{path}: not a list; write [{{"endpoint": ..., "identity": ..., "key_hex": ...}}, ...]'
        raise CredentialError(msg)
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict) or not {"endpoint", "key_hex"} <= row.keys() <= set(COLUMNS):
            msg = f"{path}, entry {number}: not an object with endpoint, identity and key_hex"
            raise CredentialError(msg)
        yield f"entry {number}", row


def _psk(place: str, row: dict[str, object]) -> tuple[str, Psk]:
    values = {name: row.get(name, "") for name in COLUMNS}
    if not all(isinstance(value, str) for value in values.values()):
        msg = f"{place}: endpoint, identity and key_hex are text"
        raise CredentialError(msg)
    endpoint, identity, key_hex = (str(values[name]).strip() for name in COLUMNS)
    if not endpoint:
        msg = f"{place}: endpoint is empty; write the Endpoint Client Name"
        raise CredentialError(msg)
    try:
        key = bytes.fromhex(key_hex)
    except ValueError:
        msg = f"{place}: key_hex is not hexadecimal; write two digits for each byte of the key"
        raise CredentialError(msg) from None
    try:
        return endpoint, Psk((identity or endpoint).encode(), key)
    except CredentialError as error:
        msg = f"{place}: {error}"
        raise CredentialError(msg) from None
    except UnicodeEncodeError:
        msg = f"{place}: the identity is no Unicode text"
        raise CredentialError(msg) from None
