"""The Firmware Update machine: State (/5/0/3) and Update Result (/5/0/5) of one device, moved by events.

Events go in; a response code, effects and changed resources come out. The transitions are data: the table of a profile
(``simulator.lwm2m.firmware_table`` for the OMA's, ``simulator.lwm2m.profiles`` for other clients'). A machine can be
born in any pair that a device may have stored before it was switched off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from simulator.lwm2m.firmware_table import (
    ALLOWED,
    KEEP,
    NONE,
    REFUSED,
    TABLE,
    TRANSFER_EVENTS,
    Effect,
    Event,
    Row,
    State,
    Table,
    UpdateResult,
)

if TYPE_CHECKING:
    from simulator.lwm2m.profiles import Profile

STATE_ID: Final = 3
UPDATE_RESULT_ID: Final = 5


class Step(NamedTuple):
    """The outcome of one event."""

    taken: bool
    """False where the event was refused."""
    code: int
    """Response code for the request that brought the event, or ``NONE``."""
    effects: tuple[Effect, ...] = ()
    changes: tuple[int, ...] = ()
    """Ids of the resources whose value changed, in the order in which a server has to see them."""


class FirmwareUpdate:
    """State and Update Result of one device.

    Raises:
        ValueError: no device may show this pair of State and Update Result.
    """

    __slots__ = ("profile", "result", "state")

    def __init__(
        self, profile: Profile, state: State = State.IDLE, result: UpdateResult = UpdateResult.INITIAL
    ) -> None:
        if result not in ALLOWED[state]:
            msg = f"State {state} with Update Result {result} cannot occur; with this State: {sorted(ALLOWED[state])}"
            raise ValueError(msg)
        self.profile = profile
        self.state = state
        self.result = result

    def step(self, event: Event) -> Step:
        """Take one event; never raises, whatever the State."""
        row = self.profile.table[self.state, event]
        if not isinstance(row, Row):
            return Step(taken=False, code=row)
        result = self.result if row.result is None else row.result
        effects = row.effects
        if self.profile.keeps_image and row.state is State.IDLE:
            effects = tuple(effect for effect in effects if effect is not Effect.ERASE_PACKAGE)
        return Step(True, row.code, effects, self._set(row.state, result))

    def _set(self, state: State, result: UpdateResult) -> tuple[int, ...]:
        assert result in ALLOWED[state], (state, result)
        before = self.state, self.result
        self.state, self.result = state, result  # the only line that changes them
        changes = [UPDATE_RESULT_ID] if result is not before[1] else []
        if state is not before[0]:
            # Update Result first, so that whoever acts on State finds the Result that belongs to it.
            at = 0 if state is State.IDLE and self.profile.state_first_to_idle else len(changes)
            changes.insert(at, STATE_ID)
        return tuple(changes)


__all__ = [
    "ALLOWED",
    "KEEP",
    "NONE",
    "REFUSED",
    "STATE_ID",
    "TABLE",
    "TRANSFER_EVENTS",
    "UPDATE_RESULT_ID",
    "Effect",
    "Event",
    "FirmwareUpdate",
    "Row",
    "State",
    "Step",
    "Table",
    "UpdateResult",
]
