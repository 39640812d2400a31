"""The package origin as a process of a run: the same packages over CoAP, CoAP over TCP and HTTP, without TLS and with.

python -m simulator.servers.origin RUN_DIRECTORY T0 PACKAGES_DIRECTORY [IDENTITY_DIRECTORY] [--chaos JSON] [--host IP]
    [--name NAME] [--shared FILE [--ports JSON]]

With ``--shared`` it is one of several that serve the same ports: the first takes free ones, the others are told which.
Commands on standard input: ``{"psks": [[IDENTITY, KEY_HEX], ...]}`` and ``{"do": "stop"}``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from simulator.ports import Address
from simulator.recorder.pipes import EXIT_ENVIRONMENT
from simulator.recorder.process import RunProcess
from simulator.security.credentials import CredentialError, Psk, PskStore, ServerCredentials
from simulator.security.files import load_identity, load_trust
from simulator.servers.exchanges import SharedExchanges
from simulator.servers.http_origin import HttpOrigin, server_context
from simulator.servers.origin_chaos import defects_of
from simulator.servers.package_origin import PackageOrigin
from simulator.servers.peers import PeerTable
from simulator.servers.wire import straight
from simulator.transport.coap_tcp import CoapTcpServer
from simulator.transport.deadlines import Deadlines
from simulator.transport.dtls_listener import bind_dtls
from simulator.transport.loop import run
from simulator.transport.sockets import SocketNetwork
from simulator.transport.tls_listener import listen_tls

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

    from simulator.coap.owner import Chance
    from simulator.ports import Listener, Network
    from simulator.servers.origin_chaos import Defects

SWEEP_S = 30.0
HOST: Final = "127.0.0.1"

log = logging.getLogger(__name__)


class Shared(NamedTuple):
    """What one of several processes has in common with the others."""

    exchanges: Path
    """File by which they know of packages that were exchanged."""
    ports: Mapping[str, int]
    """By scheme, as the first process has taken them; free ones where there is none."""


class Origins:
    """The same packages on one free port for each transport.

    Args:
        packages: the bytes by path, such as ``good.bin``.
        now: the clock.
        chance: of tokens and Message IDs.
        identity_dir: ``server.pem``, ``server.key`` and ``ca.pem`` (docs/driver-protocol.md); with it there are coaps,
            coaps+tcp and https.
        network: in which the ports are; sockets by default.
        unix_now: Unix time, for the header Date of HTTP.
        defects: what it does wrong on purpose.
        entropy: random bytes of DTLS; a run in virtual time that is to be repeated gives those of its seed.
        host: the address that the ports are bound to: loopback by default.
        shared: with other processes, over sockets; None for a process that is alone.

    Raises:
        OSError: the file of ``shared`` cannot be opened.

    Attributes:
        psks: the keys that devices may come with, over coaps and coaps+tcp.
    """

    def __init__(
        self,
        packages: dict[str, bytes],
        now: Callable[[], float],
        chance: Chance,
        identity_dir: Path | None = None,
        *,
        network: Network | None = None,
        unix_now: Callable[[], float] = time.time,
        defects: Defects | None = None,
        entropy: Callable[[int], bytes] = os.urandom,
        host: str = HOST,
        shared: Shared | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self._now = now
        self._host = host
        self._shared = shared
        self._exchanges = None if shared is None else SharedExchanges(shared.exchanges)
        self._identity_dir = identity_dir
        self._network = network or SocketNetwork(loop, shared=shared is not None)
        self._on_sockets = network is None
        self._entropy = entropy
        self._deadlines = Deadlines(loop, now)
        self.psks = PskStore()
        self._coap = PackageOrigin(packages, self._exchanges)
        coap = self._coap if defects is None else defects.coap(self._coap)
        self._wire = straight if defects is None else defects.wire
        arm = self._deadlines.arm
        self._tables = {scheme: PeerTable(now, chance, coap, arm) for scheme in ("coap", "coaps")}
        self._streams = {scheme: CoapTcpServer(now, chance, coap, arm) for scheme in ("coap+tcp", "coaps+tcp")}
        self._http = HttpOrigin(packages, defects, unix_now, self._exchanges)
        self._listeners: list[Listener] = []

    @property
    def requests(self) -> int:
        """How many it was asked, one for each block over CoAP."""
        return self._coap.requests + self._http.requests

    async def open(self) -> dict[str, str]:
        """Take requests; the URI of each origin by its scheme.

        Raises:
            CredentialError: a file of the identity cannot be used.
            OSError: there is no free port, or somebody has one that is to be shared.
        """
        table, streams = self._tables["coap"], self._streams["coap+tcp"]
        receiver, behind = self._wire(table)
        table.attach(behind(await self._network.bind_datagram(self._at("coap"), receiver)))
        await streams.listen(self._network, self._at("coap+tcp"))
        await self._http.start()
        if self._on_sockets:
            place = await self._listen_http("http")
        else:
            place = self._listening(await self._network.listen_stream(self._at("http"), self._http.accept))
        plain = {"coap": f"coap://{table.local}", "coap+tcp": f"coap+tcp://{streams.local}", "http": f"http://{place}"}
        return plain if self._identity_dir is None else plain | await self._open_secure(self._identity_dir)

    async def _open_secure(self, directory: Path) -> dict[str, str]:
        files = directory / "server.pem", directory / "server.key"
        credentials = ServerCredentials(self.psks, load_identity(*files), load_trust(directory / "ca.pem"))
        table, streams = self._tables["coaps"], self._streams["coaps+tcp"]
        shared = credentials, self._deadlines, self._now
        receiver, behind = self._wire(table)
        at = self._at("coaps")
        table.attach(behind(await bind_dtls(self._network, at, receiver, *shared, entropy=self._entropy)))
        streams.attach(await listen_tls(self._network, self._at("coaps+tcp"), streams.accept, *shared))
        secure = {"coaps": f"coaps://{table.local}", "coaps+tcp": f"coaps+tcp://{streams.local}"}
        if self._on_sockets:
            place = await self._listen_http("https", server_context(*files, directory / "ca.pem"))
        else:
            at = self._at("https")
            place = self._listening(await listen_tls(self._network, at, self._http.accept, *shared, protocols=()))
        return secure | {"https": f"https://{place}"}

    def _at(self, scheme: str) -> Address:
        return Address(self._host, 0 if self._shared is None else self._shared.ports.get(scheme, 0))

    async def _listen_http(self, scheme: str, tls: ssl.SSLContext | None = None) -> Address:
        host, port = self._at(scheme)
        return Address(host, await self._http.listen(tls, host=host, port=port, shared=self._shared is not None))

    def _listening(self, listener: Listener) -> Address:
        self._listeners.append(listener)
        return listener.local

    def sweep(self) -> None:
        """Drop peers that have gone quiet."""
        for table in self._tables.values():
            table.sweep(lambda _peer: False)

    async def close(self) -> None:
        """Close all ports and connections, those of a half-opened origin too."""
        for table in self._tables.values():
            table.close()
        for streams in self._streams.values():
            streams.close()
        for listener in self._listeners:
            listener.close()
        await self._http.close()
        self._deadlines.close()
        if self._exchanges is not None:
            self._exchanges.close()


async def serve(options: argparse.Namespace) -> int:
    """Serve the packages until told to stop; the exit code of the process.

    Args:
        options: those of ``main``.
    """
    process = RunProcess(options.directory, options.name, options.t0)
    await process.start()
    origins: Origins | None = None
    try:
        origins = Origins(
            {path.name: path.read_bytes() for path in options.packages.iterdir()},
            process.now,
            random.Random(),
            options.identity_dir,
            defects=defects_of(options.chaos, process.now, process.emit),
            host=options.host,
            shared=Shared(options.shared, json.loads(options.ports)) if options.shared else None,
        )
        uris = await origins.open()
    except (OSError, CredentialError) as error:
        process.tell(failed=f"the package origin cannot serve: {getattr(error, 'strerror', None) or error}")
        if origins is not None:
            await origins.close()
        await process.close()
        return EXIT_ENVIRONMENT
    process.tell(ready=True, coap=uris["coap"], origins=uris)
    sweeping = asyncio.ensure_future(_sweep(origins))
    while (command := await process.command()) is not None:
        for identity, key_hex in command.get("psks", ()):
            origins.psks.add(Psk(identity.encode(), bytes.fromhex(key_hex)))
    sweeping.cancel()
    await origins.close()
    log.info("%s was asked %d times", options.name, origins.requests)
    await process.close()
    return 0


async def _sweep(origins: Origins) -> None:
    while True:
        await asyncio.sleep(SWEEP_S)
        origins.sweep()


def main(arguments: list[str]) -> int:
    """Entry point of ``python -m simulator.servers.origin``."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    parser = argparse.ArgumentParser(prog="simulator.servers.origin", description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("t0", type=float)
    parser.add_argument("packages", type=Path)
    parser.add_argument("identity_dir", type=Path, nargs="?")
    parser.add_argument("--chaos", default="", help="what it does wrong on purpose, as JSON")
    parser.add_argument("--host", default=HOST, help="the address that it binds")
    parser.add_argument("--name", default="origin", help="of this process in the records")
    parser.add_argument("--shared", type=Path, metavar="FILE", help="what the processes of one origin know in common")
    parser.add_argument("--ports", default="{}", help="those that the first of them has, by scheme, as JSON")
    return run(serve(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
