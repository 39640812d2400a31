"""A TLS server: a listener above a listener, which accepts once the handshake is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from simulator.transport.tls_connection import TlsConnection
from simulator.transport.tls_context import TlsContext, server_context
from simulator.transport.tls_port import HANDSHAKE_TIMEOUT_S, Failed, TlsPort
from simulator.transport.tls_state import TlsState

if TYPE_CHECKING:
    from simulator.ports import Accept, Address, Listener, Network, StreamPort, StreamReceiver
    from simulator.security.credentials import ServerCredentials
    from simulator.transport.deadlines import Deadlines

COAP: Final = b"coap"
"""The protocol id of CoAP over TLS (RFC 8323 §8.2)."""
HANDSHAKES_MAX: Final = 20_000
"""Handshakes that a listener has under way; further connections are reset."""


class TlsListener:
    """Accepts TLS connections; those whose handshake fails never reach ``accept``."""

    __slots__ = ("_accept", "_context", "_deadlines", "_failed", "_listener", "_now", "_shaking", "_timeout_s")

    def __init__(
        self,
        context: TlsContext,
        accept: Accept,
        failed: Failed,
        deadlines: Deadlines,
        now: Callable[[], float],
        timeout_s: float,
    ) -> None:
        self._context = context
        self._accept = accept
        self._failed = failed
        self._deadlines = deadlines
        self._now = now
        self._timeout_s = timeout_s
        self._listener: Listener | None = None
        self._shaking: set[TlsPort] = set()

    def attach(self, listener: Listener) -> None:
        """Belong to this listener."""
        self._listener = listener

    @property
    def handshakes(self) -> int:
        """How many are under way."""
        return len(self._shaking)

    @property
    def local(self) -> Address:
        """The address that peers connect to."""
        assert self._listener is not None
        return self._listener.local

    def close(self) -> None:
        """Accept no more, not even at the end of a handshake that is under way; connections that stand go on."""
        if self._listener is not None:
            self._listener.close()
        shaking, self._shaking = self._shaking, set()
        for layer in shaking:
            layer.abort()

    def on_connection(self, port: StreamPort, peer: Address) -> StreamReceiver:
        """Begin the handshake of a new connection."""

        def established(layer: TlsPort) -> StreamReceiver:
            self._shaking.discard(layer)
            return self._accept(layer, peer)

        def failed(error: OSError) -> None:
            self._shaking.discard(layer)
            self._failed(error)

        connection = TlsConnection(self._context, TlsState(), client=False, name=peer)
        layer = TlsPort(connection, established, failed, self._deadlines, self._now() + self._timeout_s)
        if self.handshakes >= HANDSHAKES_MAX:
            port.abort()
            return layer
        self._shaking.add(layer)
        layer.attach(port)
        return layer


def _ignore(_error: OSError) -> None:
    """A failed handshake is the client's to tell."""


async def listen_tls(
    network: Network,
    local: Address,
    accept: Accept,
    credentials: ServerCredentials,
    deadlines: Deadlines,
    now: Callable[[], float],
    *,
    failed: Failed = _ignore,
    timeout_s: float = HANDSHAKE_TIMEOUT_S,
    protocols: Sequence[bytes] = (COAP,),
) -> TlsListener:
    """Accept TLS connections on ``local``; port 0 takes a free one.

    Args:
        accept: gets the ``TlsPort`` of each connection whose handshake is done.
        failed: is told why a handshake failed.
        protocols: what is taken of what a client offers by ALPN.

    Raises:
        ValueError: the credentials have neither keys nor an identity.
        OSError: the port is taken.
    """
    if not credentials.usable:
        raise ValueError("a TLS server needs keys of its clients (psks) or an identity")
    layer = TlsListener(server_context(credentials, protocols), accept, failed, deadlines, now, timeout_s)
    layer.attach(await network.listen_stream(local, layer.on_connection))
    return layer
