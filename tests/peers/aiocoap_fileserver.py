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
        """Port of coap and coap+tcp; coaps+tcp has the next one where there is a certificate."""
        return self.peer.port

    def uri(self, path: str, scheme: str = "coap") -> str:
        """The URI of a file in the served directory."""
        return f"{scheme}://{process.HOST}:{self.port + (scheme == 'coaps+tcp')}/{path}"


def start_server(directory: Path, *, certificate: Path | None = None, key: Path | None = None) -> AiocoapFileServer:
    """Serve the files of a directory, with ``certificate`` and ``key`` over TLS too."""
    tls = ["--tls-server-certificate", str(certificate), "--tls-server-key", str(key)] if certificate else []

    def command(port: int) -> list[str]:
        bind = f"{process.HOST}:{port}"
        return [sys.executable, "-m", "aiocoap.cli.fileserver", "--bind", bind, *tls, str(directory)]

    return AiocoapFileServer(process.start(command, process.answers_coap_ping, ports=2))
