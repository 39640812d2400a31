"""Which devices have credentials, and whether a request may come from where it comes from."""

from __future__ import annotations

from typing import Any

from simulator.servers.aiocoap_reference.oscore import OscoreDevices
from simulator.servers.aiocoap_reference.registry import RegistrationError
from simulator.servers.aiocoap_reference.streams import common_name, is_secure


class Credentials:
    """The devices that show a certificate, and those of OSCORE. aiocoap's DTLS is an extra package, and not used."""

    def __init__(self) -> None:
        self._by_certificate: set[str] = set()
        self.by_certificate = False
        """Whether the server can take certificates at all."""
        self.oscore = OscoreDevices()

    def add(self, endpoint: str) -> None:
        """From now on the device shows a certificate whose common name is its Endpoint Client Name."""
        self._by_certificate.add(endpoint)

    def check(self, endpoint: str, remote: Any) -> None:
        """Hold what a device has shown against what it has to show.

        Raises:
            RegistrationError: 4.03 where the two differ.
        """
        sender = self.oscore.sender(remote)
        if sender is not None:
            if sender != endpoint:
                raise RegistrationError("4.03", "the security context is another endpoint's")
            return
        if self.oscore.knows(endpoint):
            raise RegistrationError("4.03", "this endpoint has to come in OSCORE messages")
        if not is_secure(remote):
            if endpoint in self._by_certificate:
                raise RegistrationError("4.03", "this endpoint has to come with its certificate, over coaps+tcp")
        elif endpoint not in self._by_certificate:
            raise RegistrationError("4.03", "this endpoint has no credentials")
        elif common_name(remote) != endpoint:
            raise RegistrationError("4.03", "the certificate is another endpoint's")
