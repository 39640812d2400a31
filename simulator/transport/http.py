"""The shell of a download over HTTP: connections for ``HttpDownload``, over whatever opens streams.

Real sockets, the network in memory and TLS on top of either look the same here: a function that opens a stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from simulator.ports import Address
from simulator.transport.http_download import HttpDownload
from simulator.transport.http_limits import DEFAULT_HTTP_LIMITS, HttpLimits

if TYPE_CHECKING:
    from simulator.coap.download import DownloadSink
    from simulator.ports import Network, StreamPort, StreamReceiver
    from simulator.transport.deadlines import Deadlines
    from simulator.transport.http_uri import HttpUri

StreamOpener = Callable[["HttpUri", "StreamReceiver"], Awaitable["StreamPort"]]
"""Opens a stream to a URI's host and port, with TLS where its scheme is https. Raises OSError where it cannot."""


class SchemeNotSupportedError(OSError):
    """A URI of https where there is no TLS."""


def plain_streams(network: Network, resolve: Callable[[str], Awaitable[str]]) -> StreamOpener:
    """Opens streams without TLS: ``resolve`` gives the address of a host.

    The opener raises:
        SchemeNotSupportedError: the URI is one of https.
        OSError: the host has no address, or no connection.
    """

    async def open_stream(uri: HttpUri, receiver: StreamReceiver) -> StreamPort:
        if uri.scheme != "http":
            msg = f"no TLS is set up for {uri}"
            raise SchemeNotSupportedError(msg)
        return await network.open_stream(Address(await resolve(uri.host), uri.port), receiver)

    return open_stream


class _Stream:
    """One connection of a download, as the port below sees it; deaf once the download has let go of it."""

    __slots__ = ("client", "ended", "port")

    def __init__(self, client: HttpClient) -> None:
        self.client: HttpClient | None = client
        self.port: StreamPort | None = None
        self.ended: OSError | None = None
        """How it ended before the port was known here."""

    def on_data(self, data: bytes) -> None:
        """The next bytes of the origin."""
        if self.client is not None:
            self.client.download.receive(data, self.client.now())

    def on_eof(self) -> None:
        """The origin closed."""
        if self.client is None:
            return
        if self.port is None:
            self.ended = ConnectionResetError("the origin closed the connection at once")
        else:
            self.client.download.eof(self.client.now())

    def on_lost(self, error: OSError | None) -> None:
        """The connection is gone."""
        if self.client is None:
            return
        self.ended = error or ConnectionAbortedError("the connection was closed")
        if self.port is not None:
            self.client.download.unreachable(self.ended, self.client.now())


class HttpClient:
    """One download with its connections and its time. ``stop`` it where it is not to go on; else it ends by itself.

    Args:
        uri, sink, offset, etag, if_range, limits: see ``HttpDownload``.
        open_stream: opens each connection.
        deadlines: calls when the origin takes too long.
        now: the clock that ``deadlines`` has.

    Raises:
        ValueError: the URI cannot be used.
    """

    __slots__ = ("_deadlines", "_open_stream", "_opening", "_stream", "download", "now")

    def __init__(
        self,
        uri: str,
        sink: DownloadSink,
        open_stream: StreamOpener,
        deadlines: Deadlines,
        now: Callable[[], float],
        *,
        offset: int = 0,
        etag: bytes = b"",
        if_range: bool = False,
        limits: HttpLimits = DEFAULT_HTTP_LIMITS,
    ) -> None:
        self._open_stream = open_stream
        self._deadlines = deadlines
        self.now = now
        self._stream: _Stream | None = None
        self._opening: asyncio.Task[None] | None = None
        self.download = HttpDownload(uri, sink, self, offset=offset, etag=etag, if_range=if_range, limits=limits)

    def start(self) -> None:
        """Connect and ask; a loop must be running. What follows is told to the sink."""
        self.download.start(self.now())

    def stop(self) -> None:
        """Stop without telling the sink."""
        self.download.stop(self.now())

    # -- what the download asks for --------------------------------------------------------------------------------

    def connect(self, uri: HttpUri, now: float) -> None:  # noqa: ARG002
        """Begin to open a connection."""
        self._stream = stream = _Stream(self)
        self._opening = asyncio.get_running_loop().create_task(self._connect(uri, stream))

    async def _connect(self, uri: HttpUri, stream: _Stream) -> None:
        try:
            port = await self._open_stream(uri, stream)
        except (OSError, UnicodeError) as error:
            if stream.client is not None:
                self._opening = None
                failed = error if isinstance(error, OSError) else OSError(f"{uri.host} is no name of a host: {error}")
                self.download.unreachable(failed, self.now())
            return
        if stream.client is None:
            port.abort()
            return
        self._opening = None
        stream.port = port
        if stream.ended is None:
            self.download.connected(self.now())
        else:
            self.download.unreachable(stream.ended, self.now())

    def send(self, data: bytes) -> None:
        """Send on the present connection."""
        if self._stream is not None and self._stream.port is not None:
            self._stream.port.write(data)

    def disconnect(self, *, orderly: bool) -> None:
        """Let go of the present connection, or of the wish for one."""
        stream, self._stream = self._stream, None
        opening, self._opening = self._opening, None
        if stream is not None:
            stream.client = None
            if stream.port is not None:
                # Who is in the middle of a package has to be told to stop sending, by a reset.
                if orderly:
                    stream.port.close()
                else:
                    stream.port.abort()
        if opening is not None:
            opening.cancel()
        if self.download.done:
            self._deadlines.disarm(self.download)

    def wake_by(self, when: float) -> None:
        """Have the download called in time."""
        self._deadlines.arm(self.download, when)


__all__ = ["HttpClient", "SchemeNotSupportedError", "StreamOpener", "plain_streams"]
