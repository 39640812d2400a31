"""The Firmware Update machine as data: its events, its effects and its transitions.

An event is a fact, told in the past tense: a request of the server that was understood (``URI_WRITTEN``), a report of
the transfer (``FLASH_FULL``), of the installer or of the boot. For every State and every event the table says what
follows, or with which response code the event is refused. What is refused leaves State and Update Result untouched.

The table below is the behaviour that the OMA texts ask for. Where they leave a choice it is the one of the OMA test
specification (ETS) with the response codes of Anjay; ``simulator.lwm2m.profiles`` says what other clients do.

Sources: OMA LwM2M TS 1.0, annex E.6 and E.6.1; the OMA registry, 5.xml and its version history; OMA ETS for LwM2M 1.0,
int-755, 756 and 770 to 779.
"""

from __future__ import annotations

from enum import Enum, IntEnum, StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from simulator.coap.codes import BAD_REQUEST, CHANGED, METHOD_NOT_ALLOWED, REQUEST_ENTITY_INCOMPLETE

if TYPE_CHECKING:
    from collections.abc import Mapping


class State(IntEnum):
    """Values of /5/0/3."""

    IDLE = 0
    DOWNLOADING = 1
    DOWNLOADED = 2
    UPDATING = 3


STATES: Final = tuple(state.name.lower() for state in State)
"""Names of State (/5/0/3), by number."""


class UpdateResult(IntEnum):
    """Values of /5/0/5; 10 and 11 came with version 1.1 of the object."""

    INITIAL = 0
    UPDATED_SUCCESSFULLY = 1
    NOT_ENOUGH_FLASH = 2
    OUT_OF_RAM = 3
    CONNECTION_LOST = 4
    INTEGRITY_CHECK_FAILURE = 5
    UNSUPPORTED_PACKAGE_TYPE = 6
    INVALID_URI = 7
    UPDATE_FAILED = 8
    UNSUPPORTED_PROTOCOL = 9
    CANCELLED = 10
    DEFERRED = 11


class Event(StrEnum):
    """What can happen to a firmware update; the values are the causes in the recorded ``states``."""

    # Requests of the server.
    URI_WRITTEN = "uri_written"
    """A Package URI that the device will try, unparsable ones included."""
    URI_UNSUPPORTED = "uri_unsupported"
    """A Package URI with a scheme that Protocol Support (/5/0/8) does not list."""
    URI_TOO_LONG = "uri_too_long"
    """More bytes than the resource holds: it is not stored."""
    URI_CLEARED = "uri_cleared"
    PACKAGE_STARTED = "package_started"
    """The first bytes of a push."""
    PACKAGE_RESTARTED = "package_restarted"
    """The first bytes of a push that takes the place of an unfinished one (RFC 7959 §2.5)."""
    PACKAGE_CLEARED = "package_cleared"
    UPDATE_EXECUTED = "update_executed"
    UPDATE_DEFERRED = "update_deferred"
    """Update was executed, or would begin by itself, and the user wants to wait."""
    CANCEL_EXECUTED = "cancel_executed"

    # Reports of the transfer, push or pull.
    DOWNLOAD_BEGUN = "download_begun"
    """The first bytes of a pull are there; nothing new to a device that shows Downloading since the Write."""
    DOWNLOAD_COMPLETED = "download_completed"
    """The last byte is in and the package passed its checks."""
    FLASH_FULL = "flash_full"
    OUT_OF_MEMORY = "out_of_memory"
    CONNECTION_LOST = "connection_lost"
    INTEGRITY_FAILED = "integrity_failed"
    PACKAGE_UNSUPPORTED = "package_unsupported"
    URI_INVALID = "uri_invalid"
    """Unparsable, not resolved or not found."""
    SCHEME_UNSUPPORTED = "scheme_unsupported"
    """Found while connecting, such as coaps without credentials."""
    PACKAGE_ABANDONED = "package_abandoned"
    """The server sent no further blocks of a push."""

    # Reports of the user, the installer and the boot.
    UPGRADE_BEGUN = "upgrade_begun"
    """The update begins by itself: Automatic Upgrade at Download (/5/0/14) was true when the package was complete."""
    DEFERRAL_ENDED = "deferral_ended"
    """The user agreed, or Maximum Defer Period (/5/0/13) expired."""
    USER_CANCELLED = "user_cancelled"
    """The user of the device called the update off by hand."""
    INSTALL_SUCCEEDED = "install_succeeded"
    INSTALL_FAILED = "install_failed"
    INSTALL_CORRUPT = "install_corrupt"
    OLD_FIRMWARE_BOOTED = "old_firmware_booted"
    """The device came back with the old firmware: the installation failed and only the boot shows it."""
    REBOOTED = "rebooted"
    DOWNLOAD_RESUMED = "download_resumed"
    """Rebooted during a pull of which enough was stored to go on."""


TRANSFER_EVENTS: Final = frozenset(
    {
        Event.DOWNLOAD_COMPLETED,
        Event.FLASH_FULL,
        Event.OUT_OF_MEMORY,
        Event.CONNECTION_LOST,
        Event.INTEGRITY_FAILED,
        Event.PACKAGE_UNSUPPORTED,
        Event.URI_INVALID,
        Event.SCHEME_UNSUPPORTED,
        Event.PACKAGE_ABANDONED,
    }
)
"""The events with which a transfer ends."""


class Effect(Enum):
    """What the device has to do, in the order given."""

    START_DOWNLOAD = "start_download"
    """Fetch Package URI from its first byte."""
    RESUME_DOWNLOAD = "resume_download"
    """Fetch the rest of Package URI."""
    STOP_TRANSFER = "stop_transfer"
    """Give up the push or pull that runs, if any."""
    ERASE_PACKAGE = "erase_package"
    BEGIN_UPGRADE = "begin_upgrade"
    """Update without having been asked, once Downloaded was notified."""
    START_INSTALLATION = "start_installation"
    """Not before the notifications of this step were sent: a reboot may be near."""


KEEP: Final = None
"""Update Result stays as it is."""
NONE: Final = 0
"""No request asked for this, or its answer is not due yet."""


class Row(NamedTuple):
    """What follows from an event."""

    state: State
    result: UpdateResult | None
    code: int = NONE
    """Response code of the request that brought the event. For reports of a transfer: the answer to the block of a
    push that brought it; a pull has no request that waits."""
    effects: tuple[Effect, ...] = ()


Table = dict[tuple[State, Event], Row | int]
"""A row, or the response code of a refusal (``NONE`` where no request waits: the report comes too late to matter)."""

_I, _D, _R, _U = State  # Idle, Downloading, downloaded (Ready) and Updating, short enough for a table
_E: Final = Event
_INITIAL: Final = UpdateResult.INITIAL
_ERASE: Final = (Effect.ERASE_PACKAGE,)
_STOP: Final = (Effect.STOP_TRANSFER, Effect.ERASE_PACKAGE)
_DOWNLOAD: Final = (Effect.START_DOWNLOAD,)
_INSTALL: Final = (Effect.START_INSTALLATION,)

TABLE: Final[dict[tuple[State, Event], Row]] = {
    # E.6 Package URI: the download starts at the next opportunity; E.6 Update Result: it is reset then. ETS 771.
    (_I, _E.URI_WRITTEN): Row(_D, _INITIAL, CHANGED, _DOWNLOAD),
    # Registry, Update Result 9. The texts name no code.
    (_I, _E.URI_UNSUPPORTED): Row(_I, UpdateResult.UNSUPPORTED_PROTOCOL, BAD_REQUEST),
    # Registry: the range of Package URI is 0..255; Update Result 7 is for URIs that cannot be used.
    (_I, _E.URI_TOO_LONG): Row(_I, UpdateResult.INVALID_URI, BAD_REQUEST),
    # E.6 State: an empty Package URI or a Package of one NUL resets. ETS 755, 756.
    (_I, _E.URI_CLEARED): Row(_I, _INITIAL, CHANGED),
    (_I, _E.PACKAGE_CLEARED): Row(_I, _INITIAL, CHANGED),
    (_D, _E.URI_CLEARED): Row(_I, _INITIAL, CHANGED, _STOP),
    (_D, _E.PACKAGE_CLEARED): Row(_I, _INITIAL, CHANGED, _STOP),
    (_R, _E.URI_CLEARED): Row(_I, _INITIAL, CHANGED, _ERASE),
    (_R, _E.PACKAGE_CLEARED): Row(_I, _INITIAL, CHANGED, _ERASE),
    # E.6 State: Downloading begins with the first bytes of a push. ETS 770.
    (_I, _E.PACKAGE_STARTED): Row(_D, _INITIAL),
    # RFC 7959 §2.5: a new sequence of blocks overwrites the old one.
    (_D, _E.PACKAGE_RESTARTED): Row(_D, KEEP, NONE, _ERASE),
    # E.6 State, Downloaded; ETS 770, 771.
    (_D, _E.DOWNLOAD_COMPLETED): Row(_R, _INITIAL, CHANGED),
    # E.6 Update Result 2 to 7 and 9; E.6.1: errors of the process are told by Update Result alone, so the Write of a
    # push is answered with 2.04. ETS 773 to 778.
    (_D, _E.FLASH_FULL): Row(_I, UpdateResult.NOT_ENOUGH_FLASH, CHANGED, _ERASE),
    (_D, _E.OUT_OF_MEMORY): Row(_I, UpdateResult.OUT_OF_RAM, CHANGED, _ERASE),
    (_D, _E.CONNECTION_LOST): Row(_I, UpdateResult.CONNECTION_LOST, NONE, _ERASE),
    (_D, _E.PACKAGE_ABANDONED): Row(_I, UpdateResult.CONNECTION_LOST, NONE, _ERASE),
    (_D, _E.INTEGRITY_FAILED): Row(_I, UpdateResult.INTEGRITY_CHECK_FAILURE, CHANGED, _ERASE),
    (_D, _E.PACKAGE_UNSUPPORTED): Row(_I, UpdateResult.UNSUPPORTED_PACKAGE_TYPE, CHANGED, _ERASE),
    (_D, _E.URI_INVALID): Row(_I, UpdateResult.INVALID_URI, NONE, _ERASE),
    (_D, _E.SCHEME_UNSUPPORTED): Row(_I, UpdateResult.UNSUPPORTED_PROTOCOL, NONE, _ERASE),
    # Registry (object 1.1), Cancel and Update Result 10.
    (_D, _E.CANCEL_EXECUTED): Row(_I, UpdateResult.CANCELLED, CHANGED, _STOP),
    (_R, _E.CANCEL_EXECUTED): Row(_I, UpdateResult.CANCELLED, CHANGED, _ERASE),
    # The same, called off at the device: no text has a Result of its own for that.
    (_D, _E.USER_CANCELLED): Row(_I, UpdateResult.CANCELLED, NONE, _STOP),
    (_R, _E.USER_CANCELLED): Row(_I, UpdateResult.CANCELLED, NONE, _ERASE),
    # E.6 Update: executable in Downloaded alone.
    (_R, _E.UPDATE_EXECUTED): Row(_U, _INITIAL, CHANGED, _INSTALL),
    # Registry (object 1.2), Automatic Upgrade at Download.
    (_R, _E.UPGRADE_BEGUN): Row(_U, _INITIAL, NONE, _INSTALL),
    # Registry (object 1.1), Update Result 11 and Maximum Defer Period.
    (_R, _E.UPDATE_DEFERRED): Row(_R, UpdateResult.DEFERRED, CHANGED),
    (_R, _E.DEFERRAL_ENDED): Row(_U, _INITIAL, NONE, _INSTALL),
    # E.6 State and Update Result 1.
    (_U, _E.INSTALL_SUCCEEDED): Row(_I, UpdateResult.UPDATED_SUCCESSFULLY, NONE, _ERASE),
    # E.6 Update Result 8 and ETS 779: back to Downloaded, where Update may be tried again.
    (_U, _E.INSTALL_FAILED): Row(_R, UpdateResult.UPDATE_FAILED),
    (_U, _E.OLD_FIRMWARE_BOOTED): Row(_R, UpdateResult.UPDATE_FAILED),
    # Registry (object 1.1), Update Result 5: also found while updating.
    (_U, _E.INSTALL_CORRUPT): Row(_I, UpdateResult.INTEGRITY_CHECK_FAILURE, NONE, _ERASE),
    # Boots: not fixed by the OMA. A push cannot go on, a pull may; a whole package stays; an installation goes on.
    (_I, _E.REBOOTED): Row(_I, _INITIAL, NONE, _ERASE),
    (_D, _E.REBOOTED): Row(_I, _INITIAL, NONE, _ERASE),
    (_D, _E.DOWNLOAD_RESUMED): Row(_D, KEEP, NONE, (Effect.RESUME_DOWNLOAD,)),
    (_R, _E.REBOOTED): Row(_R, _INITIAL),
    (_U, _E.REBOOTED): Row(_U, KEEP, NONE, _INSTALL),
}
"""The transitions of the OMA texts; ``REFUSED`` has all other pairs."""

_URIS: Final = (_E.URI_WRITTEN, _E.URI_UNSUPPORTED, _E.URI_TOO_LONG)
_WRITES: Final = (*_URIS, _E.PACKAGE_STARTED, _E.PACKAGE_RESTARTED)
_CLEARS: Final = (_E.URI_CLEARED, _E.PACKAGE_CLEARED)
_UPDATES: Final = (_E.UPDATE_EXECUTED, _E.UPDATE_DEFERRED)
_INSTALLED: Final = (_E.INSTALL_SUCCEEDED, _E.INSTALL_FAILED, _E.INSTALL_CORRUPT, _E.OLD_FIRMWARE_BOOTED)

REFUSALS: Final[tuple[tuple[tuple[State, ...], tuple[Event, ...], int], ...]] = (
    # E.6.1: a second package "SHOULD be rejected". A restart where no push is unfinished is a second package, too.
    ((_R,), _WRITES, BAD_REQUEST),
    ((_D,), (*_URIS, _E.PACKAGE_STARTED), BAD_REQUEST),
    ((_I,), (_E.PACKAGE_RESTARTED,), REQUEST_ENTITY_INCOMPLETE),
    # Nothing may be written while the device installs.
    ((_U,), (*_WRITES, *_CLEARS), METHOD_NOT_ALLOWED),
    # E.6 Update and ETS 772; registry (object 1.1), Cancel.
    ((_I, _D, _U), _UPDATES, METHOD_NOT_ALLOWED),
    ((_I, _U), (_E.CANCEL_EXECUTED,), METHOD_NOT_ALLOWED),
    # RFC 7959 §2.9.2: the transfer that this block belongs to was stopped. A pull ignores the code.
    ((_I, _R, _U), tuple(sorted(TRANSFER_EVENTS)), REQUEST_ENTITY_INCOMPLETE),
    # Reports that come too late.
    ((_I, _D, _U), (_E.DEFERRAL_ENDED, _E.UPGRADE_BEGUN), NONE),
    ((_I, _U), (_E.USER_CANCELLED,), NONE),
    ((_I, _D, _R), _INSTALLED, NONE),
    ((_I, _R, _U), (_E.DOWNLOAD_RESUMED,), NONE),
    ((_I, _D, _R, _U), (_E.DOWNLOAD_BEGUN,), NONE),
)

REFUSED: Final[dict[tuple[State, Event], int]] = {
    (state, event): code for states, events, code in REFUSALS for state in states for event in events
}
"""Every pair that ``TABLE`` does not have, with the response code of the refusal."""

ALLOWED: Final[Mapping[State, frozenset[UpdateResult]]] = {
    State.IDLE: frozenset(UpdateResult),
    State.DOWNLOADING: frozenset({_INITIAL}),
    State.DOWNLOADED: frozenset({_INITIAL, UpdateResult.UPDATE_FAILED, UpdateResult.DEFERRED}),
    State.UPDATING: frozenset({_INITIAL}),
}
"""The Update Results that a device may show in each State; they follow from the table."""
