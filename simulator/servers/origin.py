"""The package origin as a process of a run: the same packages over CoAP, CoAP over TCP and HTTP, without TLS and with.

python -m simulator.servers.origin RUN_DIRECTORY T0 PACKAGES_DIRECTORY [IDENTITY_DIRECTORY] [--chaos JSON] [--host IP]

Commands on standard input: ``{"psks": [[IDENTITY, KEY_HEX], ...]}`` and ``{"do": "stop"}``.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from simulator.ports import Address
from simulator.recorder.process import EXIT_ENVIRONMENT, RunProcess
from simulator.security.credentials import CredentialError, Psk, PskStore, ServerCredentials
from simulator.security.files import load_identity, load_trust
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
    from collections.abc import Callable

    from simulator.coap.owner import Chance
    from simulator.ports import Listener, Network
    from simulator.servers.origin_chaos import Defects

SWEEP_S = 30.0
HOST: Final = "127.0.0.1"


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
    ) -> None:
        loop = asyncio.get_running_loop()
        self._now = now
        self._host = host
        self._any = Address(host, 0)
        self._identity_dir = identity_dir
        self._network = network or SocketNetwork(loop)
        self._on_sockets = network is None
        self._entropy = entropy
        self._deadlines = Deadlines(loop, now)
        self.psks = PskStore()
        sound = PackageOrigin(packages)
        coap = sound if defects is None else defects.coap(sound)
        self._wire = straight if defects is None else defects.wire
        arm = self._deadlines.arm
        self._tables = {scheme: PeerTable(now, chance, coap, arm) for scheme in ("coap", "coaps")}
        self._streams = {scheme: CoapTcpServer(now, chance, coap, arm) for scheme in ("coap+tcp", "coaps+tcp")}
        self._http = HttpOrigin(packages, defects, unix_now)
        self._listeners: list[Listener] = []

    async def open(self) -> dict[str, str]:
        """Take requests; the URI of each origin by its scheme.

        Raises:
            CredentialError: a file of the identity cannot be used.
            OSError: there is no free port.
        """
        table, streams = self._tables["coap"], self._streams["coap+tcp"]
        receiver, behind = self._wire(table)
        table.attach(behind(await self._network.bind_datagram(self._any, receiver)))
        await streams.listen(self._network, self._any)
        await self._http.start()
        if self._on_sockets:
            place = Address(self._host, await self._http.listen(host=self._host))
        else:
            place = self._listening(await self._network.listen_stream(self._any, self._http.accept))
        plain = {"coap": f"coap://{table.local}", "coap+tcp": f"coap+tcp://{streams.local}", "http": f"http://{place}"}
        return plain if self._identity_dir is None else plain | await self._open_secure(self._identity_dir)

    async def _open_secure(self, directory: Path) -> dict[str, str]:
        files = directory / "server.pem", directory / "server.key"
        credentials = ServerCredentials(self.psks, load_identity(*files), load_trust(directory / "ca.pem"))
        table, streams = self._tables["coaps"], self._streams["coaps+tcp"]
        shared = credentials, self._deadlines, self._now
        receiver, behind = self._wire(table)
        table.attach(behind(await bind_dtls(self._network, self._any, receiver, *shared, entropy=self._entropy)))
        streams.attach(await listen_tls(self._network, self._any, streams.accept, *shared))
        secure = {"coaps": f"coaps://{table.local}", "coaps+tcp": f"coaps+tcp://{streams.local}"}
        if self._on_sockets:
            context = server_context(*files, directory / "ca.pem")
            place = Address(self._host, await self._http.listen(context, host=self._host))
        else:
            place = self._listening(
                await listen_tls(self._network, self._any, self._http.accept, *shared, protocols=())
            )
        return secure | {"https": f"https://{place}"}

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


async def serve(
    directory: Path, t0: float, packages: dict[str, bytes], identity_dir: Path | None, chaos: str = "", host: str = HOST
) -> int:
    """Serve the packages until told to stop, with defects where there is ``chaos``; the exit code of the process."""
    process = RunProcess(directory, "origin", t0)
    await process.start()
    defects = defects_of(chaos, process.now, process.emit)
    origins = Origins(packages, process.now, random.Random(), identity_dir, defects=defects, host=host)
    try:
        uris = await origins.open()
    except (OSError, CredentialError) as error:
        process.tell(failed=f"the package origin cannot serve: {getattr(error, 'strerror', None) or error}")
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
    options = parser.parse_args(arguments)
    bodies = {path.name: path.read_bytes() for path in options.packages.iterdir()}
    return run(serve(options.directory, options.t0, bodies, options.identity_dir, options.chaos, options.host))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
