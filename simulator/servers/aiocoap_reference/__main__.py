"""The reference server as a program that speaks the driver protocol on standard input and output."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import signal
import sys
from pathlib import Path
from typing import Final

from simulator.servers.aiocoap_reference.server import ReferenceServer, server_name
from simulator.servers.aiocoap_reference.transports import Ports

EXIT_NOT_STARTED: Final = 3
_LINE_MAX: Final = 64 << 20
"""Longest command: a package of 48 MiB in base64. Longer ones go by ``file``."""

_log = logging.getLogger("aiocoap-reference")


class Dialogue:
    """The operator's end: commands come in as lines, answers and events go out as lines."""

    def __init__(self) -> None:
        self.stopped = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()

    def emit(self, line: dict[str, object]) -> None:
        """Write one line; an operator that does not read holds the server up rather than filling its memory."""
        try:
            sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
            sys.stdout.flush()
        except (BrokenPipeError, ValueError):
            self.stopped.set()

    async def listen(self, server: ReferenceServer) -> None:
        """Take commands until the end of input."""
        reader = asyncio.StreamReader(limit=_LINE_MAX)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        try:
            async for line in reader:
                task = asyncio.create_task(self._handle(server, line))
                self._running.add(task)
                task.add_done_callback(self._running.discard)
        except ValueError:
            _log.error("a command is longer than %d bytes; give the package as a file", _LINE_MAX)
        finally:
            transport.close()
            self.stopped.set()

    async def close(self) -> None:
        """Give up the commands that still run."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _handle(self, server: ReferenceServer, line: bytes) -> None:
        try:
            command = json.loads(line)
        except ValueError as error:
            # What it holds is not told: it may be a key.
            _log.error("%d bytes that are no JSON: %s", len(line), error)
            return
        if not isinstance(command, dict) or type(command.get("id")) is not int:
            _log.error("a command needs an integer id: %d bytes", len(line))
            return
        self.emit({"id": command["id"], **await server.perform(command)})


async def serve(host: str, ports: Ports, packages: Path | None, identity: Path | None) -> int:
    """Run until the end of input or a signal; gives the exit code."""
    dialogue = Dialogue()
    server = ReferenceServer(dialogue.emit)
    try:
        uris = await server.start(host, ports, packages, identity)
    except OSError as error:
        dialogue.emit({"event": "failed", "detail": str(error)})
        await server.stop()
        return EXIT_NOT_STARTED
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, dialogue.stopped.set)
    dialogue.emit({"event": "ready", "coap": uris["coap"], "uris": uris, "server": server_name()})
    listening = asyncio.create_task(dialogue.listen(server))
    try:
        await dialogue.stopped.wait()
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await dialogue.close()
        await server.stop()
    return 0


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m simulator.servers.aiocoap_reference", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=_port, default=5683, help="UDP port of coap; 0 takes a free one")
    parser.add_argument("--coap-tcp-port", type=_port, default=0, metavar="PORT", help="default: a free one")
    parser.add_argument("--coaps-tcp-port", type=_port, default=0, metavar="PORT", help="default: a free one")
    parser.add_argument(
        "--identity-dir",
        type=Path,
        metavar="DIR",
        help="listen for coaps+tcp as well, with DIR/server.pem, DIR/server.key and DIR/ca.pem (of the devices)",
    )
    parser.add_argument("--serve", type=Path, metavar="DIR", help="give out the files of DIR as /fw/NAME")
    arguments = parser.parse_args()
    if arguments.serve is not None and not arguments.serve.is_dir():
        parser.error(f"--serve {arguments.serve} is no directory")
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    ports = Ports(arguments.port, arguments.coap_tcp_port, arguments.coaps_tcp_port)
    return asyncio.run(serve(arguments.host, ports, arguments.serve, arguments.identity_dir))


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port < 1 << 16:
        msg = f"{text} is no port"
        raise argparse.ArgumentTypeError(msg)
    return port


if __name__ == "__main__":
    sys.exit(main())
