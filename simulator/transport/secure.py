"""A network under DTLS and TLS: what makes ``coaps`` of ``coap``, and ``https`` of ``http``.

What stands above opens its ports as it does without; nothing of it knows that there are keys.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from simulator.network.wrapped import WrappedNetwork
from simulator.transport.dtls import open_dtls
from simulator.transport.dtls_handshake import DEFAULT_TIMERS, HandshakeTimers
from simulator.transport.tls import open_tls

if TYPE_CHECKING:
    from simulator.ports import Address, DatagramPort, DatagramReceiver, Network, StreamPort, StreamReceiver
    from simulator.security.credentials import Credentials
    from simulator.transport.deadlines import Deadlines

SECURE_SCHEMES: Final = frozenset({"coaps", "coaps+tcp", "https"})
PROTOCOLS: Final = {"coaps+tcp": (b"coap",), "https": (b"http/1.1",)}
"""What is spoken over TLS, by URI scheme, as ALPN has it (RFC 8323 §8.2, RFC 7301)."""

Entropy = Callable[[int], bytes]
"""Gives so many random bytes."""


class SecureNetwork(WrappedNetwork):
    """The network with every connected port protected: datagrams by DTLS 1.2, streams by TLS 1.2 or 1.3.

    Args:
        network: opens the ports below.
        credentials: what this side shows, and whom it trusts; without ``server_name`` the peer's certificate has to be
            for the address that is connected to.
        deadlines, now: carry the handshakes' time-outs.
        entropy: random bytes of DTLS; a run in virtual time that is to be repeated gives those of its seed.
        timers: when a flight of DTLS is sent again.
        protocols: what TLS offers by ALPN.
        keylog: told client random and master secret of each connection of DTLS, for decrypting a capture.

    ``open_datagram`` and ``open_stream`` raise ``HandshakeFailedError`` where there is no credential for them, and
    ``open_stream`` also where the handshake fails; that of DTLS tells its port.
    """

    __slots__ = ("_credentials", "_deadlines", "_entropy", "_keylog", "_now", "_protocols", "_timers")

    def __init__(
        self,
        network: Network,
        credentials: Credentials,
        deadlines: Deadlines,
        now: Callable[[], float],
        *,
        entropy: Entropy = os.urandom,
        timers: HandshakeTimers = DEFAULT_TIMERS,
        protocols: Sequence[bytes] = (),
        keylog: Callable[[bytes, bytes], None] | None = None,
    ) -> None:
        super().__init__(network)
        self._credentials = credentials
        self._deadlines = deadlines
        self._now = now
        self._entropy = entropy
        self._timers = timers
        self._protocols = protocols
        self._keylog = keylog

    def _for(self, remote: Address) -> Credentials:
        mine = self._credentials
        return mine if mine.server_name else replace(mine, server_name=remote.host)

    async def open_datagram(
        self, remote: Address, receiver: DatagramReceiver, *, local: Address | None = None
    ) -> DatagramPort:
        """A datagram port under DTLS, its handshake under way."""
        return await open_dtls(
            self._network,
            remote,
            receiver,
            self._for(remote),
            self._deadlines,
            self._now,
            local=local,
            timers=self._timers,
            entropy=self._entropy,
            keylog=self._keylog,
        )

    async def open_stream(
        self, remote: Address, receiver: StreamReceiver, *, local: Address | None = None
    ) -> StreamPort:
        """A stream port under TLS, its handshake done."""
        return await open_tls(
            self._network,
            remote,
            receiver,
            self._for(remote),
            self._deadlines,
            self._now,
            local=local,
            protocols=self._protocols,
        )
