"""libcoap's server and client, both built on OpenSSL: coap, coaps, coap+tcp and coaps+tcp."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.peers import process
from tests.peers.tools import peer_tool

PACKAGE = "libcoap3-bin"


class LibcoapServer(NamedTuple):
    """A running server; resources are made by PUT, ten at most."""

    peer: process.Peer

    @property
    def port(self) -> int:
        """Port of coap and coap+tcp; coaps and coaps+tcp have the next one."""
        return self.peer.port

    def uri(self, path: str, scheme: str = "coap") -> str:
        """The URI of a resource, for one of the four schemes."""
        port = self.port + 1 if scheme.startswith("coaps") else self.port
        return f"{scheme}://{process.HOST}:{port}/{path}"


def start_server(*options: str) -> LibcoapServer:
    """Start a server; ``options`` may add keys and certificates (``-k``, ``-c``, ``-j``, ``-n``), or loss (``-l``)."""
    tool = str(peer_tool("coap-server-openssl", PACKAGE))

    def command(port: int) -> list[str]:
        return [tool, "-A", process.HOST, "-p", str(port), "-d", "10", *options]

    return LibcoapServer(process.start(command, process.answers_coap_ping, ports=2))


async def run_client(*options: str, timeout_s: float = 60.0) -> bytes:
    """The payload of the response that the client gets.

    Raises:
        PeerError: the response was an error, or there was none.
    """
    tool = str(peer_tool("coap-client-openssl", PACKAGE))
    return await asyncio.to_thread(_run, tool, options, timeout_s)


def _run(tool: str, options: tuple[str, ...], timeout_s: float) -> bytes:
    # To standard output the client would add a line feed.
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "payload"
        command = [tool, "-o", str(file), *options]
        done = subprocess.run(command, capture_output=True, timeout=timeout_s, check=False, stdin=subprocess.DEVNULL)
        # It ends with 0 whatever the server answered; an error response goes to standard error as "4.04 ...".
        complaint = done.stderr.decode(errors="replace").strip()
        if done.returncode or complaint:
            raise process.PeerError(f"{Path(tool).name} {' '.join(options)}: {complaint or done.returncode}")
        return file.read_bytes() if file.exists() else b""
