"""The objects of a virtual device: Security, Server, Device, Connectivity Monitoring, Firmware Update."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.lwm2m.standard import ConnectivityMonitoring, Security, Server
from simulator.lwm2m.standard import Device as DeviceObject
from simulator.lwm2m.tree import ObjectTree

if TYPE_CHECKING:
    from simulator.device.device import Device


def make_tree(device: Device) -> ObjectTree:
    """The objects of a device that has just booted."""
    plan, world = device.plan, device.world
    instances = (
        Security(f"coap://{world.server}"),
        Server(
            int(plan.lifetime_s),
            on_lifetime=device.on_lifetime,
            on_update_trigger=device.on_update_trigger,
            on_periods=device.on_periods,
        ),
        DeviceObject(
            plan.endpoint,
            device.persistent.firmware_version,
            now_unix=device.now_unix,
            on_reboot=device.ask_reboot,
            model=plan.model,
        ),
        ConnectivityMonitoring(address=device.local_host),
        device.firmware,
    )
    return ObjectTree(instances, lwm2m_version=plan.lwm2m)
