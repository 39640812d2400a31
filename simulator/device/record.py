"""What a device writes down of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from simulator.events import DeviceEnded, DeviceStarted, StateChanged
from simulator.lwm2m.firmware_table import Event, State, UpdateResult

if TYPE_CHECKING:
    from simulator.device.device import Device

STAGES: Final = {
    State.IDLE: "",
    State.DOWNLOADING: "downloading",
    State.DOWNLOADED: "downloaded",
    State.UPDATING: "updating",
}
"""Under which name a device is counted for whoever looks on."""


def started(device: Device, due: float) -> None:
    """The device is switched on; ``due`` is when the plan meant that to happen."""
    plan, world = device.plan, device.world
    world.sink.emit(
        DeviceStarted(
            world.now(),
            plan.index,
            plan.endpoint,
            plan.group,
            plan.transport,
            plan.delivery,
            due,
            plan.fault,
            plan.expected_state,
            plan.expected_result,
            plan.management,
            plan.stack,
            plan.network.name if not plan.network.transparent else "",
            plan.credentials.text,
        )
    )
    world.on_change("started", 1)


def ended(device: Device, *, registered: bool) -> None:
    """The device is switched off."""
    stored = device.persistent
    device.world.sink.emit(
        DeviceEnded(
            device.world.now(),
            device.plan.index,
            int(stored.state),
            int(stored.result),
            stored.firmware_version,
            stored.boots,
            registered,
            device.messages_in,
            device.messages_out,
            device.retransmissions,
        )
    )


def transition(device: Device, state: State, result: UpdateResult, cause: Event) -> None:
    """State or Update Result has a new value."""
    world = device.world
    world.sink.emit(StateChanged(world.now(), device.plan.index, int(state), int(result), str(cause)))
    stage = STAGES[state]
    if result is not UpdateResult.INITIAL:
        stage = "updated" if result is UpdateResult.UPDATED_SUCCESSFULLY else "failed"
    if stage != device.stage:
        if device.stage:
            world.on_change(device.stage, -1)
        if stage:
            world.on_change(stage, 1)
        device.stage = stage
