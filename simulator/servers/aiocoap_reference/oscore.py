"""Devices that come in OSCORE messages (RFC 8613): their security contexts, and who a message is from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from simulator.security.credentials import CredentialError
from simulator.security.oscore import Oscore

FIELDS: Final = ("sid_hex", "rid_hex", "secret_hex", "salt_hex")


def read_oscore(fields: object) -> Oscore:
    """What a command says of a device's security context, as the device has it.

    Raises:
        ValueError: a field is missing or is of no use; the text names it, and never what it holds.
    """
    if not isinstance(fields, Mapping):
        msg = f"oscore must be an object of {', '.join(FIELDS)}"
        raise ValueError(msg)
    values = []
    for name in FIELDS:
        try:
            values.append(bytes.fromhex(fields[name]))
        except (KeyError, TypeError, ValueError):
            # Not the cause: it would show what the field holds.
            msg = f"oscore needs {name}, a string of pairs of hexadecimal digits"
            raise ValueError(msg) from None
    return Oscore(*values)


class OscoreDevices:
    """The security contexts of devices. Without the packages of aiocoap's extra ``oscore`` there can be none."""

    def __init__(self) -> None:
        self._credentials: Any = None
        self._missing = "the server does not listen yet"

    def protect(self, site: Any) -> Any:
        """A site that takes OSCORE messages, too."""
        try:
            from simulator.stacks.oscore import new_credentials, protected_site  # noqa: PLC0415  may be missing
        except ImportError as error:
            self._missing = str(error)
            return site
        self._credentials = new_credentials()
        return protected_site(site, self._credentials)

    def attach(self, context: Any) -> None:
        """Have an aiocoap context send OSCORE messages, too, where an address is of a device that came in one."""
        if self._credentials is not None:
            from simulator.stacks.oscore import OscoreRequests  # noqa: PLC0415  may be missing

            context.request_interfaces.insert(0, OscoreRequests(context, context))

    def add(self, endpoint: str, device: Oscore) -> None:
        """From now on the device has this security context, with fresh keys.

        Raises:
            ValueError: the server has no OSCORE, or another device is known by the same Sender ID.
        """
        if self._credentials is None:
            raise ValueError(self._missing)
        from simulator.stacks.oscore import OscoreContext  # noqa: PLC0415  may be missing

        name = _name(endpoint)
        if any(known.recipient_id == device.sender_id for other, known in self._credentials.items() if other != name):
            raise ValueError("another device is known by the same Sender ID")
        try:
            context = OscoreContext(device.mirrored())
        except CredentialError as error:
            raise ValueError(str(error)) from None
        context.authenticated_claims = (endpoint,)
        self._credentials[name] = context

    def knows(self, endpoint: str) -> bool:
        """Whether a device has to come in OSCORE messages."""
        return self._credentials is not None and _name(endpoint) in self._credentials

    def sender(self, remote: Any) -> str | None:
        """The device that sent an OSCORE message; None for a message of another kind."""
        context = getattr(remote, "security_context", None)
        if context is None:
            return None
        (endpoint,) = context.authenticated_claims
        # A context that another one has replaced is nobody's.
        return str(endpoint) if self._credentials.get(_name(endpoint)) is context else ""


def _name(endpoint: str) -> str:
    """The name of an entry in aiocoap's map, where a colon stands before what is no URI."""
    return f":{endpoint}"


__all__ = ["OscoreDevices", "read_oscore"]
