"""What aiocoap knows of a device's connection and has no call for: who it is, and whether it still stands.

Its address of a device that came over TCP is the connection itself, ``aiocoap.transports.tcp.TcpConnection``, whose
stream is ``_transport``; the server's are in ``_pool``. No other module touches what is private to aiocoap.
"""

from __future__ import annotations

from typing import Any

from aiocoap import error as coap_error


def common_name(remote: Any) -> str:
    """The common name in the certificate that a device has shown in the handshake; empty without one, or with several.

    TLS has held the certificate against the trusted CA by then.
    """
    stream = _stream(remote)
    certificate = stream.get_extra_info("peercert") if stream is not None else None
    subject = certificate.get("subject", ()) if certificate else ()
    names = [value for part in subject for name, value in part if name == "commonName"]
    return names[0] if len(names) == 1 else ""


def has_ended(remote: Any) -> bool:
    """Whether a device's connection is over; never so for UDP, which has none."""
    stream = _stream(remote)
    return stream is not None and bool(stream.is_closing())


def lost_with_connection(remote: Any, error: Exception) -> bool:
    """Whether a request failed because the connection that it went over ended; aiocoap gives no reason then."""
    return is_stream(remote) and isinstance(error, coap_error.NetworkError)


def forget_failed_handshakes(context: Any) -> None:
    """Let a context be shut down: aiocoap 0.4.17 keeps connections whose handshake failed, and trips over them."""
    for interface in context.request_interfaces:
        pool: set[Any] = getattr(getattr(interface, "token_interface", None), "_pool", set())
        pool.difference_update([connection for connection in pool if _stream(connection) is None])


def is_stream(remote: Any) -> bool:
    """Whether a device came over TCP."""
    return str(remote.scheme).endswith("+tcp")


def is_secure(remote: Any) -> bool:
    """Whether a device came over TLS."""
    return bool(remote.scheme == "coaps+tcp")


def _stream(remote: Any) -> Any:
    """The stream of a connection; None of an address of UDP, and of a connection whose handshake failed."""
    return getattr(remote, "_transport", None)
