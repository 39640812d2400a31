"""What a device does about its firmware: transfers, installation, and the effects of the Firmware Update machine.

Functions over a device; together with ``requests`` they are the moving parts of ``Device``.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from simulator.device.leaving import Leaving
from simulator.device.pulls import make_pull
from simulator.device.push import Push, record_whole
from simulator.device.refetched import NOTHING_REACHED
from simulator.lwm2m.firmware_resources import Transfer
from simulator.lwm2m.firmware_table import Effect, Event

if TYPE_CHECKING:
    from simulator.device.device import Device


def perform(device: Device, effects: tuple[Effect, ...], now: float) -> None:
    """Carry out the effects of a boot, after its Register."""
    for effect in effects:
        # Before its Register was answered the server may have cancelled, and even written another Package URI.
        if effect is not Effect.RESUME_DOWNLOAD or (device.pull is None and device.firmware.transfer is Transfer.PULL):
            _perform(device, effect, now)


def carry_out(device: Device, now: float) -> None:
    """Carry out what the machine has asked for since the last call."""
    for effect in device.firmware.take_effects():
        _perform(device, effect, now)


def _perform(device: Device, effect: Effect, now: float) -> None:
    if effect is Effect.ERASE_PACKAGE:
        device.flash.erase()
    elif effect is Effect.STOP_TRANSFER:
        stop_transfers(device, now)
        device.reached = NOTHING_REACHED
    elif effect is Effect.BEGIN_UPGRADE:
        device.firmware.upgrade()
        device.act_soon()
    elif effect is Effect.START_INSTALLATION:
        device.installation = device.world.spawn(_install(device))
    else:
        _start_pull(device, resume=effect is Effect.RESUME_DOWNLOAD)


# -- transfers ---------------------------------------------------------------------------------------------------------


def receive_package(device: Device, data: bytes) -> Event:
    """Store and check a package that came in one message."""
    device.receiver.begin()
    event = device.receiver.write(data) or device.receiver.finish()
    record_whole(device, len(data), event)
    _take_package_info(device, event)
    return event


def transfer_ended(device: Device, event: Event) -> int:
    """A push or pull ended; the response code for a push."""
    _take_package_info(device, event)
    device.leaving.over()
    return device.firmware.finished(event)


def _take_package_info(device: Device, event: Event) -> None:
    verdict = device.receiver.verdict
    if event is Event.DOWNLOAD_COMPLETED and verdict is not None:
        device.firmware.set_package_info(verdict.model, verdict.version)


def stop_transfers(device: Device, now: float) -> None:
    """Stop what is arriving, without an event for the machine."""
    device.leaving.over()
    if device.pull is not None:
        device.pull.stop(now)
    if device.push is not None:
        device.push.stop(now)
    device.pull = device.push = None


def push_abandoned(device: Device, push: Push) -> None:
    """No further blocks of a push came, or another push takes its place.

    Which of the two it is shows in this very turn: a restart is no failure (RFC 7959 §2.5), so it is waited for.
    """
    device.world.soon(lambda: _abandon(device, push))


def _abandon(device: Device, push: Push) -> None:
    if device.push is push:
        device.push = None
        device.firmware.finished(Event.PACKAGE_ABANDONED)
        device.act_soon()
    push.record(Event.PACKAGE_ABANDONED, device.world.now())


def _start_pull(device: Device, *, resume: bool) -> None:
    stored = device.persistent
    offset, etag = (stored.received, stored.etag) if resume else (0, b"")
    if not etag:
        offset = 0
    try:
        device.pull = make_pull(device, device.firmware.package_uri, offset=offset, etag=etag)
    except ValueError:
        transfer_ended(device, Event.URI_INVALID)
        device.act_soon()
        return
    device.world.spawn(device.pull.start())
    if device.profile.leaves_while_pulling:
        device.leaving.begin()


# -- installation ------------------------------------------------------------------------------------------------------


async def _install(device: Device) -> None:
    """Install what the flash holds. State 3 was notified before; what the reboot cuts off is lost, as it is."""
    firmware = device.firmware
    await device.world.clock.sleep(0)
    outcome = await device.installer.install(firmware.package_version)
    if outcome.succeeded or outcome.reverted:
        if device.profile.leaves_before_reboot and device.link is not None:
            await device.registrar.deregister()
        await device.reboot(outcome)
    else:
        firmware.installation_ended(Event.INSTALL_FAILED if outcome.integrity else Event.INSTALL_CORRUPT)
        device.act_soon()


def stop_installation(device: Device) -> None:
    """A reboot cuts an installation off, unless it is the installation that reboots."""
    task, device.installation = device.installation, None
    if task is not None and task is not asyncio.current_task():
        task.cancel()


__all__ = [
    "Leaving",
    "carry_out",
    "perform",
    "push_abandoned",
    "receive_package",
    "stop_installation",
    "stop_transfers",
    "transfer_ended",
]
