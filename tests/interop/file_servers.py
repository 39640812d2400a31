"""Package origins of every kind: this project's own, libcoap's server, aiocoap's file server, and nginx."""

from __future__ import annotations

import random
import time
from contextlib import asynccontextmanager
from dataclasses import replace

from simulator.security.credentials import Psk
from simulator.servers.origin import Origins
from tests.interop.server_rig import Certificates

PSK = Psk(b"dev", b"0123456789abcdef")
SCHEMES = ("coap", "coaps", "coap+tcp", "coaps+tcp", "http", "https")
WAYS = ("coap", "coaps psk", "coaps x509", "coap+tcp", "coaps+tcp psk", "coaps+tcp x509", "http", "https x509")
"""URI schemes, each with the kinds of credential that it knows."""

NAMES = {way: way.replace(" psk", ", PSK").replace(" x509", ", X.509").replace("https, X.509", "https") for way in WAYS}
"""As docs/interop.md writes them."""

OFFERS = {
    "own": WAYS,
    "libcoap": WAYS[:6],
    "aiocoap": ("coap", "coap+tcp", "coaps+tcp x509"),
    "nginx": ("http", "https x509"),
}


def credentials_for(way, certificates):
    """What the device shows."""
    held = replace(certificates.device("dev"), psk=PSK)
    kind = way.partition(" ")[2]
    if kind == "psk":
        return replace(held, identity=None, trust=None)
    return replace(held, psk=None) if kind == "x509" else held


class FileServers:
    """Starts the servers of others by the fixtures of ``tests/conftest.py``."""

    def __init__(self, request, directory):
        self._request = request
        self.certificates = Certificates(directory)
        self._files = directory / "server.pem", directory / "server.key", directory / "ca.pem"

    async def start(self, kind, folder, name, scheme, rate=""):
        """Serve a file of a folder; its URI for a scheme."""
        certificate, key, ca = self._files
        if kind == "nginx":
            extra = f"limit_rate {rate};" if rate else ""
            start = self._request.getfixturevalue("nginx_server")
            return start(folder, certificate=certificate, key=key, extra=extra).uri(name, scheme)
        if kind == "aiocoap":
            start = self._request.getfixturevalue("aiocoap_fileserver")
            return start(folder, certificate=certificate, key=key).uri(name, scheme)
        start = self._request.getfixturevalue("libcoap_server")
        server = start("-k", PSK.key.decode(), "-c", str(certificate), "-j", str(key), "-C", str(ca))
        put = self._request.getfixturevalue("libcoap_client")
        await put("-m", "put", "-b", "1024", "-f", str(folder / name), server.uri(name))
        return server.uri(name, scheme)


@asynccontextmanager
async def own_origins(certificates, packages):
    """This project's origin in the process of the test; the URI of each scheme."""
    origins = Origins(packages, time.monotonic, random.Random(), certificates.directory)
    origins.psks.add(PSK)
    try:
        yield await origins.open()
    finally:
        await origins.close()
