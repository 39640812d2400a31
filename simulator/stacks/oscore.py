"""OSCORE (RFC 8613) by aiocoap, with all state in memory.

Importing it fails, with what to do about it, where the packages of aiocoap's extra ``oscore`` are missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

try:
    from aiocoap import oscore
    from aiocoap.credentials import CredentialsMap
    from aiocoap.oscore_sitewrapper import OscoreSiteWrapper
    from aiocoap.transports.oscore import OSCOREAddress, TransportOSCORE
except ImportError as error:
    msg = f"OSCORE needs packages that are missing ({error}); pip install 'lwm2m-fleet[oscore]'"
    raise ImportError(msg) from error

if TYPE_CHECKING:
    import asyncio

    from simulator.security.oscore import Oscore
    from simulator.stacks.layers import PeerAddress


class OscoreContext(oscore.CanProtect, oscore.CanUnprotect, oscore.SecurityContextUtils):  # type: ignore[misc]  # no types
    """One side's security context: keys, the next Sender Sequence Number, and the replay window.

    It must live as long as its keys are in use: with a second one of the same keys, nonces would be used twice.
    """

    id_context = None
    echo_recovery = None

    def __init__(self, shared: Oscore) -> None:
        self.sender_id = shared.sender_id
        self.recipient_id = shared.recipient_id
        self.alg_aead = oscore.algorithms[oscore.DEFAULT_ALGORITHM]
        self.hashfun = oscore.hashfunctions[oscore.DEFAULT_HASHFUNCTION]
        self.authenticated_claims: tuple[object, ...] = ()
        self.sender_sequence_number = 0
        self.recipient_replay_window = oscore.ReplayWindow(oscore.DEFAULT_WINDOWSIZE, lambda: None)
        self.recipient_replay_window.initialize_empty()
        self.derive_keys(shared.salt, shared.secret)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(sender {self.sender_id.hex()}, recipient {self.recipient_id.hex()})"

    def post_seqnoincrease(self) -> None:
        """The number is kept in memory alone."""

    def protect_endpoint(self, context: Any, site: Any, wire_peer: PeerAddress, szx: int) -> tuple[Any, Any]:
        """Have an aiocoap context serve and ask in OSCORE messages only; what sends requests, and the peer for them."""
        peer = OSCOREAddress(self, wire_peer)
        peer.maximum_block_size_exp = szx
        peer.maximum_payload_size = 16 << szx
        context.serversite = OscoreSiteWrapper(site, CredentialsMap({":peer": self}))
        requests = OscoreRequests(context, context)
        context.request_interfaces.append(requests)
        return requests, peer


class OscoreRequests(TransportOSCORE):  # type: ignore[misc]  # aiocoap has no types
    """aiocoap's client side of OSCORE; a request whose answer nobody waits for any more is over."""

    def request(self, request: Any) -> None:
        """Send one request."""
        task: asyncio.Task[None] = self.loop.create_task(self._request(request))
        self._tasks.add(task)
        request.on_interest_end(task.cancel)
        task.add_done_callback(lambda done: self._ended(done, request))

    def _ended(self, task: asyncio.Task[None], request: Any) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            request.add_exception(error)


__all__ = ["OscoreContext", "OscoreRequests"]
