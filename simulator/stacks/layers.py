"""What aiocoap's layers stand on: one peer behind a datagram port, and chance from the run's seed.

aiocoap draws Message IDs, tokens and time-outs from the one stream of the ``random`` module; a device has a stream of
its own, so that a run can be repeated.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Protocol

import aiocoap
from aiocoap import interfaces
from aiocoap.messagemanager import MessageManager
from aiocoap.pipe import error_to_message

if TYPE_CHECKING:
    from simulator.coap.owner import Chance

OSCORE_SLACK: Final = 100
"""Bytes by which an OSCORE message may be longer than a block, so that it is not cut a second time."""


LINGER_S: Final = 1.0
"""Seconds from the end of an endpoint to that of aiocoap's layers."""


class Wire(Protocol):
    """Who sends, and who counts."""

    retransmissions: int
    duplicates: int

    def transmit(self, datagram: bytes) -> None:
        """Send one datagram."""


class PeerAddress(interfaces.EndpointAddress):  # type: ignore[misc]  # aiocoap has no types
    """The one peer of an endpoint: each endpoint has its own, and is known by it.

    Args:
        szx: size exponent of the blocks that are exchanged with it.
        slack: bytes by which a message may be longer than such a block.
    """

    scheme = "coap"
    is_multicast = False
    is_multicast_locally = False
    hostinfo = "peer"
    hostinfo_local = "device"
    uri_base = "coap://peer"
    uri_base_local = "coap://device"
    maximum_block_size_exp = 6
    maximum_payload_size = 1024

    def __init__(self, szx: int, slack: int = 0) -> None:
        self.maximum_block_size_exp = szx
        self.maximum_payload_size = (16 << szx) + slack

    @property
    def blockwise_key(self) -> object:
        """Blocks of one peer belong together."""
        return id(self)


class DatagramMessages(interfaces.MessageInterface):  # type: ignore[misc]  # aiocoap has no types
    """aiocoap's lowest layer, over whatever carries the datagrams of one peer."""

    def __init__(self, wire: Wire, peer: PeerAddress) -> None:
        self._wire = wire
        self._peer = peer

    def send(self, message: Any) -> None:
        """Send one message."""
        self._wire.transmit(message.encode())

    async def recognize_remote(self, remote: object) -> bool:
        """Whether it is the peer."""
        return remote is self._peer

    async def determine_remote(self, message: Any) -> PeerAddress:  # noqa: ARG002  aiocoap's own signature
        """There is one peer alone."""
        return self._peer

    async def shutdown(self) -> None:
        """Nothing to close: the port belongs to the device."""


class SeededMessages(MessageManager):  # type: ignore[misc]  # aiocoap has no types
    """aiocoap's message layer (RFC 7252 §4) with the time-outs drawn from a stream of the run, and counted."""

    def __init__(self, tokens: Any, chance: Chance, wire: Wire) -> None:
        super().__init__(tokens)
        self._chance = chance
        self._wire = wire
        self.message_id = chance.getrandbits(16)

    async def shutdown(self) -> None:
        """Stop; empty acknowledgements that were still to come (which aiocoap leaves to their timers) too."""
        for _, timer in self._piggyback_opportunities.values():
            timer.cancel()
        self._piggyback_opportunities.clear()
        await super().shutdown()

    def _schedule_retransmit(self, message: Any, timeout: float, retransmission_counter: int) -> Any:
        if retransmission_counter:
            self._wire.retransmissions += 1
        else:
            tuned = message.transport_tuning
            timeout = tuned.ACK_TIMEOUT * (1 + (tuned.ACK_RANDOM_FACTOR - 1) * self._chance.random())
        return super()._schedule_retransmit(message, timeout, retransmission_counter)

    def _deduplicate_message(self, message: Any) -> bool:
        repeated: bool = super()._deduplicate_message(message)
        self._wire.duplicates += repeated
        return repeated

    def _store_response_for_duplicates(self, message: Any) -> None:
        super()._store_response_for_duplicates(message)
        # An answer is kept for EXCHANGE_LIFETIME; the block of a package that its request carried need not be.
        message.request = None


class StackContext(aiocoap.Context):  # type: ignore[misc]  # aiocoap has no types
    """aiocoap's context, which can be closed at any time and waits for nothing then."""

    def __init__(self, site: Any, logger: str) -> None:
        super().__init__(loop=asyncio.get_running_loop(), serversite=site, loggername=logger)
        self._rendering: set[asyncio.Task[None]] = set()

    def render_to_pipe(self, pipe: Any) -> None:
        """Have the site answer a request; nothing where nobody waits for it any more."""
        answers = error_to_message(pipe, self.log)
        task = self.loop.create_task(self._render(answers))
        self._rendering.add(task)
        task.add_done_callback(self._rendering.discard)
        answers.on_interest_end(task.cancel)

    async def _render(self, answers: Any) -> None:
        try:
            await self.serversite.render_to_pipe(answers)
        except Exception as error:
            answers.add_exception(error)

    def close(self) -> None:
        """Answer nothing any more, and let go of everything once all that was cancelled has ended.

        aiocoap passes a cancellation on from turn to turn of the loop; a shutdown in between would fail what is being
        cancelled, and tell of that as an error.
        """
        for task in self._rendering:
            task.cancel()
        self.loop.call_later(LINGER_S, self._run_down)

    def _run_down(self) -> None:
        for interface in self.request_interfaces:
            _run_to_the_end(interface.shutdown())


def _run_to_the_end(work: Any) -> None:
    """Run a coroutine of aiocoap that has nothing to wait for, at once: its layers' ``shutdown`` over datagrams.

    Raises:
        RuntimeError: it does wait.
    """
    try:
        work.send(None)
    except StopIteration:
        return
    work.close()
    raise RuntimeError("aiocoap waits for something while it shuts down; its layers have changed")


__all__ = ["OSCORE_SLACK", "DatagramMessages", "PeerAddress", "SeededMessages", "StackContext", "Wire"]
