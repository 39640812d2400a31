"""The transports of the server: an aiocoap context for each, since one context binds them all at one port."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import aiocoap

from simulator.servers.aiocoap_reference.streams import forget_failed_handshakes

if TYPE_CHECKING:
    from pathlib import Path

    from simulator.servers.aiocoap_reference.oscore import OscoreDevices

CHAIN: Final = "server.pem"
KEY: Final = "server.key"
CA: Final = "ca.pem"


@dataclass(frozen=True, slots=True)
class Ports:
    """Where to listen; 0 takes a free port."""

    coap: int = 0
    coap_tcp: int = 0
    coaps_tcp: int = 0


class Transports:
    """Open ones; requests go out over the one that the address belongs to."""

    def __init__(self) -> None:
        self._contexts: dict[str, Any] = {}
        self.uris: dict[str, str] = {}
        """URI for registrations, by scheme."""

    async def open(self, site: Any, host: str, ports: Ports, identity: Path | None, oscore: OscoreDevices) -> None:
        """Listen for coap and coap+tcp, and for coaps+tcp where there is an identity.

        Args:
            site: answers what devices ask.
            oscore: devices that come in OSCORE messages, over coap.
            host: address to bind.
            ports: where.
            identity: directory of ``server.pem``, ``server.key`` and ``ca.pem``.

        Raises:
            OSError: an address is taken or is not one of this machine, or a file of the identity is of no use.
        """
        tls = tls_context(identity) if identity is not None else None
        port = _free_port(host, ports.coap, socket.SOCK_DGRAM)
        await self._listen("coap", oscore.protect(site), host, port, transports=[datagram_transport()])
        oscore.attach(self._contexts["coap"])
        port = _free_port(host, ports.coap_tcp, socket.SOCK_STREAM)
        await self._listen("coap+tcp", site, host, port, transports=["tcpserver"])
        if tls is not None:
            port = _free_port(host, ports.coaps_tcp, socket.SOCK_STREAM)
            await self._listen("coaps+tcp", site, host, port, transports=["tlsserver"], _ssl_context=tls)

    async def _listen(self, scheme: str, site: Any, host: str, port: int, **options: Any) -> None:
        # For TLS, aiocoap adds to the port what lies between the default ports of coap and coaps.
        bind = (host, port - 1 if scheme == "coaps+tcp" else port)
        self._contexts[scheme] = await aiocoap.Context.create_server_context(site, bind=bind, **options)
        self.uris[scheme] = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    def request(self, message: Any, **options: Any) -> Any:
        """Send a request to the address in it: that of a device that registered, as the transport knows it."""
        return self._contexts[message.remote.scheme].request(message, **options)

    async def close(self) -> None:
        """Close the sockets. Devices are not told."""
        for context in self._contexts.values():
            forget_failed_handshakes(context)
            await context.shutdown()


def tls_context(directory: Path) -> ssl.SSLContext:
    """TLS 1.2 or 1.3 that asks every device for a certificate.

    Raises:
        OSError: a file is missing, or is not what it should be. The text names the directory.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["coap"])  # RFC 8323 §8.2
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_cert_chain(directory / CHAIN, directory / KEY, password="")
        context.load_verify_locations(directory / CA)
    except OSError as error:
        msg = f"{directory}: {CHAIN}, {KEY} (not encrypted) and {CA} in PEM are needed: {error.strerror or error}"
        raise OSError(msg) from error
    return context


def datagram_transport() -> str:
    """aiocoap's transport for UDP: the one that it recommends needs IPv6 in the kernel, even for IPv4 addresses."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.bind(("::ffff:127.0.0.1", 0))
    except OSError:
        return "simplesocketserver"
    return "udp6"


def _free_port(host: str, port: int, kind: socket.SocketKind) -> int:
    """The port, after a look whether it is free: aiocoap would share a taken one silently.

    Raises:
        OSError: it is taken, or the address is not one of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            free: int = probe.getsockname()[1]
            return free
    except OSError as error:
        msg = f"cannot listen on {host}:{port}: {error.strerror or error}"
        raise OSError(msg) from error
