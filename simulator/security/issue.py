"""Makes the credentials of a device from what its plan says: from the seed of the run, or from files.

Everything that is wrong on purpose is made here, and nowhere else knows of it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from simulator.security.authority import WRONG_HOST, Authority
from simulator.security.credentials import (
    CredentialError,
    Credentials,
    Identity,
    Psk,
    TrustStore,
    derive_psk,
)
from simulator.security.files import load_identity, load_psks, load_trust
from simulator.security.oscore import derive_oscore

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from simulator.security.oscore import Oscore
    from simulator.security.spec import CredentialSpec

NOBODY: Final = "nobody-"
"""Begins an identity that no server knows."""


class Issuer:
    """Issues the credentials of the devices of a run; what is read from files is read once.

    Args:
        seed: of the run.
        clock: the time at which certificates are made and judged; the wall clock where it is None.
    """

    def __init__(self, seed: int, clock: Callable[[], datetime] | None = None) -> None:
        self._seed = seed
        self._clock = clock
        self._psks: dict[str, dict[str, Psk]] = {}
        self._trusts: dict[str, TrustStore] = {}
        self._identities: dict[tuple[str, str], Identity] = {}
        self._made: dict[str, Identity] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    @cached_property
    def authority(self) -> Authority:
        """The CA of the run, the same in every process that knows the seed."""
        return Authority(seed=self._seed) if self._clock is None else Authority(clock=self._clock, seed=self._seed)

    @cached_property
    def _stranger(self) -> Authority:
        return self.authority.stranger()

    def psk(self, endpoint: str, file: str = "") -> Psk:
        """The right key of a device: out of a file, or derived.

        Raises:
            CredentialError: the file cannot be read, or has no key for the endpoint.
        """
        if not file:
            return derive_psk(self._seed, endpoint)
        keys = self._psks.get(file)
        if keys is None:
            keys = self._psks[file] = load_psks(Path(file))
        if endpoint not in keys:
            msg = f"{file}: there is no key for the endpoint {endpoint!r}; add a line"
            raise CredentialError(msg)
        return keys[endpoint]

    def identity(self, spec: CredentialSpec, endpoint: str) -> Identity:
        """The right identity of a device: out of files, or made by the run's CA.

        Raises:
            CredentialError: a file cannot be used.
        """
        if not spec.certificate:
            return self._made_once(endpoint)
        files = (spec.certificate.replace("{endpoint}", endpoint), spec.key.replace("{endpoint}", endpoint))
        found = self._identities.get(files)
        if found is None:
            found = load_identity(Path(files[0]), Path(files[1]))
            if files == (spec.certificate, spec.key):
                # One for all devices.
                self._identities[files] = found
        return found

    def _made_once(self, endpoint: str) -> Identity:
        """A device keeps its certificate: its server sees the same one after each boot and each lost connection."""
        made = self._made.get(endpoint)
        if made is None:
            made = self._made[endpoint] = self.authority.device(endpoint)
        return made

    def credentials(self, spec: CredentialSpec, endpoint: str) -> Credentials:
        """What a device has to show and whom it trusts.

        Raises:
            CredentialError: a file cannot be used.
        """
        if spec.wrong == "missing":
            return Credentials()
        return Credentials(
            psk=self._psk_of(spec, endpoint) if "psk" in spec.kinds else None,
            identity=self._identity_of(spec, endpoint) if "x509" in spec.kinds else None,
            trust=self._trust_of(spec) if "x509" in spec.kinds else None,
            server_name=WRONG_HOST if spec.wrong == "wrong-host" else spec.server_name,
            oscore=self._oscore_of(spec, endpoint) if "oscore" in spec.kinds else None,
        )

    def oscore(self, endpoint: str) -> Oscore:
        """The right OSCORE input of a device."""
        return derive_oscore(self._seed, endpoint)

    def _oscore_of(self, spec: CredentialSpec, endpoint: str) -> Oscore:
        right = self.oscore(endpoint)
        if spec.wrong == "wrong-key":
            return replace(right, secret=bytes(byte ^ 0xFF for byte in right.secret))
        return self.oscore(NOBODY + endpoint) if spec.wrong == "unknown-identity" else right

    def _psk_of(self, spec: CredentialSpec, endpoint: str) -> Psk:
        right = self.psk(endpoint, spec.psk_file)
        if spec.wrong == "wrong-key":
            return replace(right, key=bytes(byte ^ 0xFF for byte in right.key))
        if spec.wrong == "unknown-identity":
            return derive_psk(self._seed, NOBODY + endpoint)
        return right

    def _identity_of(self, spec: CredentialSpec, endpoint: str) -> Identity:
        if spec.wrong == "expired":
            return self.authority.expired_device(endpoint)
        if spec.wrong == "untrusted":
            return self._stranger.device(endpoint)
        return self.identity(spec, endpoint)

    def _trust_of(self, spec: CredentialSpec) -> TrustStore:
        if spec.wrong == "unknown-ca":
            return self._stranger.trust
        if not spec.trust:
            return self.authority.trust
        trust = self._trusts.get(spec.trust)
        if trust is None:
            trust = load_trust(Path(spec.trust))
            if self._clock is not None:
                trust = replace(trust, clock=self._clock)
            self._trusts[spec.trust] = trust
        return trust
