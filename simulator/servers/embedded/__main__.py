"""The embedded server as a process that speaks the driver protocol, with the options that it names.

python -m simulator.servers.embedded [--host 127.0.0.1] [--port 0] [--identity-dir DIR] [--chaos JSON]
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys
import time
from pathlib import Path

from simulator import __version__
from simulator.recorder.pipes import EXIT_ENVIRONMENT
from simulator.security.credentials import CredentialError
from simulator.servers.embedded.chaos import Misbehaved, server_with
from simulator.servers.embedded.commands import Commands
from simulator.servers.embedded.core import Happened, LwM2mServer
from simulator.servers.embedded.transports import Ports, Transports, server_credentials
from simulator.servers.json_lines import JsonLines
from simulator.transport.deadlines import Deadlines
from simulator.transport.loop import run
from simulator.transport.sockets import SocketNetwork

SWEEP_S = 60.0
EXPIRE_S = 1.0


async def serve(host: str, ports: Ports, identity_dir: Path | None, chaos: str = "") -> int:
    """Serve until the end of input, with defects where there is ``chaos``; the exit code of the process."""
    # Ctrl-C is for the command that started this process; it closes the input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    loop = asyncio.get_running_loop()
    lines = JsonLines()
    server = _server(lines, chaos)
    lines.on_command = Commands(server, lines).take
    deadlines = Deadlines(loop, time.monotonic)
    transports = Transports(server, SocketNetwork(loop), deadlines, time.monotonic, random.Random())
    try:
        uris = await transports.open(host, ports, server_credentials(server, identity_dir))
    except (OSError, CredentialError) as error:
        transports.close()
        lines.tell({"event": "failed", "detail": getattr(error, "strerror", None) or str(error)})
        await asyncio.sleep(0)
        return EXIT_ENVIRONMENT
    lines.tell({"event": "ready", "coap": uris["coap"], "uris": uris, "server": f"lwm2m-fleet {__version__}"})
    upkeep = asyncio.ensure_future(keep_up(server, transports))
    await lines.serve()
    upkeep.cancel()
    transports.close()
    return 0


def _server(lines: JsonLines, chaos: str) -> LwM2mServer:
    """The server, sound or not, that tells what happens in lines of JSON."""

    def happened(what: Happened) -> None:
        lines.tell(event_line(what))

    def misbehaved(act: Misbehaved) -> None:
        lines.tell({"event": "misbehaved", "ep": act.endpoint, "act": act.act, "detail": act.detail})

    later = asyncio.get_running_loop().call_later
    return server_with(chaos, time.monotonic, happened, misbehaved, later, f"{random.getrandbits(24):x}-")


async def keep_up(server: LwM2mServer, transports: Transports) -> None:
    """Drop what has expired."""
    swept = time.monotonic()
    while True:
        await asyncio.sleep(EXPIRE_S)
        server.expire()
        if time.monotonic() - swept > SWEEP_S:
            swept = time.monotonic()
            transports.sweep()


def event_line(happened: Happened) -> dict[str, str]:
    """A registration event as the driver protocol has it."""
    line = {"event": happened.event, "ep": happened.endpoint, "id": happened.registration_id}
    if happened.event == "registered" and happened.detail:
        line["replaces"] = happened.detail
    elif happened.event == "deregistered":
        line["cause"] = happened.detail
    return line


def main(arguments: list[str]) -> int:
    """Entry point of ``python -m simulator.servers.embedded``."""
    parser = argparse.ArgumentParser(prog="simulator.servers.embedded", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    for name in ("--port", "--coaps-port", "--coap-tcp-port", "--coaps-tcp-port"):
        parser.add_argument(name, type=int, default=0)
    parser.add_argument("--identity-dir", type=Path)
    parser.add_argument("--chaos", default="", help="what it does wrong, as JSON")
    options = parser.parse_args(arguments)
    ports = Ports(options.port, options.coaps_port, options.coap_tcp_port, options.coaps_tcp_port)
    return run(serve(options.host, ports, options.identity_dir, options.chaos))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
