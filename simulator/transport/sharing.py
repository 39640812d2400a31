"""Ports that several processes serve together (SO_REUSEPORT of Linux).

The kernel picks the process by a hash of both addresses, so that all datagrams of a peer, and each connection, stay
with one process as long as none joins or leaves.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.ports import Address


def bind_shared(sock: socket.socket, local: Address) -> None:
    """Bind a socket to a port that other processes of the same user may bind, too; port 0 takes a free one.

    Raises:
        OSError: somebody has the port and does not share it.
    """
    if local.port:
        _share(sock)
    sock.bind((local.host, local.port))
    if not local.port:
        # Only now: among UDP ports that may be shared the kernel also chooses those that strangers share.
        _share(sock)


def shared_stream(local: Address, family: int) -> socket.socket:
    """A TCP socket that is bound to a shared port and does not listen yet.

    Raises:
        OSError: somebody has the port and does not share it.
    """
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bind_shared(sock, local)
    except OSError:
        sock.close()
        raise
    return sock


def _share(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
