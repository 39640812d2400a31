"""A device in queue mode: when nothing has come or gone for a while, its radio is off, and what comes is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.coap.endpoint import Endpoint
from simulator.faults.filters import IN, LinkFilter
from simulator.faults.plan import FaultyNetwork

if TYPE_CHECKING:
    from simulator.device.device import Device
    from simulator.ports import Network


class Sleep:
    """The radio of one device, from one boot to the next: a filter below everything that its management is made of.

    It is asked for each datagram, and needs no timer. A device that waits for something itself does not sleep: for the
    answer to a Register or an Update, for the acknowledgement of a notification, for a download or an installation.

    Args:
        device: whose it is.
        awake_s: for how long it listens after each message.
    """

    __slots__ = ("_awake_s", "_device", "_until")

    def __init__(self, device: Device, awake_s: float) -> None:
        self._device = device
        self._awake_s = awake_s
        self._until = device.world.now() + awake_s

    def passes(self, data: bytes, way: str) -> list[tuple[float, bytes]]:
        """What is sent, and what comes while the device listens."""
        now = self._device.world.now()
        if way == IN and now >= self._until and not self._waits:
            return []
        self._until = now + self._awake_s
        return [(0.0, data)]

    @property
    def _waits(self) -> bool:
        device = self._device
        if device.link is None or device.registrar.waits or device.pull is not None or device.installation is not None:
            return True
        endpoint = device.endpoint
        return isinstance(endpoint, Endpoint) and bool(endpoint.pending)


def listening(device: Device) -> Network:
    """The network of the management of a device: for one that never sleeps the very same one."""
    queue = device.plan.queue
    if queue is None:
        return device.management_network
    return FaultyNetwork(device.management_network, [LinkFilter(lambda: Sleep(device, queue.awake_s))], [])
