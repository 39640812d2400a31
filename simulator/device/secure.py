"""The credentials of a device at work: which network a URI scheme needs, and with what of what the device has."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from simulator.network.tap import TappedDatagrams, TappedStream
from simulator.security.failures import SecurityError
from simulator.transport.dtls import DtlsPort
from simulator.transport.secure import PROTOCOLS, SECURE_SCHEMES, SecureNetwork
from simulator.transport.tls_port import TlsPort

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.device.device import Device
    from simulator.ports import DatagramPort, Network, StreamPort
    from simulator.security.credentials import Credentials

NO_PSK: Final = frozenset({"https"})
"""Schemes whose servers know certificates only."""


class NoCredentialError(OSError):
    """The device has no credential for a secure scheme."""


def shown_for(scheme: str, held: Credentials) -> Credentials:
    """What of its credentials a device shows to a server of this scheme.

    A key where it has one for coaps, and its certificate where it has one for TLS: one kind in each handshake, so that
    the outcome does not depend on what the server likes better.
    """
    by_key = replace(held, identity=None, trust=None)
    by_certificate = replace(held, psk=None)
    if scheme in NO_PSK:
        return by_certificate
    first, second = (by_key, by_certificate) if scheme == "coaps" else (by_certificate, by_key)
    return first if first.usable else second


def network_for(device: Device, network: Network, scheme: str, purpose: str, host: str = "") -> Network:
    """The network over which a device reaches servers of this scheme: the very same one for a scheme without security.

    Args:
        purpose: ``management`` or ``download``: whose credentials.
        host: of the URI, which the server's certificate has to be for; empty for the address.

    Raises:
        NoCredentialError: the device has none that would do.
    """
    world = device.world
    if scheme in SECURE_SCHEMES:
        network = _secured(device, network, scheme, purpose, host)
    return network if world.above is None else world.above(network, scheme, purpose)


def _secured(device: Device, network: Network, scheme: str, purpose: str, host: str) -> Network:
    world = device.world
    shown = shown_for(scheme, world.credentials(device.plan, purpose))
    if not shown.usable:
        msg = f"no credential for {scheme}"
        raise NoCredentialError(msg)
    if host and not shown.server_name:
        shown = replace(shown, server_name=host)
    if shown.trust is not None and not device.faults.leaves_clock:
        shown = replace(shown, trust=replace(shown.trust, clock=partial(_wall_clock, device, shown.trust.clock)))
    return SecureNetwork(
        network,
        shown,
        world.deadlines,
        world.now,
        entropy=world.entropy(device.plan),
        timers=device.plan.handshake,
        protocols=PROTOCOLS.get(scheme, ()),
        keylog=world.keylog,
    )


def _wall_clock(device: Device, clock: Callable[[], datetime]) -> datetime:
    """The time by which the device judges certificates."""
    return clock() + timedelta(seconds=device.faults.clock_ahead())


def reason_of(error: OSError | None) -> str:
    """What a failure of the network or of a handshake is called in a record; empty for none."""
    if error is None:
        return ""
    return error.cause if isinstance(error, SecurityError) else error.strerror or str(error)


def dtls_of(port: DatagramPort | None) -> DtlsPort | None:
    """The DTLS layer of a port, behind a tap or not; None where there is none."""
    layer = port.below if isinstance(port, TappedDatagrams) else port
    return layer if isinstance(layer, DtlsPort) else None


def waits_for(port: DatagramPort | None) -> str:
    """What the handshake of a port has had no answer to; empty where none is under way, or there is nothing below."""
    dtls = dtls_of(port)
    return dtls.waits_for if dtls is not None else ""


def wire_of(port: DatagramPort | StreamPort | None, plain: tuple[int, int]) -> tuple[int, int]:
    """Bytes in and out on the wire of a port: those below DTLS or TLS; ``plain`` where there is neither."""
    layer = port.below if isinstance(port, TappedDatagrams | TappedStream) else port
    return (layer.wire_in, layer.wire_out) if isinstance(layer, DtlsPort | TlsPort) else plain
