"""OSCORE (RFC 8613) by aiocoap, with all state in memory.

Importing it fails, with what to do about it, where the packages of aiocoap's extra ``oscore`` are missing.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import aiocoap
from aiocoap import error as coap_error

try:
    from aiocoap import oscore
    from aiocoap.credentials import CredentialsMap
    from aiocoap.oscore_sitewrapper import OscoreSiteWrapper
    from aiocoap.transports.oscore import OSCOREAddress, TransportOSCORE
except ImportError as error:
    msg = f"OSCORE needs packages that are missing ({error}); pip install 'lwm2m-fleet[oscore]'"
    raise ImportError(msg) from error

# As for the logger of the endpoint: what others do wrong is no error here.
logging.getLogger("coap-server.oscore-site").setLevel(logging.ERROR)

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

    @property
    def alg_signature(self) -> Any:
        """There is none: it belongs to groups. aiocoap asks for it when a message says that it is signed.

        Raises:
            NameError: always, as aiocoap expects.
        """
        raise NameError("a security context of two has no signatures")

    def post_seqnoincrease(self) -> None:
        """The number is kept in memory alone."""

    def protect_endpoint(self, context: Any, site: Any, wire_peer: PeerAddress, szx: int) -> tuple[Any, Any]:
        """Have an aiocoap context serve and ask in OSCORE messages only; what sends requests, and the peer for them."""
        peer = OSCOREAddress(self, wire_peer)
        peer.maximum_block_size_exp = szx
        peer.maximum_payload_size = 16 << szx
        if site is not None:
            context.serversite = protected_site(site, CredentialsMap({":peer": self}))
        requests = OscoreRequests(context, context)
        context.request_interfaces.append(requests)
        return requests, peer


class ProtectedSite(OscoreSiteWrapper):  # type: ignore[misc]  # aiocoap has no types
    """aiocoap's server side of OSCORE, without key exchange (EDHOC), and at peace with what is no OSCORE option."""

    async def render_to_pipe(self, pipe: Any) -> None:
        """Answer one request."""
        try:
            oscore.verify_start(pipe.request)
        except oscore.NotAProtectedMessage:
            await self._inner_site.render_to_pipe(pipe)
        except (coap_error.Error, ValueError, IndexError):
            # RFC 8613 §8.2, step 2.
            pipe.add_response(aiocoap.Message(code=aiocoap.BAD_OPTION), is_last=True)
        else:
            await super().render_to_pipe(pipe)


def new_credentials() -> Any:
    """aiocoap's map of security contexts, by names that begin with a colon."""
    return CredentialsMap()


def protected_site(site: Any, credentials: Any) -> Any:
    """A site that hands on what comes in OSCORE messages of these security contexts, and what comes in no such message.

    The address of a request tells the two apart.
    """
    return ProtectedSite(site, credentials)


class OscoreRequests(TransportOSCORE):  # type: ignore[misc]  # aiocoap has no types
    """aiocoap's client side of OSCORE; a request whose answer nobody waits for any more is over."""

    async def fill_or_recognize_remote(self, message: Any) -> bool:
        """Whether a message goes to somebody with a security context."""
        return isinstance(message.remote, OSCOREAddress)

    def request(self, request: Any) -> None:
        """Send one request."""
        task: asyncio.Task[None] = self.loop.create_task(self._request(request))
        self._tasks.add(task)
        waiting = [request]

        def lost() -> None:
            waiting.clear()
            task.cancel()

        request.on_interest_end(lost)
        task.add_done_callback(lambda _: self._ended(task, waiting))

    def _ended(self, task: asyncio.Task[None], waiting: list[Any]) -> None:
        self._tasks.discard(task)
        # Asked for in any case: what nobody asks for, asyncio reports.
        error = None if task.cancelled() else task.exception()
        if error is not None and waiting:
            waiting[0].add_exception(error)


__all__ = ["OscoreContext", "OscoreRequests", "new_credentials", "protected_site"]
