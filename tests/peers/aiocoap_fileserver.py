"""aiocoap's file server: coap and coap+tcp with a stable ETag, the reference for a resumed download."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

from tests.peers import process


class AiocoapFileServer(NamedTuple):
    """A running file server."""

    peer: process.Peer

    @property
    def port(self) -> int:
        """Port of coap and coap+tcp."""
        return self.peer.port

    def uri(self, path: str, scheme: str = "coap") -> str:
        """The URI of a file in the served directory."""
        return f"{scheme}://{process.HOST}:{self.port}/{path}"


def start_server(directory: Path) -> AiocoapFileServer:
    """Serve the files of a directory."""

    def command(port: int) -> list[str]:
        return [sys.executable, "-m", "aiocoap.cli.fileserver", "--bind", f"{process.HOST}:{port}", str(directory)]

    return AiocoapFileServer(process.start(command, process.answers_coap_ping))
