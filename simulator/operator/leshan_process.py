"""The process of a demo server of Leshan that a run starts for itself."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from simulator.operator.driver import ServerStartError, ServerUsage
from simulator.security.credentials import CredentialError
from simulator.security.files import load_identity, load_trust
from simulator.servers.leshan.demo import Certificates, demo_command, ensure_demo_jar
from simulator.servers.leshan.maven import last_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

STOP_TIMEOUT_S: Final = 10.0
BUFFER_BYTES: Final = 4 << 20

# M4 loads this file instead of its own defaults, of which the last key here is the one that differs from Californium's;
# the spelling of that key is Californium's, too.
SETTINGS: Final = """\
PREFERRED_BLOCK_SIZE={block_size}
MAX_MESSAGE_SIZE={block_size}
UDP_CONNECTOR_RECEIVE_BUFFER={buffer}
UDP_CONNECTOR_SEND_BUFFER={buffer}
HEALTH_STATUS_INTERVAL=0
MID_TACKER=NULL
"""


class DemoProcess:
    """Runs the demo server in a directory of its own, which is removed with it.

    Args:
        host: address that everything of it binds.
        port: UDP port of coap; 0 for a free one.
        block_size: largest block of a push, in bytes.
        identity_dir: directory of ``server.pem``, ``server.key`` and ``ca.pem``; empty for what comes with it, which
            trusts every certificate of a device.
        log_file: takes what it writes.
    """

    def __init__(self, host: str, port: int, block_size: int, identity_dir: str, log_file: Path) -> None:
        self._host = host
        self._port = port
        self._block_size = block_size
        self._identity_dir = identity_dir
        self._log_file = log_file
        self._command: list[str] = []
        self._udp: frozenset[int] = frozenset()
        self.url = ""
        """Of its web API, which answers some seconds after the start; empty until it is prepared."""
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._process: asyncio.subprocess.Process | None = None

    def prepare(self, progress: Callable[[str], None]) -> None:
        """Fetch the jar if need be, choose ports and write the settings; blocks.

        Raises:
            ServerStartError: a port is taken, or the certificates are of no use.
            ToolMissingError: Java or Maven is missing.
            MavenError: the jar could not be fetched.
            OSError: a file cannot be written.
        """
        jar = ensure_demo_jar(progress)
        coap, coaps, web = free_ports(self._host, self._port)
        self._udp = frozenset((coap, coaps))
        self._directory = tempfile.TemporaryDirectory(prefix="lwm2m-fleet-leshan-")
        settings = SETTINGS.format(block_size=self._block_size, buffer=BUFFER_BYTES)
        Path(self._directory.name, "Californium.properties").write_text(settings, encoding="ascii")
        certificates = _certificates(Path(self._identity_dir), self._directory.name) if self._identity_dir else None
        self._command = demo_command(jar, host=self._host, coap=coap, coaps=coaps, web=web, certificates=certificates)
        self.url = f"http://[{self._host}]:{web}" if ":" in self._host else f"http://{self._host}:{web}"

    async def start(self) -> None:
        """Start what was prepared.

        Raises:
            ServerStartError: the program cannot be started.
        """
        assert self._directory is not None
        try:
            with self._log_file.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command, cwd=self._directory.name, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
                )
        except OSError as error:
            msg = f"the demo server of Leshan could not be started: {error}"
            raise ServerStartError(msg) from error

    async def ended(self) -> str:
        """Waits until it has ended; how it did."""
        assert self._process is not None
        code = await self._process.wait()
        return f"it ended with exit code {code}; see {self._log_file}:\n{last_lines(self._log_file)}"

    def unbound(self) -> list[int]:
        """The UDP ports that it should have by now and has not: M4 goes on without those that others have taken."""
        assert self._process is not None
        with suppress(psutil.Error):
            bound = {each.laddr.port for each in psutil.Process(self._process.pid).net_connections("udp")}
            return sorted(self._udp - bound)
        return []

    def usage(self) -> ServerUsage:
        """What it has used; -1 where it is gone."""
        with suppress(psutil.Error):
            process = psutil.Process(self._process.pid if self._process is not None else -1)
            times = process.cpu_times()
            return ServerUsage(times.user + times.system, process.memory_info().rss)
        return ServerUsage(-1.0, -1)

    async def stop(self) -> None:
        """End it and remove its directory. May be called when it has not started."""
        process = self._process
        if process is not None:
            for end in (process.terminate, process.kill):
                with suppress(ProcessLookupError):
                    end()
                with suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), STOP_TIMEOUT_S)
                    break
        if self._directory is not None:
            with suppress(OSError):
                self._directory.cleanup()


def _certificates(source: Path, directory: str) -> Certificates:
    """Chain, key and CA in the forms that M4 reads; the files are below ``directory``, which only its owner can read.

    Raises:
        ServerStartError: the files in ``source`` are of no use.
        OSError: a file cannot be written.
    """
    try:
        identity = load_identity(source / "server.pem", source / "server.key")
        (anchor, *others) = load_trust(source / "ca.pem").anchors
    except CredentialError as error:
        raise ServerStartError(str(error)) from error
    if others:
        msg = f"{source / 'ca.pem'}: the demo server of Leshan trusts one CA, and these are {1 + len(others)}"
        raise ServerStartError(msg)
    if not _is_for_clients(identity.chain[0]):
        msg = f"{source / 'server.pem'}: the demo server of Leshan takes no certificate that is for servers alone; "
        raise ServerStartError(msg + "give one with the extended key usage clientAuth as well")
    key, ca = Path(directory, "server.der"), Path(directory, "ca.der")
    key.write_bytes(identity.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    ca.write_bytes(anchor.public_bytes(Encoding.DER))
    return source / "server.pem", key, ca


def _is_for_clients(certificate: x509.Certificate) -> bool:
    """Whether it may be shown by the side that connects, which Scandium asks of everyone who may be either side."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return ExtendedKeyUsageOID.CLIENT_AUTH in usage


def free_ports(host: str, coap: int) -> Sequence[int]:
    """Ports for coap (UDP), coaps (UDP) and the web API (TCP).

    M4 goes on without coap where its port is taken, so it is looked at here, and once more when it has started: between
    the two, a device may have been given the port.

    Args:
        host: address to bind.
        coap: the first port; 0 for a free one.

    Raises:
        ServerStartError: the port is taken, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    wanted = ((socket.SOCK_DGRAM, coap, "UDP"), (socket.SOCK_DGRAM, 0, "UDP"), (socket.SOCK_STREAM, 0, "TCP"))
    with ExitStack() as stack:
        ports = []
        for kind, port, name in wanted:
            probe = stack.enter_context(socket.socket(family, kind))
            try:
                probe.bind((host, port))
            except OSError as error:
                msg = f"{name} port {port} of {host} cannot be bound: {error.strerror}"
                raise ServerStartError(msg) from error
            ports.append(int(probe.getsockname()[1]))
        return ports
