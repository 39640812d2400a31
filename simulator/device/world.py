"""What the devices of one process share, and what a device has to know of itself: its surroundings as two values."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from simulator.device.flash import HashingFlash
from simulator.security.credentials import Credentials

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Coroutine, Mapping

    from simulator.coap.params import TransmissionParameters
    from simulator.device.device import Device
    from simulator.events import EventSink
    from simulator.lwm2m.queue_mode import QueueMode
    from simulator.network.profiles import NetworkProfile
    from simulator.ports import Address, Clock, Flash, Network
    from simulator.security.spec import CredentialSpec
    from simulator.stacks.site import DeviceHandler
    from simulator.transport.deadlines import Deadlines
    from simulator.transport.dtls_handshake import HandshakeTimers


class DeviceSettings(Protocol):
    """What a device is: read from the plan of the fleet. Times in seconds, sizes in bytes."""

    @property
    def index(self) -> int:
        """Index in the plan."""

    @property
    def endpoint(self) -> str:
        """Endpoint Client Name."""

    @property
    def group(self) -> str:
        """Name of its group."""

    @property
    def delivery(self) -> str:
        """``pull``, ``push`` or empty."""

    @property
    def management(self) -> str:
        """URI scheme of the management server."""

    @property
    def transport(self) -> str:
        """URI scheme of the download, or of the management server for push."""

    @property
    def protocols(self) -> tuple[str, ...]:
        """URI schemes that it can pull from."""

    @property
    def stack(self) -> str:
        """``own`` or ``aiocoap``."""

    @property
    def network(self) -> NetworkProfile:
        """Its access network."""

    @property
    def credentials(self) -> CredentialSpec:
        """For the management server."""

    @property
    def download_credentials(self) -> CredentialSpec:
        """For the package origin."""

    @property
    def pull_retries(self) -> int:
        """How often an interrupted pull is taken up again."""

    @property
    def profile(self) -> str:
        """Name of a client profile."""

    @property
    def switches(self) -> tuple[str, ...]:
        """Points that the profile reads otherwise."""

    @property
    def object_version(self) -> str | None:
        """Version of object 5; None for that of the profile."""

    @property
    def lwm2m(self) -> str:
        """``1.0`` or ``1.1``."""

    @property
    def firmware_version(self) -> str:
        """Firmware Version (/3/0/3) at the start."""

    @property
    def model(self) -> str:
        """Model Number (/3/0/1), and what a package has to be for."""

    @property
    def lifetime_s(self) -> float:
        """Lifetime (/1/0/1)."""

    @property
    def queue(self) -> QueueMode | None:
        """How it sleeps; None for a device that never does."""

    @property
    def flash_bytes(self) -> int:
        """Capacity of the flash."""

    @property
    def flash_file(self) -> bool:
        """Whether the flash is a file."""

    @property
    def boot_time_s(self) -> float:
        """From power to the Register."""

    @property
    def install_time_s(self) -> float:
        """Length of an installation."""

    @property
    def block_size(self) -> int:
        """Largest block that it asks for or takes."""

    @property
    def think_time_s(self) -> float:
        """Time over each datagram."""

    @property
    def confirmable_notifications(self) -> bool:
        """CON or NON."""

    @property
    def parameters(self) -> TransmissionParameters:
        """RFC 7252 §4.8."""

    @property
    def handshake(self) -> HandshakeTimers:
        """RFC 6347 §4.2.4.1."""

    @property
    def fault(self) -> str:
        """Names of the injected faults, joined by ``+``."""

    @property
    def due_s(self) -> float:
        """When it is to start."""

    @property
    def expected_state(self) -> int:
        """Declared end."""

    @property
    def expected_result(self) -> int:
        """Declared end."""


@dataclass(slots=True)
class World:
    """Shared by all devices of a process."""

    network: Network
    servers: Mapping[str, Address]
    """Where the management server is, by URI scheme."""
    clock: Clock
    now: Callable[[], float]
    """``clock.now``, without the detour: it is asked for every datagram."""
    deadlines: Deadlines
    sink: EventSink
    spawn: Callable[[Coroutine[object, object, None]], asyncio.Task[None]]
    """Starts a task and keeps it; what it raises is logged."""
    soon: Callable[[Callable[[], None]], object]
    """Calls something in the next turn of the event loop."""
    unix_start: int
    """Unix time at time 0, for Time resources."""
    on_change: Callable[[str, int], None]
    """Counts devices per stage, for whoever looks on: (stage, +1 or -1)."""
    lookup: Callable[[str], object] | None = None
    """Coroutine function that resolves a host name; None where only addresses are allowed."""
    names: dict[str, str] = field(default_factory=dict)
    network_of: Callable[[DeviceSettings], Network] | None = None
    """The network as one device sees it, behind its access network; None where all see the same."""
    credentials: Callable[[DeviceSettings, str], Credentials] = lambda _plan, _purpose: Credentials()
    """What a device shows, for the purposes ``management`` and ``download``; by default nothing."""
    entropy: Callable[[DeviceSettings], Callable[[int], bytes]] = lambda _plan: os.urandom
    """Random bytes of the handshakes of a device; in virtual time they are those of the seed."""
    handler: Callable[[Device], DeviceHandler] = lambda device: device
    """What takes the requests of the server: the device, or whoever looks on and hands them to it."""
    above: Callable[[Network, str, str], Network] | None = None
    """Puts a tap on a device's network above its security: (network, scheme, purpose); None for no tap."""
    keylog: Callable[[bytes, bytes], None] | None = None
    """Told client random and master secret of every connection of DTLS; only where the user asks for them."""
    flash: Callable[[DeviceSettings], Flash] = lambda plan: HashingFlash(plan.flash_bytes)
    """Makes the flash of a device; by default one that keeps no bytes of the package."""

    async def resolve(self, host: str) -> str:
        """The address of a host.

        Raises:
            OSError: it cannot be resolved.
        """
        known = self.names.get(host)
        if known is not None:
            return known
        try:
            address = str(ipaddress.ip_address(host))
        except ValueError:
            if self.lookup is None:
                msg = f"{host} is no address, and there is nobody to ask"
                raise OSError(msg) from None
            try:
                address = self.names[host] = str(await self.lookup(host))  # type: ignore[misc]
            except ValueError as error:
                # A label that is too long, or a NUL: nothing that could be asked for.
                msg = f"{host!r} is no host name: {error}"
                raise OSError(msg) from None
        return address
