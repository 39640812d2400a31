"""The credentials of one device, out of the files that its user names."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from simulator.api.settings import SettingsError
from simulator.security.credentials import CredentialError, Credentials, Psk
from simulator.security.files import load_identity, load_trust

KEY_FILE_MAX: Final = 4096


def held_credentials(
    psk: Psk | None, certificate: Path | str | None, key: Path | str | None, trust: Path | str | None, server_name: str
) -> Credentials:
    """What a device holds; nothing where nothing is given.

    Raises:
        SettingsError: a file cannot be used, or one is missing beside the others.
    """
    if (certificate is None) != (key is None):
        raise SettingsError(["certificate and key belong together; give both files or neither"])
    if certificate is not None and trust is None:
        raise SettingsError(["a certificate needs somebody to show it to; name the CAs to trust, in one PEM file"])
    try:
        return Credentials(
            psk=psk,
            identity=None if certificate is None or key is None else load_identity(Path(certificate), Path(key)),
            trust=None if trust is None else load_trust(Path(trust)),
            server_name=server_name,
        )
    except CredentialError as error:
        raise SettingsError([str(error)]) from None


def psk_of(identity: str, key_hex: str, place: str = "the key") -> Psk:
    """A pre-shared key; ``place`` is where it comes from, for an error.

    Raises:
        SettingsError: the key is not hexadecimal, or one of the two is too long. Its text does not hold the key.
    """
    try:
        key = bytes.fromhex(key_hex.strip())
    except ValueError:
        raise SettingsError([f"{place} is not hexadecimal; write two digits for each byte"]) from None
    try:
        return Psk(identity.encode(), key)
    except (CredentialError, UnicodeEncodeError) as error:
        raise SettingsError([f"{place}: {error}"]) from None


def psk_from_file(identity: str, path: Path) -> Psk:
    """A pre-shared key out of a file that has it in hexadecimal and nothing else.

    Raises:
        SettingsError: the file cannot be read, or its content is no key.
    """
    try:
        with path.open("rb") as file:
            content = file.read(KEY_FILE_MAX)
    except OSError as error:
        raise SettingsError([f"{path}: cannot be read: {error.strerror}"]) from None
    return psk_of(identity, content.decode("ascii", "replace"), str(path))
