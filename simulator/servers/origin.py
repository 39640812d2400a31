"""The package origin as a process of a run: the same packages over CoAP, CoAP over TCP and HTTP.

python -m simulator.servers.origin RUN_DIRECTORY T0 PACKAGES_DIRECTORY
"""

from __future__ import annotations

import asyncio
import logging
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from simulator.ports import Address
from simulator.recorder.process import EXIT_ENVIRONMENT, RunProcess
from simulator.servers.http_origin import HttpOrigin
from simulator.servers.package_origin import PackageOrigin
from simulator.servers.peers import PeerTable
from simulator.transport.coap_tcp import CoapTcpServer
from simulator.transport.deadlines import Deadlines
from simulator.transport.loop import run
from simulator.transport.sockets import SocketNetwork

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.coap.owner import Chance

SWEEP_S = 30.0
HOST: Final = "127.0.0.1"


class Origins:
    """The same packages on one free port of loopback for each transport.

    Args:
        packages: the bytes by path, such as ``good.bin``.
        now: the clock.
        chance: of tokens and Message IDs.
    """

    def __init__(self, packages: dict[str, bytes], now: Callable[[], float], chance: Chance) -> None:
        loop = asyncio.get_running_loop()
        self._network = SocketNetwork(loop)
        self._deadlines = Deadlines(loop, now)
        coap = PackageOrigin(packages)
        self.peers = PeerTable(now, chance, coap, self._deadlines.arm)
        self._streams = CoapTcpServer(now, chance, coap, self._deadlines.arm)
        self._http = HttpOrigin(packages)

    async def open(self) -> dict[str, str]:
        """Take requests; the URI of each origin by its scheme.

        Raises:
            OSError: there is no free port.
        """
        anywhere = Address(HOST, 0)
        self.peers.attach(await self._network.bind_datagram(anywhere, self.peers))
        await self._streams.listen(self._network, anywhere)
        await self._http.start()
        port = await self._http.listen(host=HOST)
        return {
            "coap": f"coap://{self.peers.local}",
            "coap+tcp": f"coap+tcp://{self._streams.local}",
            "http": f"http://{HOST}:{port}",
        }

    async def close(self) -> None:
        """Close all ports and connections, those of a half-opened origin too."""
        self.peers.close()
        self._streams.close()
        await self._http.close()
        self._deadlines.close()


async def serve(directory: Path, t0: float, packages: dict[str, bytes]) -> int:
    """Serve the packages until told to stop; the exit code of the process."""
    process = RunProcess(directory, "origin", t0)
    await process.start()
    origins = Origins(packages, process.now, random.Random())
    try:
        uris = await origins.open()
    except OSError as error:
        process.tell(failed=f"the package origin has no port: {error.strerror or error}")
        await origins.close()
        await process.close()
        return EXIT_ENVIRONMENT
    process.tell(ready=True, coap=uris["coap"], origins=uris)
    sweeping = asyncio.ensure_future(_sweep(origins.peers))
    while await process.command() is not None:
        pass
    sweeping.cancel()
    await origins.close()
    await process.close()
    return 0


async def _sweep(peers: PeerTable) -> None:
    while True:
        await asyncio.sleep(SWEEP_S)
        peers.sweep(lambda _peer: False)


def main(arguments: list[str]) -> int:
    """Entry point of ``python -m simulator.servers.origin``."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    directory, t0, packages = arguments
    bodies = {path.name: path.read_bytes() for path in Path(packages).iterdir()}
    return run(serve(Path(directory), float(t0), bodies))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
