"""nginx: HTTP/1.1 and TLS with Range, If-Match, If-Range and ETag."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.peers import process
from tests.peers.tools import peer_tool

# One process in the foreground: a worker of its own would run as another user and could not read a private directory.
_CONFIGURATION = """
daemon off;
master_process off;
pid {state}/nginx.pid;
error_log stderr notice;
events {{ worker_connections 256; }}
http {{
    access_log /dev/stdout;
    default_type application/octet-stream;
    client_body_temp_path {state}/body;
    proxy_temp_path {state}/proxy;
    fastcgi_temp_path {state}/fastcgi;
    uwsgi_temp_path {state}/uwsgi;
    scgi_temp_path {state}/scgi;
    server {{
        listen {host}:{port};
        {tls}
        root {root};
        {extra}
    }}
}}
"""


class NginxServer(NamedTuple):
    """A running web server: http on one port and, where it has a certificate, https on the next."""

    peer: process.Peer
    state: tempfile.TemporaryDirectory[str]

    @property
    def port(self) -> int:
        """Port of http; https has the next one."""
        return self.peer.port

    def uri(self, path: str, scheme: str = "http") -> str:
        """The URI of a file in the served directory."""
        return f"{scheme}://{process.HOST}:{self.port + (scheme == 'https')}/{path}"

    def stop(self) -> None:
        """End the process and remove its working files."""
        self.peer.stop()
        self.state.cleanup()


def start_server(
    directory: Path, *, certificate: Path | None = None, key: Path | None = None, extra: str = ""
) -> NginxServer:
    """Serve the files of a directory; ``extra`` goes into the server block, such as ``limit_rate 64k;``."""
    tool = str(peer_tool("nginx", "nginx"))
    state = tempfile.TemporaryDirectory(prefix="nginx-")
    file = Path(state.name) / "nginx.conf"

    def command(port: int) -> list[str]:
        tls = ""
        if certificate and key:
            tls = f"listen {process.HOST}:{port + 1} ssl; ssl_certificate {certificate}; ssl_certificate_key {key};"
        text = _CONFIGURATION.format(
            state=state.name, host=process.HOST, port=port, tls=tls, root=directory, extra=extra
        )
        file.write_text(text)
        return [tool, "-p", state.name, "-c", str(file)]

    try:
        return NginxServer(process.start(command, process.answers_tcp, ports=2), state)
    except BaseException:
        state.cleanup()
        raise
