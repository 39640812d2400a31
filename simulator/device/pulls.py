"""Which pull a Package URI needs, by its scheme."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from simulator.device.pull_coap import CoapPull
from simulator.device.pull_coap_tcp import CoapTcpPull
from simulator.device.pull_http import HttpPull

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from simulator.device.device import Device
    from simulator.device.pull import Pull

PULLS: Final[Mapping[str, Callable[[Device, str, int, bytes], Pull]]] = {
    "coap": CoapPull,
    "coaps": CoapPull,
    "coap+tcp": CoapTcpPull,
    "coaps+tcp": CoapTcpPull,
    "http": HttpPull,
    "https": HttpPull,
}
"""By scheme; each takes the device, the Package URI, and the offset and ETag to go on from."""


def make_pull(device: Device, uri: str, *, offset: int = 0, etag: bytes = b"") -> Pull:
    """The download of a Package URI, not yet started.

    Raises:
        ValueError: the Package URI cannot be used.
    """
    scheme = urlsplit(uri).scheme.lower()
    make = PULLS.get(scheme)
    if make is None:
        msg = f"there is no pull for the scheme {scheme!r}; there are {', '.join(PULLS)}"
        raise ValueError(msg)
    return make(device, uri, offset, etag)


__all__ = ["PULLS", "make_pull"]
