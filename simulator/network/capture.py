"""What a device has on the wire, as a capture file: a tap below security that writes packets."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from simulator.network.pcap import PcapWriter, TcpConversation
from simulator.network.tap import UDP, Seen
from simulator.ports import Address

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.network.tap import Flow

SOMEWHERE: Final = "192.0.2.1"
"""The address of a peer that is known by its name only (RFC 5737: it is nobody's)."""


class Capture:
    """Writes what goes through the ports of a device; its ``watch`` is for a ``TapNetwork``.

    Args:
        writer: takes the packets.
        unix_now: Unix time in seconds.

    Attributes:
        error: why nothing more is written, such as a disk that is full; None while all is well.
    """

    def __init__(self, writer: PcapWriter, unix_now: Callable[[], float]) -> None:
        self._writer = writer
        self._unix_now = unix_now
        self._ports: dict[Flow, tuple[Address, Address]] = {}
        """Own and peer's address of each datagram port; a port that is closed does not know its own any more."""
        self._conversations: dict[Flow, TcpConversation] = {}
        self.error: OSError | None = None

    def watch(self, flow: Flow, what: Seen, data: bytes) -> None:
        """Take what a port does. Never raises: the device must not notice."""
        if self.error is None:
            try:
                self._take(flow, what, data)
            except OSError as error:
                self.error = error

    def _take(self, flow: Flow, what: Seen, data: bytes) -> None:
        if what is Seen.OPENED:
            self._open(flow)
        elif flow in self._ports:
            near, far = self._ports[flow]
            if what is Seen.SENT:
                self._writer.datagram(self._unix_now(), near, far, data)
            elif what is Seen.GOT:
                self._writer.datagram(self._unix_now(), far, near, data)
        elif flow in self._conversations:
            self._stream(self._conversations[flow], what, data)

    def _open(self, flow: Flow) -> None:
        near, far = _plain(flow.local), _plain(flow.remote)
        if flow.protocol == UDP:
            self._ports[flow] = near, far
        else:
            conversation = self._conversations[flow] = TcpConversation(self._writer, near, far)
            conversation.handshake(self._unix_now())

    def _stream(self, conversation: TcpConversation, what: Seen, data: bytes) -> None:
        now = self._unix_now()
        if what in (Seen.SENT, Seen.GOT):
            conversation.data(now, data, sent=what is Seen.SENT)
        elif what is Seen.ENDED:
            conversation.end(now, sent=False)
        elif what is Seen.CLOSED:
            conversation.end(now, sent=True)
        elif what is Seen.ABORTED:
            conversation.end(now, sent=True, reset=True)
        elif what is Seen.LOST:
            conversation.end(now, sent=False, reset=True)


def _plain(address: Address) -> Address:
    host = address.host.partition("%")[0]
    try:
        ipaddress.ip_address(host)
    except ValueError:
        host = SOMEWHERE
    return Address(host, address.port)
