"""The Firmware Update object instance, /5/0: resources in front of the machine.

Requests come from the LwM2M layer (``read``, ``write``, ``execute``), reports from the device that owns the instance
(``package_started``, ``finished``, ``deferral_ended``, ``user_cancelled``, ``installation_ended``). What is to be done
and which resources changed is queued, and the device takes it when it is ready to act: first the notifications, then
the effects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from simulator.coap.codes import (
    BAD_REQUEST,
    CHANGED,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    REQUEST_ENTITY_INCOMPLETE,
    is_success,
)
from simulator.lwm2m import firmware_resources as r
from simulator.lwm2m.firmware_habits import UriHabit
from simulator.lwm2m.firmware_resources import (
    CHECK_EVENTS,
    NO_DEADLINE,
    NOT_SET,
    PACKAGE,
    Host,
    Transfer,
    object_definition,
    uri_event,
)
from simulator.lwm2m.firmware_update import TRANSFER_EVENTS, Effect, Event, State, Step, UpdateResult
from simulator.lwm2m.firmware_values import FirmwareValues

if TYPE_CHECKING:
    from simulator.lwm2m.firmware_update import FirmwareUpdate
    from simulator.lwm2m.objects import ObjectDefinition, Resource

_CLEARS: Final = (b"", b"\0")
_INSTALLED: Final = (Event.INSTALL_SUCCEEDED, Event.INSTALL_FAILED, Event.INSTALL_CORRUPT)


class FirmwareObject(FirmwareValues):
    """/5/0 of one device: its values, its requests, and the reports of ``host``, the device that carries it."""

    __slots__ = ("_effects", "_host")

    def __init__(
        self, host: Host, machine: FirmwareUpdate, definition: ObjectDefinition, schemes: frozenset[str]
    ) -> None:
        super().__init__(machine, definition, schemes)
        self._host = host
        self._effects: list[Effect] = []

    # -- requests of the server ------------------------------------------------------------------------------------

    def write(self, resource_id: int, value: Resource) -> int:
        """Take a value; returns 2.04 or the code to refuse it with."""
        if resource_id not in self.definition.resources:
            return NOT_FOUND
        match resource_id, value:
            case r.PACKAGE, bytes():
                return self._write_package(value)
            case r.PACKAGE_URI, str():
                return self._write_uri(value)
            case r.SEVERITY, int() if 0 <= value <= 2:
                self.severity = value
            case r.MAXIMUM_DEFER_PERIOD, int() if value >= 0:
                self.max_defer_period = value
            case r.AUTOMATIC_UPGRADE, bool():
                self.automatic_upgrade = value
            case _:
                return BAD_REQUEST
        self._changes.append(resource_id)
        return CHANGED

    def _write_package(self, data: bytes) -> int:
        if data in _CLEARS and self.machine.state in self.machine.profile.nul_clears_in:
            return self._step(Event.PACKAGE_CLEARED).code
        refusal = self.package_started()
        if refusal:
            return refusal
        # The new package takes the place of the old one at once; an erasure still to come would hit the new one.
        self._effects = [effect for effect in self._effects if effect is not Effect.ERASE_PACKAGE]
        return self.finished(self._host.receive_package(data))

    def _write_uri(self, uri: str) -> int:
        event = uri_event(uri, self._schemes)
        step = self._step(event)
        kept = is_success(step.code) or self.machine.profile.uri_habit is UriHabit.LAST_WRITTEN
        if kept and event is not Event.URI_TOO_LONG:
            self._set_uri(uri)
        return step.code

    def execute(self, resource_id: int, arguments: str) -> int:  # noqa: ARG002  (object 5 defines no arguments)
        """Run Update or Cancel; returns 2.04 or the code to refuse it with."""
        if resource_id not in self.definition.resources:
            return NOT_FOUND
        if resource_id == r.CANCEL:
            return self._cancel()
        if resource_id != r.UPDATE:
            return METHOD_NOT_ALLOWED
        return self._update(Event.UPDATE_EXECUTED)

    def _update(self, cause: Event) -> int:
        """Update, now or when the user agrees; the response code where it was asked for."""
        if not self._is_deferred():
            return self._step(cause).code
        deadline = self.defer_deadline
        step = self._step(Event.UPDATE_DEFERRED)
        if deadline == NOT_SET:  # a second Update does not start the period anew
            period = self.max_defer_period
            deadline = NO_DEADLINE if period == NOT_SET else self._host.now_unix() + period
        self.defer_deadline = deadline
        return step.code

    def _cancel(self) -> int:
        """The registry (5.xml) has 4.05 once the installation has completed, whatever else Idle takes."""
        installed = (self.machine.state, self.machine.result) == (State.IDLE, UpdateResult.UPDATED_SUCCESSFULLY)
        return METHOD_NOT_ALLOWED if installed else self._step(Event.CANCEL_EXECUTED).code

    def _is_deferred(self) -> bool:
        """Whether an Update that could run now has to wait; a period of 0 allows no deferral (registry, 5.xml)."""
        return (
            self.machine.state is State.DOWNLOADED
            and r.MAXIMUM_DEFER_PERIOD in self.definition.resources
            and self.max_defer_period != 0
            and self._host.defers_update(self.severity)
        )

    # -- reports of the device -------------------------------------------------------------------------------------

    def package_started(self) -> int:
        """The first bytes of a push are here; 0 to go on, or the code to answer it with.

        With a code of success all of it is to be taken and dropped before it is answered.

        While another push is unfinished this one takes its place (RFC 7959 §2.5); the effects then erase what the
        other one has stored, and have to be carried out before the first byte is.
        """
        unfinished = self.transfer is Transfer.PUSH or (
            self.machine.state is State.DOWNLOADING and self.transfer is Transfer.NONE
        )
        step = self._step(Event.PACKAGE_RESTARTED if unfinished else Event.PACKAGE_STARTED)
        if step.taken and not step.code:
            self.transfer = Transfer.PUSH
            return 0
        return step.code

    def download_begun(self) -> bool:
        """The first bytes of a pull are here; whether that is new to whoever looks at State."""
        return self.machine.state is State.IDLE and self._step(Event.DOWNLOAD_BEGUN).taken

    def finished(self, event: Event) -> int:
        """The transfer ended, with one of ``TRANSFER_EVENTS``; returns the response code for a push.

        Where an error is answered with 2.04, the device takes what is left of the push and drops it, and gives this
        answer to the last block. A transfer that was stopped meanwhile changes nothing, and gives 4.08.

        Raises:
            ValueError: no transfer ends with this event.
        """
        if event not in TRANSFER_EVENTS:
            msg = f"no transfer ends with {event}"
            raise ValueError(msg)
        if self.transfer is Transfer.NONE:
            return REQUEST_ENTITY_INCOMPLETE
        self.transfer = Transfer.NONE
        step = self._step(event)
        if self.automatic_upgrade and self.machine.state is State.DOWNLOADED:
            self._effects.append(Effect.BEGIN_UPGRADE)
        return step.code

    def upgrade(self) -> None:
        """What ``BEGIN_UPGRADE`` asks for, after Downloaded was notified; nothing where the package has gone."""
        if self.machine.state is State.DOWNLOADED:
            self._update(Event.UPGRADE_BEGUN)

    def deferral_ended(self) -> None:
        """The user agreed to a deferred update, or its deadline passed. Nothing happens where none is deferred."""
        if self.defer_deadline != NOT_SET:
            self._step(Event.DEFERRAL_ENDED)

    def user_cancelled(self) -> bool:
        """The user of the device calls the update off by hand; whether there was one that could be called off.

        Only an object that has Cancel (10) has the Update Result for it.
        """
        under_way = self.transfer is not Transfer.NONE or self.machine.state is State.DOWNLOADED
        return r.CANCEL in self.definition.resources and under_way and self._step(Event.USER_CANCELLED).taken

    def installation_ended(self, event: Event) -> None:
        """The installer reported, with ``INSTALL_SUCCEEDED``, ``INSTALL_FAILED`` or ``INSTALL_CORRUPT``.

        Raises:
            ValueError: no installation ends with this event.
        """
        if event not in _INSTALLED:
            msg = f"no installation ends with {event}"
            raise ValueError(msg)
        self._step(event)

    # -- queues ----------------------------------------------------------------------------------------------------

    def take_effects(self) -> list[Effect]:
        """What is to be done since the last call, in order; to be taken after every call of the other methods."""
        effects, self._effects = self._effects, []
        return effects

    # -- within ----------------------------------------------------------------------------------------------------

    def _step(self, event: Event) -> Step:
        machine = self.machine
        before, shown = machine.state, self._package_shown()
        step = machine.step(event)
        for effect in step.effects:
            self._follow(effect)
        self._effects += step.effects
        for resource_id in step.changes:
            if resource_id == r.STATE:
                self._note_state_change(before)
            self._changes.append(resource_id)
        self._note_package_info(shown)
        over = event in TRANSFER_EVENTS or (before is State.DOWNLOADING is not machine.state)
        if over and machine.profile.uri_habit is UriHabit.CLEARED_AFTER_DOWNLOAD:
            self._set_uri("")
        if step.changes:
            self._host.on_transition(machine.state, machine.result, event)
        return step

    def _follow(self, effect: Effect) -> None:
        """Keep the object's own view in line with what the device will do."""
        if effect is Effect.ERASE_PACKAGE:
            self.package_name = self.package_version = ""
        elif effect is Effect.STOP_TRANSFER:
            self.transfer = Transfer.NONE
        elif effect in (Effect.START_DOWNLOAD, Effect.RESUME_DOWNLOAD):
            self.transfer = Transfer.PULL

    def _note_state_change(self, before: State) -> None:
        if before is State.DOWNLOADED:
            self.defer_deadline = NOT_SET
        if r.LAST_STATE_CHANGE_TIME in self.definition.resources:
            # "Updated before State changes" (registry, 5.xml), so it is notified first.
            self.last_state_change = self._host.now_unix()
            self._changes.append(r.LAST_STATE_CHANGE_TIME)


__all__ = ["CHECK_EVENTS", "PACKAGE", "FirmwareObject", "Host", "Transfer", "object_definition"]
