"""What survives a reboot, as one value, and what a device makes of it when it comes up.

A reboot throws the device away and builds a new one from this value; whatever is not in here is lost, as it is in a
real device. The OMA texts do not fix the rules; they are those of Anjay, and of the profile.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from simulator.lwm2m.firmware_object import FirmwareObject
from simulator.lwm2m.firmware_resources import NOT_SET, SEVERITY_DEFAULT, Host, Transfer
from simulator.lwm2m.firmware_update import Effect, Event, FirmwareUpdate, State, UpdateResult

if TYPE_CHECKING:
    from simulator.device.device import Device
    from simulator.lwm2m.objects import ObjectDefinition
    from simulator.lwm2m.profiles import Profile
    from simulator.ports import InstallOutcome


@dataclass(frozen=True, slots=True)
class Persistent:
    """The non-volatile memory of a device, less the package itself (which the flash keeps)."""

    firmware_version: str
    """Firmware Version (/3/0/3): what runs now."""
    state: State = State.IDLE
    result: UpdateResult = UpdateResult.INITIAL
    package_uri: str = ""
    transfer: Transfer = Transfer.NONE
    """The transfer that was running."""
    received: int = 0
    """Bytes of the package that the flash holds."""
    etag: bytes = b""
    """ETag of the representation that a pull took them from; empty where the file server gave none."""
    package_name: str = ""
    package_version: str = ""
    severity: int = SEVERITY_DEFAULT
    max_defer_period: int = NOT_SET
    """Maximum Defer Period (/5/0/13) in seconds, or ``NOT_SET``."""
    defer_deadline: int = NOT_SET
    """When a deferred update is installed, in seconds since the Unix epoch; or ``NO_DEADLINE``, ``NOT_SET``."""
    last_state_change: int = 0
    """Last State Change Time (/5/0/12) in seconds since the Unix epoch; 0 before the first."""
    automatic_upgrade: bool = False
    """Automatic Upgrade at Download (/5/0/14)."""
    boots: int = 0
    """How often the device came up."""

    @property
    def package_complete(self) -> bool:
        """Whether the flash holds a whole package that passed its checks."""
        return self.state in (State.DOWNLOADED, State.UPDATING)


class Boot(NamedTuple):
    """How a device comes up."""

    persistent: Persistent
    effects: tuple[Effect, ...]
    """What is to be done after the Register, in order; ``ERASE_PACKAGE`` before it, as nothing may use the rest."""
    cause: Event
    """What the boot was to the Firmware Update machine."""


_NO_PACKAGE: Final[dict[str, Any]] = {"package_name": "", "package_version": "", "received": 0, "etag": b""}
_FORGOTTEN: Final[dict[str, Any]] = {
    "package_uri": "",
    "severity": SEVERITY_DEFAULT,
    "max_defer_period": NOT_SET,
    "defer_deadline": NOT_SET,
    "last_state_change": 0,
    "automatic_upgrade": False,
}


def after_boot(old: Persistent, profile: Profile, outcome: InstallOutcome | None = None, *, now_unix: int) -> Boot:
    """What a device finds when it comes up, before its first Register.

    Args:
        old: what it had stored.
        profile: how this kind of client behaves.
        outcome: how the installation ended that this boot completes; None for any other reboot, also for a power cut
            in the middle of an installation.
        now_unix: the device's wall clock in seconds since the Unix epoch.

    Raises:
        ValueError: an outcome without an installation, or a State and Update Result that no device may have stored.
    """
    event = _boot_event(old, profile, outcome)
    machine = FirmwareUpdate(profile, old.state, old.result)
    step = machine.step(event)
    effects = step.effects
    changes: dict[str, Any] = {} if profile.keeps_over_reboot else dict(_FORGOTTEN)
    if Effect.RESUME_DOWNLOAD in effects and not _can_resume(old):
        effects = (Effect.ERASE_PACKAGE, *effects)
    if Effect.ERASE_PACKAGE in effects:
        changes |= _NO_PACKAGE
    if not old.state is machine.state is State.DOWNLOADED:
        changes["defer_deadline"] = NOT_SET
    if machine.state is not old.state:
        changes["last_state_change"] = now_unix
    if outcome is not None and outcome.succeeded and not outcome.reverted:
        changes["firmware_version"] = outcome.version or old.package_version or old.firmware_version
    transfer = Transfer.PULL if Effect.RESUME_DOWNLOAD in effects else Transfer.NONE
    boots = 1 if outcome is None else outcome.boots
    new = replace(
        old, state=machine.state, result=machine.result, transfer=transfer, boots=old.boots + boots, **changes
    )
    return Boot(new, effects, event)


def _boot_event(old: Persistent, profile: Profile, outcome: InstallOutcome | None) -> Event:
    if outcome is not None:
        if old.state is not State.UPDATING:
            msg = f"an installation ended, but the device was in State {old.state} and not in 3 (Updating)"
            raise ValueError(msg)
        if outcome.succeeded:
            return Event.INSTALL_SUCCEEDED
        return Event.OLD_FIRMWARE_BOOTED if outcome.integrity else Event.INSTALL_CORRUPT
    pulling = old.state is State.DOWNLOADING and old.transfer is Transfer.PULL and bool(old.package_uri)
    return Event.DOWNLOAD_RESUMED if pulling and profile.keeps_over_reboot else Event.REBOOTED


def _can_resume(old: Persistent) -> bool:
    """Whether the rest of the same representation can be asked for; else the pull begins again.

    RFC 9110 §8.8.3: a weak entity tag does not promise the same bytes. An ETag of CoAP is opaque and always strong.
    """
    weak = old.package_uri[:4].lower() == "http" and old.etag.startswith(b"W/")
    return bool(old.etag) and not weak


def snapshot(device: Device) -> Persistent:
    """What the device would come up with if its power failed now."""
    before = device.persistent
    if device.link is None:
        return before  # nothing has changed since it went down
    etag = b""
    if device.firmware.transfer is Transfer.PULL:
        # A pull that an earlier boot had begun, and this one not yet gone on with, still has its ETag.
        etag = device.pull.etag if device.pull is not None else before.etag
    return save(before, device.firmware, received=device.flash.written, etag=etag)


def save(old: Persistent, firmware: FirmwareObject, *, received: int, etag: bytes) -> Persistent:
    """The value to store now, with what the transfer has got: bytes in the flash, and their ETag."""
    return replace(
        old,
        state=firmware.machine.state,
        result=firmware.machine.result,
        package_uri=firmware.package_uri,
        transfer=firmware.transfer,
        received=received,
        etag=etag,
        package_name=firmware.package_name,
        package_version=firmware.package_version,
        severity=firmware.severity,
        max_defer_period=firmware.max_defer_period,
        defer_deadline=firmware.defer_deadline,
        last_state_change=firmware.last_state_change,
        automatic_upgrade=firmware.automatic_upgrade,
    )


def restore(
    stored: Persistent, host: Host, profile: Profile, definition: ObjectDefinition, schemes: frozenset[str]
) -> FirmwareObject:
    """The object instance /5/0 of a device that comes up with this value.

    Raises:
        ValueError: a State and Update Result that no device may have stored, or a scheme that object 5 has not.
    """
    firmware = FirmwareObject(host, FirmwareUpdate(profile, stored.state, stored.result), definition, schemes)
    firmware.package_uri = stored.package_uri
    firmware.transfer = stored.transfer
    firmware.package_name = stored.package_name
    firmware.package_version = stored.package_version
    firmware.severity = stored.severity
    firmware.max_defer_period = stored.max_defer_period
    firmware.defer_deadline = stored.defer_deadline
    firmware.last_state_change = stored.last_state_change
    firmware.automatic_upgrade = stored.automatic_upgrade
    return firmware
