"""A protocol of asyncio, such as aiohttp's server, over a stream port: HTTP in any network, also in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from simulator.ports import UNSENT_MAX

if TYPE_CHECKING:
    from simulator.ports import Address, StreamPort

Bytes = bytes | bytearray | memoryview


class PortTransport(asyncio.Transport):
    """What asyncio calls a transport, and at the same time what stands above the stream port.

    A port tells nobody when the peer has taken what was written, so the protocol is never held back. What it writes in
    one turn of the loop goes in one piece, since a port gives up a peer that leaves more than ``UNSENT_MAX`` bytes
    unread and gets another one. For the same reason the end, which TLS writes, waits after such a piece for that of
    the peer.

    Args:
        port: stands.
        peer: its address.
        protocol: is told of the connection in the next turn.
    """

    def __init__(self, port: StreamPort, peer: Address, protocol: asyncio.Protocol) -> None:
        super().__init__({"peername": tuple(peer), "sockname": tuple(port.local)})
        self._loop = asyncio.get_running_loop()
        self._port = port
        self._protocol = protocol
        self._waiting: list[bytes] = []
        self._closing = self._lost = self._long = False
        protocol.connection_made(self)

    # -- what the protocol uses ------------------------------------------------------------------------------------

    def get_protocol(self) -> asyncio.BaseProtocol:
        """What stands above."""
        return self._protocol

    def is_closing(self) -> bool:
        """Whether nothing more can be written."""
        return self._closing

    def write(self, data: Bytes) -> None:
        """Send bytes, at the end of this turn."""
        if self._closing or not data:
            return
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting.append(bytes(data))

    def writelines(self, list_of_data: Iterable[Bytes]) -> None:
        """Send several pieces."""
        for data in list_of_data:
            self.write(data)

    def get_write_buffer_size(self) -> int:
        """Bytes that wait for the end of this turn."""
        return sum(map(len, self._waiting))

    def pause_reading(self) -> None:
        """Take no more bytes from the peer."""
        self._port.pause()

    def resume_reading(self) -> None:
        """Take bytes again."""
        self._port.resume()

    def close(self) -> None:
        """Close in order, after what was written is sent."""
        if not self._closing:
            self._flush()
            self._closing = True
            if not self._long:
                self._port.close()
            self._loop.call_soon(self._lose, None)

    def abort(self) -> None:
        """Close at once."""
        if not self._lost:
            self._closing = True
            self._waiting.clear()
            self._port.abort()
            self._loop.call_soon(self._lose, None)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting and not self._closing:
            piece = b"".join(waiting)
            self._long = len(piece) > UNSENT_MAX
            self._port.write(piece)

    def _lose(self, error: OSError | None) -> None:
        if not self._lost:
            self._closing = self._lost = True
            self._waiting.clear()
            self._protocol.connection_lost(error)

    # -- from the port ---------------------------------------------------------------------------------------------

    def on_data(self, data: bytes) -> None:
        """Hand on the next bytes."""
        if not self._closing:
            self._protocol.data_received(data)

    def on_eof(self) -> None:
        """The peer will send no more; a protocol that does not say otherwise closes."""
        if self._closing:
            self._port.close()
        elif not self._protocol.eof_received():
            self.close()

    def on_lost(self, error: OSError | None) -> None:
        """The connection is gone."""
        self._lose(error)
