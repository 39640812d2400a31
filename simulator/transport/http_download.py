"""Pull of a package over HTTP/1.1 (RFC 9110, 9112): the twin of ``simulator.coap.download.Download``, without I/O.

One HttpDownload is one package, however many requests that takes: redirects, a beginning anew where the package
changed, the rest where an origin gave less than was asked for. Each request has a connection of its own
(``Connection: close``), which the owner opens. Bytes and the time go in; what to send, when to connect and the next
time at which something has to happen come out.
"""

from __future__ import annotations

from array import array
from math import inf
from typing import TYPE_CHECKING

from simulator.coap.exchange import Failure
from simulator.transport.http_exchange import Data, Head, HttpExchange, HttpFormatError, Part
from simulator.transport.http_fields import FieldError
from simulator.transport.http_judge import Body, Complete, FromStart, Redirect, judge
from simulator.transport.http_limits import DEFAULT_HTTP_LIMITS, HttpLimits
from simulator.transport.http_progress import HttpProgress
from simulator.transport.http_uri import parse_http_uri

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.coap.download import DownloadSink
    from simulator.transport.http_owner import HttpOwner


class HttpDownload(HttpProgress):
    """A GET of one package.

    Args:
        uri: the Package URI.
        sink: takes the bytes.
        owner: opens connections.
        offset: bytes that are there already after an interruption.
        etag: the entity tag that they came with, with its quotes; without a strong one the download begins anew.
        if_range: resume by If-Range instead of If-Match.

    Raises:
        ValueError: the URI cannot be used (see ``parse_http_uri``), or the offset is negative.

    Attributes:
        block_us: always empty: no request belongs to a piece of the body, so there is no latency to take.
        wire_in, wire_out: bytes of the streams, without TLS below and the headers of TCP.
        reason: in words, why it failed.
        error: of the network, where that is what failed: ``socket.gaierror`` where the host has no address.
    """

    __slots__ = (
        "_armed",
        "_deadline",
        "_exchange",
        "_if_range",
        "_limits",
        "_overall",
        "_owed",
        "_owner",
        "_progress_due",
        "_visited",
        "block_us",
        "done",
        "error",
        "reason",
        "redirects",
        "requests",
        "sink",
        "uri",
        "wire_in",
        "wire_out",
    )

    def __init__(
        self,
        uri: str,
        sink: DownloadSink,
        owner: HttpOwner,
        *,
        offset: int = 0,
        etag: bytes = b"",
        if_range: bool = False,
        limits: HttpLimits = DEFAULT_HTTP_LIMITS,
    ) -> None:
        super().__init__(offset, etag)
        self.uri = parse_http_uri(uri)
        self.sink = sink
        self._owner = owner
        self._if_range = if_range
        self._limits = limits
        self._exchange: HttpExchange | None = None
        self._visited = {self.uri}
        self._deadline = self._overall = self._progress_due = self._armed = inf
        self._owed = 0
        self.redirects = self.requests = self.wire_in = self.wire_out = 0
        self.block_us = array("I")
        self.done = False
        self.reason = ""
        self.error: OSError | None = None

    # -- what the owner calls --------------------------------------------------------------------------------------

    def start(self, now: float) -> None:
        """Ask for the first connection."""
        self._overall = now + self._limits.overall_s
        self._connect(now)

    def connected(self, now: float) -> None:
        """The connection that was asked for stands: send the request."""
        if self.done:
            return
        self._exchange = HttpExchange(self.uri, self.asked, self._limits, if_range=self._if_range)
        self._wait(self._limits.idle_s, now)
        self.wire_out += len(self._exchange.request)
        self._owner.send(self._exchange.request)

    def unreachable(self, error: OSError, now: float) -> None:
        """The connection that was asked for cannot be had, or is lost."""
        if not self.done:
            self.error = error
            self._fail(Failure.UNREACHABLE, str(error), now)

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes of the present connection. Nothing that they may hold raises."""
        if self.done or not data:
            return
        self.wire_in += len(data)
        if self._exchange is None:
            self._fail(Failure.PROTOCOL, "the origin speaks before it is asked", now)
            return
        self._wait(self._limits.idle_s, now)
        try:
            self._take(self._exchange.receive(data), now)
        except (HttpFormatError, FieldError) as error:
            self._fail(Failure.PROTOCOL, str(error), now)

    def eof(self, now: float) -> None:
        """The peer closed the present connection."""
        if self.done:
            return
        if self._exchange is None:
            self._fail(Failure.UNREACHABLE, "the origin closed the connection before it was asked", now)
            return
        try:
            self._take(self._exchange.eof(), now)
        except FieldError as error:
            self._fail(Failure.PROTOCOL, str(error), now)
        except HttpFormatError as error:
            self._fail(Failure.UNREACHABLE, f"cut off: {error}", now)

    @property
    def deadline(self) -> float:
        """When ``expire`` has to be called next; infinity where the download is over."""
        return inf if self.done else min(self._deadline, self._progress_due, self._overall)

    def expire(self, now: float) -> None:
        """Give up where the origin took too long; else nothing."""
        if not self.done and now >= self.deadline:
            if now >= self._overall:
                why = f"not complete after {self._limits.overall_s:g} s"
            elif self._exchange is None:
                why = f"no connection to {self.uri.authority} within {self._limits.connect_s:g} s"
            elif now >= self._progress_due:
                limits = self._limits
                why = f"{self.uri.authority} gave less than {limits.progress_bytes} bytes in {limits.progress_s:g} s"
            else:
                why = f"{self.uri.authority} was silent for {self._limits.idle_s:g} s"
            self._fail(Failure.TIMEOUT, why, now)
        self._armed = self.deadline

    def stop(self, now: float) -> None:  # noqa: ARG002
        """Stop without telling the sink."""
        if not self.done:
            self._close(orderly=False)

    # -- the response ----------------------------------------------------------------------------------------------

    def _take(self, parts: Iterator[Part], now: float) -> None:
        exchange = self._exchange
        for part in parts:
            if isinstance(part, Data):
                self.take(len(part.data))
                self._owed -= len(part.data)
                if self._owed <= 0:
                    self._expect_progress(now)
                if not self.sink.write(part.data, now):
                    self.stop(now)
            elif isinstance(part, Head):
                self._take_head(part, now)
            elif self.end_body():
                self._complete(now)
            else:
                self._connect(now)
            if self.done or self._exchange is not exchange:
                return

    def _take_head(self, head: Head, now: float) -> None:
        verdict = judge(head.status, head.fields, self.asked)
        if isinstance(verdict, Body):
            if self.begin_body(verdict) and not self.sink.begin(self.size, self.etag, self.received, now):
                self.stop(now)
        elif isinstance(verdict, Redirect):
            self._follow(verdict.location, now)
        elif isinstance(verdict, FromStart):
            self.forget()
            self._connect(now)
        elif isinstance(verdict, Complete):
            self.size = verdict.size
            # Where the rest was asked for although nothing was missing, the sink knows of the package already.
            if self.blocks or self.sink.begin(self.size, self.etag, self.received, now):
                self._complete(now)
            else:
                self.stop(now)
        else:
            self.reason = f"status {verdict.status} of {self.uri.authority}"
            self._close(orderly=False)
            self.sink.failed(None, verdict.code, now)

    def _complete(self, now: float) -> None:
        if not self.done:
            self._close(orderly=True)
            self.sink.complete(now)

    # -- further requests ------------------------------------------------------------------------------------------

    def _follow(self, location: bytes, now: float) -> None:
        try:
            uri = self.uri.redirected(location)
        except ValueError as error:
            self._fail(Failure.PROTOCOL, f"redirect: {error}", now)
            return
        self.redirects += 1
        if uri in self._visited:
            self._fail(Failure.PROTOCOL, f"redirect: {uri} was asked before, this is a loop", now)
        elif self.redirects > self._limits.redirects:
            self._fail(Failure.PROTOCOL, f"redirect: more than {self._limits.redirects}", now)
        else:
            self._visited.add(uri)
            self.uri = uri
            self._connect(now)

    def _connect(self, now: float) -> None:
        if self.requests:
            self._exchange = None
            self._owner.disconnect(orderly=False)
        if self.requests == self._limits.requests:
            self._fail(Failure.PROTOCOL, f"not complete after {self.requests} requests", now)
            return
        self.requests += 1
        self._expect_progress(now)
        self._wait(self._limits.connect_s, now)
        self._owner.connect(self.uri, now)

    # -- time and end ----------------------------------------------------------------------------------------------

    def _expect_progress(self, now: float) -> None:
        self._owed = self._limits.progress_bytes
        self._progress_due = now + self._limits.progress_s

    def _wait(self, seconds: float, now: float) -> None:
        self._deadline = now + seconds
        deadline = self.deadline
        if deadline < self._armed:
            self._armed = deadline
            self._owner.wake_by(deadline)

    def _fail(self, failure: Failure, reason: str, now: float) -> None:
        self.reason = reason
        self._close(orderly=False)
        self.sink.failed(failure, 0, now)

    def _close(self, *, orderly: bool) -> None:
        self.done = True
        self._exchange = None
        self._owner.disconnect(orderly=orderly)


__all__ = ["HttpDownload"]
