"""What waits for an answer: the base of requests, notifications, separate responses and pings.

An exchange carries its own retransmission state, so that a transfer of a thousand blocks is one object that is sent
again and again, not a thousand. The Endpoint owns its life; a subclass says what an answer means.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Protocol

from simulator.coap.message import Options

if TYPE_CHECKING:
    from simulator.coap.endpoint import Endpoint
    from simulator.coap.message import Message


class Failure(Enum):
    """Why an exchange got no answer."""

    TIMEOUT = "timeout"
    """MAX_RETRANSMIT repetitions went unanswered, or the separate response never came."""
    RESET = "reset"
    """The peer answered with a Reset: it has no context for the message."""
    UNREACHABLE = "unreachable"
    """The network said that nobody listens there (ICMP), or the connection is gone (TCP)."""
    CLOSED = "closed"
    """This side gave up: the endpoint was closed or the exchange cancelled."""
    PROTOCOL = "protocol"
    """The peer broke RFC 7959 (a wrong block number or size) or RFC 8323, or takes no message as large as this."""


Parts = tuple[int, Options, bytes]
"""Code, options and payload of one message as it goes out."""


class Exchange:
    """A message that waits for its acknowledgement, and a request for its response."""

    __slots__ = ("attempt", "datagram", "due", "mid", "timeout", "token")

    def __init__(self) -> None:
        self.token = b""
        self.mid = -1
        self.datagram = b""
        self.attempt = 0
        """Transmissions so far, less one."""
        self.timeout = 0.0
        """The present retransmission time-out in seconds."""
        self.due = 0.0
        """When something has to happen if no answer came."""

    def start(self, endpoint: Endpoint, now: float) -> None:
        """Send the message, or the first of several."""
        endpoint.launch(self, now)

    def on_acknowledged(self, endpoint: Endpoint, now: float) -> None:
        """The message arrived (a bare ACK)."""

    def on_response(self, endpoint: Endpoint, message: Message, now: float) -> None:
        """The response to a request arrived."""

    def on_failure(self, endpoint: Endpoint, failure: Failure, now: float) -> None:
        """No answer came; the exchange is over."""


class Response:
    """What a handler answers; the endpoint adds blocks, Observe and the message layer."""

    __slots__ = ("code", "etag", "observe_key", "options", "payload")

    def __init__(
        self,
        code: int,
        payload: bytes = b"",
        options: Options | None = None,
        *,
        etag: bytes = b"",
        observe_key: object = None,
    ) -> None:
        self.code = code
        self.payload = payload
        self.options: Options = [] if options is None else options
        self.etag = etag
        """Set for representations that have one; gives 2.03 and If-Match their meaning."""
        self.observe_key = observe_key
        """Set by a handler that accepts an Observe: what the observation is about, and hashable."""


class Upload(Protocol):
    """Takes the body of a block-wise request (Block1) piece by piece."""

    def write(self, data: bytes, now: float) -> int:
        """Take the next bytes; 0 to go on, or an error code that ends the upload with this answer."""

    def finish(self, request: Message, now: float) -> Response | None:
        """The last block was taken; ``request`` is the one that carried it. None: the answer comes later."""

    def abandon(self, now: float) -> None:
        """The peer began anew or fell silent; what was taken is worth nothing."""


class Handler(Protocol):
    """The server half of an endpoint."""

    def on_request(self, endpoint: Endpoint, request: Message, now: float) -> Response | None:
        """Answer a request with its whole body; None: later, through ``Endpoint.respond``."""

    def open_upload(self, endpoint: Endpoint, request: Message, now: float) -> Upload | Response | None:
        """A block-wise request begins: an Upload takes its body, a Response refuses it, None has it assembled."""

    def on_observation_ended(self, endpoint: Endpoint, key: object, now: float) -> None:
        """The peer cancelled an observation, answered it with a Reset, or did not answer at all."""
