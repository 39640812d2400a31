"""The objects of a virtual device: Security, Server, Device, Connectivity Monitoring, Firmware Update."""

from __future__ import annotations

from functools import partial
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
        Security(f"{plan.management}://{world.servers[plan.management]}"),
        Server(
            int(plan.lifetime_s),
            on_lifetime=partial(_on_lifetime, device),
            on_update_trigger=partial(_on_update_trigger, device),
            on_periods=partial(_on_periods, device),
            binding=binding_of(plan.management) + ("Q" if plan.queue is not None and plan.lwm2m == "1.0" else ""),
        ),
        DeviceObject(
            plan.endpoint,
            device.persistent.firmware_version,
            now_unix=device.now_unix,
            on_reboot=device.ask_reboot,
            model=plan.model,
        ),
        ConnectivityMonitoring(address=device.link.local.host if device.link is not None else ""),
        device.firmware,
    )
    return ObjectTree(instances, lwm2m_version=plan.lwm2m)


def binding_of(scheme: str) -> str:
    """The binding of a management transport: ``U`` over UDP, ``T`` over TCP (TS 1.1 Core, §6.2.1.1)."""
    return "T" if scheme.endswith("+tcp") else "U"


def links_of(device: Device) -> bytes:
    """The links of a device's Register; the same for all devices of an LwM2M version and a version of object 5."""
    key = (device.plan.lwm2m, device.firmware.definition.version)
    links = _LINKS.get(key)
    if links is None:
        links = _LINKS[key] = device.tree.links()
    return links


_LINKS: dict[tuple[str, str], bytes] = {}


def _on_lifetime(device: Device, seconds: int) -> None:
    """Lifetime (/1/0/1) was written: the server has to hear of it by an Update."""
    device.registrar.machine.change(device.world.now(), lifetime_s=seconds)
    device.registrar.arm()


def _on_update_trigger(device: Device) -> None:
    """Registration Update Trigger (/1/0/8) was executed."""
    device.registrar.machine.trigger(device.world.now())
    device.registrar.arm()


def _on_periods(device: Device, pmin: int, pmax: int) -> None:
    """The default periods of notifications (/1/0/2, /1/0/3) were written."""
    device.notifier.set_default_periods(pmin, pmax)
