"""The package origin as a process of a run.

python -m simulator.servers.origin RUN_DIRECTORY T0 PACKAGES_DIRECTORY
"""

from __future__ import annotations

import asyncio
import logging
import random
import sys
from pathlib import Path

from simulator.ports import Address
from simulator.recorder.process import EXIT_ENVIRONMENT, RunProcess
from simulator.servers.package_origin import PackageOrigin
from simulator.servers.peers import PeerTable
from simulator.transport.deadlines import Deadlines
from simulator.transport.loop import run
from simulator.transport.sockets import SocketNetwork

SWEEP_S = 30.0


async def serve(directory: Path, t0: float, packages: dict[str, bytes]) -> int:
    """Serve the packages until told to stop; the exit code of the process."""
    process = RunProcess(directory, "origin", t0)
    await process.start()
    loop = asyncio.get_running_loop()
    origin = PackageOrigin(packages)
    peers = PeerTable(process.now, random.Random(), origin, Deadlines(loop, process.now).arm)
    try:
        peers.attach(await SocketNetwork(loop).bind_datagram(Address("127.0.0.1", 0), peers))
    except OSError as error:
        process.tell(failed=f"the package origin has no port: {error.strerror or error}")
        await process.close()
        return EXIT_ENVIRONMENT
    process.tell(ready=True, coap=f"coap://{peers.local}")
    sweeping = asyncio.ensure_future(_sweep(peers))
    while await process.command() is not None:
        pass
    sweeping.cancel()
    peers.close()
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
