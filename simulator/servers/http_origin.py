"""The package origin over HTTP and HTTPS as a process of a run.

python -m simulator.servers.http_origin RUN_DIRECTORY T0 PACKAGES_DIRECTORY [CERTIFICATE_FILE KEY_FILE]
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import sys
import time
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from simulator.ports import Address
from simulator.recorder.pipes import EXIT_ENVIRONMENT
from simulator.recorder.process import RunProcess
from simulator.servers.http_packages import HttpPackages
from simulator.servers.http_ports import PortTransport
from simulator.transport.loop import run
from simulator.transport.sharing import shared_stream
from simulator.transport.sources import family

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from simulator.ports import StreamPort, StreamReceiver
    from simulator.servers.exchanges import SharedExchanges
    from simulator.servers.origin_chaos import Defects

HOST: Final = "127.0.0.1"
BACKLOG: Final = 4096
PIECE: Final = 65_536
"""Bytes that are handed to the transport at once; it is asked for room between two."""
NOT_MODIFIED: Final = 304
SHUTDOWN_S: Final = 1.0
"""How long downloads that still run may take when the origin stops."""


log = logging.getLogger(__name__)


def _is_ours(record: logging.LogRecord) -> bool:
    """Whether it tells of this program: what a peer sends that is no HTTP is answered with 400, and no error here."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


log.addFilter(_is_ours)


class HttpOrigin:
    """A web server over a set of packages, and nothing else.

    Args:
        packages: the bytes by path, such as ``fw/good.bin``.
        defects: what it does wrong on purpose.
        unix_now: Unix time of the header Date; the machine's by default.
        exchanges: what other processes know of packages that were exchanged, too.
    """

    def __init__(
        self,
        packages: Mapping[str, bytes],
        defects: Defects | None = None,
        unix_now: Callable[[], float] = time.time,
        exchanges: SharedExchanges | None = None,
    ) -> None:
        self._unix_now = unix_now
        sound = HttpPackages(packages, exchanges)
        self._packages = sound if defects is None else defects.http(sound)
        # Nobody is to send a body, so none is waited for (lingering_time).
        server = web.Server(self._answer, access_log=None, logger=log, lingering_time=0, handler_cancellation=True)
        self._runner = web.ServerRunner(server, shutdown_timeout=SHUTDOWN_S)
        self.requests = 0

    async def start(self) -> None:
        """Get ready to listen."""
        await self._runner.setup()

    async def listen(
        self, tls: ssl.SSLContext | None = None, *, host: str = HOST, port: int = 0, shared: bool = False
    ) -> int:
        """Take connections on one more port, which is given back; with ``tls``, those of https.

        Args:
            shared: whether other processes of the same user may listen there, too.

        Raises:
            OSError: the port is taken.
        """
        at = Address(host, port)
        sock = shared_stream(at, family(at)) if shared else socket.create_server(at, backlog=BACKLOG)
        try:
            await web.SockSite(self._runner, sock, ssl_context=tls, backlog=BACKLOG).start()
        except BaseException:
            sock.close()
            raise
        return int(sock.getsockname()[1])

    def accept(self, port: StreamPort, peer: Address) -> StreamReceiver:
        """Take a connection over a stream port, of whatever network (``simulator.ports.Accept``)."""
        assert self._runner.server is not None, "start comes first"
        return PortTransport(port, peer, self._runner.server())

    async def close(self) -> None:
        """Close all ports and connections."""
        await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests += 1
        answer = self._packages.answer(request.method, request.path, request.headers)
        if answer.waits:
            await asyncio.sleep(answer.waits)
        headers = {**answer.headers, "Date": formatdate(self._unix_now(), usegmt=True)}
        response = web.StreamResponse(status=answer.status, headers=headers)
        if answer.status != NOT_MODIFIED:
            response.content_length = len(answer.body)
        try:
            await response.prepare(request)
            if request.method == "HEAD":
                return response
            body = answer.body if answer.stops < 0 else answer.body[: answer.stops]
            for start in range(0, len(body), PIECE):
                await response.write(body[start : start + PIECE])
            if answer.stops >= 0:
                await _stop(request, holds=answer.holds)
            else:
                await response.write_eof()
        except ConnectionError:
            # The device went away in the middle, which is what devices do here.
            pass
        return response


async def _stop(request: web.BaseRequest, *, holds: bool) -> None:
    """Send no more of a body: leave the connection open until the device is gone, or reset it."""
    if holds:
        await asyncio.get_running_loop().create_future()  # the server cancels it when the connection is lost
    if request.transport is not None:
        request.transport.abort()


class _TellingObject(ssl.SSLObject):
    """A TLS connection whose peer is told why its certificate is refused.

    The event loops drop the alert that OpenSSL has written when a handshake fails (asyncio and uvloop alike). Here the
    failure is raised a turn later: in between the loop thinks that more is to be read, and sends what is there.
    """

    _failure: ssl.SSLError | None = None

    def do_handshake(self) -> None:
        """Go on with the handshake.

        Raises:
            ssl.SSLError: it failed, or needs more from the peer.
        """
        if self._failure is not None:
            raise self._failure
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            self._failure = error
            raise ssl.SSLWantReadError(ssl.SSL_ERROR_WANT_READ, "the alert is to be sent first") from error


def server_context(certificate: Path, key: Path, trust: Path | None = None) -> ssl.SSLContext:
    """TLS of the origin, 1.2 and above.

    Args:
        trust: CAs of the clients; who shows a certificate has to show one of theirs. Without it, any client will do.

    Raises:
        OSError: a file cannot be read, or the two do not fit together (``ssl.SSLError``).
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslobject_class = _TellingObject
    context.load_cert_chain(certificate, key)
    if trust is not None:
        context.verify_mode = ssl.CERT_OPTIONAL
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # a device's own certificate may be what is trusted
        context.load_verify_locations(trust)
    return context


async def serve(directory: Path, t0: float, packages: Mapping[str, bytes], files: tuple[Path, ...] = ()) -> int:
    """Serve the packages until told to stop; the exit code of the process.

    Args:
        files: certificate and key, for https beside http.
    """
    process = RunProcess(directory, "http-origin", t0)
    await process.start()
    origin = HttpOrigin(packages)
    await origin.start()
    try:
        ready = {"http": f"http://{HOST}:{await origin.listen()}"}
        if files:
            certificate, key = files
            ready["https"] = f"https://{HOST}:{await origin.listen(server_context(certificate, key))}"
    except OSError as error:
        process.tell(failed=f"the package origin cannot serve HTTP: {error}")
        await origin.close()
        await process.close()
        return EXIT_ENVIRONMENT
    process.tell(ready=True, **ready)
    while await process.command() is not None:
        pass
    await origin.close()
    await process.close()
    return 0


def main(arguments: list[str]) -> int:
    """Entry point of ``python -m simulator.servers.http_origin``."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    directory, t0, packages, *files = arguments
    root = Path(packages)
    bodies = {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    return run(serve(Path(directory), float(t0), bodies, tuple(Path(file) for file in files)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
