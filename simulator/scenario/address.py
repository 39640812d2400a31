"""Whether a host is out on the public Internet, where nobody should send load by accident."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

PRIVATE_NETWORKS: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "127.0.0.0/8",  # loopback, RFC 1122
        "10.0.0.0/8",  # private use, RFC 1918
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",  # link-local, RFC 3927
        "::1/128",  # loopback, RFC 4291
        "fc00::/7",  # unique local, RFC 4193
        "fe80::/10",  # link-local, RFC 4291
    )
)


def resolve(host: str) -> list[str]:
    """The addresses of a host name, as the system resolves it.

    Raises:
        OSError: it cannot be resolved.
    """
    return [str(info[4][0]) for info in socket.getaddrinfo(host, None)]


def is_public(host: str, resolver: Callable[[str], Iterable[str]] = resolve) -> bool:
    """Whether ``host``, a name or an address, lies outside the loopback, link-local and private networks.

    A name counts as public where one of its addresses is, and where it cannot be resolved.
    """
    bare = host.removeprefix("[").removesuffix("]")
    try:
        return not _is_private(bare)
    except ValueError:
        pass
    if bare.rstrip(".").lower() == "localhost" or bare.rstrip(".").lower().endswith(".localhost"):
        return False  # RFC 6761 §6.3
    try:
        found = list(resolver(bare))
        return not found or not all(_is_private(address) for address in found)
    except (OSError, ValueError):
        return True


def _is_private(text: str) -> bool:
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in PRIVATE_NETWORKS)
