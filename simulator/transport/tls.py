"""TLS 1.2 and 1.3 as a layer between a protocol and a stream port: how a client opens one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from simulator.transport.tls_connection import TlsConnection
from simulator.transport.tls_port import HANDSHAKE_TIMEOUT_S, TlsPort

if TYPE_CHECKING:
    from OpenSSL import SSL

    from simulator.ports import Address, Network, StreamReceiver
    from simulator.security.credentials import Credentials
    from simulator.transport.deadlines import Deadlines


async def open_tls(
    network: Network,
    remote: Address,
    receiver: StreamReceiver,
    credentials: Credentials,
    deadlines: Deadlines,
    now: Callable[[], float],
    *,
    local: Address | None = None,
    timeout_s: float = HANDSHAKE_TIMEOUT_S,
    session: SSL.Session | None = None,
    protocols: Sequence[bytes] = (),
) -> TlsPort:
    """A TLS port connected to ``remote``, its handshake done.

    Args:
        credentials: a trust store with or without an identity, or a PSK.
        timeout_s: for the handshake, after the connection stands.
        session: what to come back with.
        protocols: offered by ALPN: ``coap`` (RFC 8323 §8.2), ``http/1.1``.

    Raises:
        HandshakeFailedError: the handshake failed; its ``cause`` says why.
        OSError: refused, unreachable or timed out.
    """
    connection = TlsConnection.client(credentials, remote, session, protocols)
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def established(_port: TlsPort) -> StreamReceiver:
        if not done.done():
            done.set_result(None)
        return receiver

    def failed(error: OSError) -> None:
        if not done.done():
            done.set_exception(error)
            done.exception()  # whoever waited may have given up

    layer = TlsPort(connection, established, failed, deadlines, now() + timeout_s)
    port = await network.open_stream(remote, layer, local=local)
    layer.attach(port)
    try:
        await done
    except asyncio.CancelledError:
        layer.abort()
        raise
    return layer
