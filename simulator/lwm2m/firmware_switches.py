"""The points in which the texts about the Firmware Update object leave a choice, or clients stray from them, with every
reading of each under a name.

A profile is a choice of these; a scenario may give any profile another reading of any point (``switches``).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from simulator.lwm2m import firmware_readings as r
from simulator.lwm2m.firmware_habits import Notified, UriHabit
from simulator.lwm2m.firmware_table import Event, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Switch(NamedTuple):
    """One reading of a point."""

    name: str
    meaning: str
    """What the device does, in a phrase; ``2 / 8`` is State and Update Result."""
    rows: r.Reading = r.unchanged
    habits: Mapping[str, Any] = MappingProxyType({})
    """Fields of a profile, beside its rows."""


class Point(NamedTuple):
    """A point, and its readings: those of the profile ``oma`` first."""

    name: str
    texts: str
    """What the texts say, with their source."""
    readings: tuple[Switch, ...]


POINTS: Final = (
    Point(
        "failed installation",
        'back to Downloaded or Idle, "depending on the reason"; the figure has both arrows (OMA#393, #136, #114)',
        (
            Switch(
                "install-failure-to-downloaded", "2 / 8; Update may be tried again (ETS 779)", r.FAILED_TO_DOWNLOADED
            ),
            Switch("install-failure-to-idle", "0 / 8, the package is gone", r.FAILED_TO_IDLE),
            Switch(
                "install-failure-at-boot-to-idle",
                "2 / 8 where it shows at once, 0 / 8 where the old firmware boots",
                r.FAILED_AT_BOOT_TO_IDLE,
            ),
        ),
    ),
    Point(
        "integrity failure while Updating",
        "an arrow to 0 / 5 from object 1.1 on, doubted in OMA#393",
        (
            Switch("corrupt-install-to-idle", "0 / 5, the package is gone", r.CORRUPT_TO_IDLE),
            Switch("corrupt-install-to-downloaded", "2 / 8", r.CORRUPT_TO_DOWNLOADED),
        ),
    ),
    Point(
        "empty Package URI, or a Package of one NUL: in which States",
        "no State is named; an early figure had Downloaded to Idle alone (OMA#219)",
        (
            Switch("clear-before-update", "0 / 0 from 0, 1 and 2; 4.05 in 3", r.CLEARED_BEFORE_UPDATE),
            Switch("clear-in-downloaded-only", "0 / 0 from 2; 4.05 elsewhere", r.cleared_from_downloaded),
            Switch(
                "clear-uri-ignored-in-downloading",
                "as `clear-before-update`, but an empty Package URI in 1 is 2.04 and does nothing",
                r.cleared_unless_downloading,
            ),
        ),
    ),
    Point(
        "what a Package of one NUL is",
        "a reset (E.6 State)",
        (
            Switch("nul-clears", "a reset in every State", habits={"nul_clears_in": frozenset(State)}),
            Switch(
                "nul-is-an-image",
                "a reset in 2, elsewhere an image of one byte",
                habits={"nul_clears_in": frozenset({State.DOWNLOADED})},
            ),
        ),
    ),
    Point(
        "Cancel in Idle",
        "allowed before Update is initiated, 4.05 once an installation has completed; nothing on nothing to cancel",
        (
            Switch("cancel-in-idle-refused", "4.05", r.CANCEL_IN_IDLE_REFUSED),
            Switch("cancel-in-idle-accepted", "2.04 and 0 / 10; 4.05 in 0 / 1", r.CANCEL_IN_IDLE_TAKEN),
        ),
    ),
    Point(
        "second Package URI in 1 or 2",
        '"SHOULD be rejected" (E.6.1), no code',
        (
            Switch("second-uri-refused", "4.00", r.SECOND_URI_REFUSED),
            Switch("second-uri-not-allowed", "4.05", r.SECOND_URI_NOT_ALLOWED),
            Switch("second-uri-ignored", "2.04 and nothing done", r.SECOND_URI_IGNORED),
        ),
    ),
    Point(
        "second Package in 1 or 2",
        '"SHOULD be rejected" (E.6.1), no code',
        (
            Switch("second-package-refused", "4.00", r.SECOND_PACKAGE_REFUSED),
            Switch("second-package-not-allowed", "4.05", r.SECOND_PACKAGE_NOT_ALLOWED),
            Switch(
                "second-package-ignored", "2.04 when all of it has come, and nothing done", r.SECOND_PACKAGE_IGNORED
            ),
        ),
    ),
    Point(
        "bad package on push: code of the Write",
        "errors of the process are told by Update Result, the Write answers for itself (E.6.1)",
        (
            Switch("push-errors-in-result", "2.04", r.push_codes(r.PUSH_ERRORS_CHANGED)),
            Switch(
                "push-error-codes",
                "4.13 flash, 5.00 memory, 4.08 integrity, 4.15 package type",
                r.push_codes(r.PUSH_ERRORS_TOLD),
            ),
            Switch("push-full-flash-code", "5.00 flash, 2.04 the others", r.push_codes(r.PUSH_FULL_FLASH_TOLD)),
        ),
    ),
    Point(
        "unsupported scheme: code of the Write",
        "Update Result 9, no code",
        (
            Switch("unsupported-scheme-refused", "4.00", r.SCHEME_REFUSED),
            Switch("unsupported-scheme-accepted", "2.04", r.SCHEME_ACCEPTED),
        ),
    ),
    Point(
        "must a fast failure pass through Downloading",
        "asked in OMA#136; Downloading begins when Package or Package URI arrives (OMA#163)",
        (
            Switch("fast-failure-through-downloading", "1 / 0 with the Write of a Package URI", r.PULL_SHOWN),
            Switch(
                "fast-failure-stays-idle",
                "1 / 0 with the first byte of the package; what fails before that is 0 all the time",
                r.PULL_SHOWN_WITH_BYTES,
            ),
        ),
    ),
    Point(
        "is Downloading visible in a push",
        "yes by OMA#163",
        (
            Switch("push-shown", "1 / 0 with the first block", r.PUSH_SHOWN),
            Switch("push-hidden", "0 / 0 until the last block", r.PUSH_HIDDEN),
        ),
    ),
    Point(
        "Package URI after the download",
        "nothing but the empty Write clears it (OMA#417)",
        (
            Switch("uri-kept", "the last one accepted", habits={"uri_habit": UriHabit.CLEARED_BY_EMPTY_WRITE}),
            Switch(
                "uri-last-written", "the last one written, accepted or not", habits={"uri_habit": UriHabit.LAST_WRITTEN}
            ),
            Switch(
                "uri-cleared-after-download",
                "empty, as soon as the transfer is over",
                habits={"uri_habit": UriHabit.CLEARED_AFTER_DOWNLOAD},
            ),
        ),
    ),
    Point(
        "image when State returns to Idle",
        '"should" be removed (E.6 State)',
        (
            Switch("image-removed", "erased", habits={"keeps_image": False}),
            Switch("image-kept", "in the flash until the next download begins", habits={"keeps_image": True}),
        ),
    ),
    Point(
        "State and Update Result over a reboot",
        "not fixed; an early draft's rules were questioned (OMA#123)",
        (
            Switch(
                "state-kept-over-reboot",
                "a pull goes on, a whole package stays, an installation goes on",
                r.STATE_KEPT,
                {"keeps_over_reboot": True},
            ),
            Switch(
                "state-lost-over-reboot", "0 / 0, and everything forgotten", r.STATE_LOST, {"keeps_over_reboot": False}
            ),
        ),
    ),
    Point(
        "an old Update Result over a reboot in Idle",
        "not fixed; a server may see a stale one at Register",
        (
            Switch("result-reset-at-reboot", "0 / 0", r.RESULT_RESET),
            Switch("result-kept-over-reboot", "as it was", r.RESULT_KEPT),
        ),
    ),
    Point(
        "De-register before the reboot of an installation",
        "asked in OMA#300, no rule",
        (
            Switch("registered-at-reboot", "no", habits={"leaves_before_reboot": False}),
            Switch("deregister-before-reboot", "yes", habits={"leaves_before_reboot": True}),
        ),
    ),
    Point(
        "De-register during a pull",
        "asked in OMA#465, no rule",
        (
            Switch("registered-while-pulling", "no", habits={"leaves_while_pulling": False}),
            Switch(
                "deregister-while-pulling",
                "De-register when a pull has begun, Register when it is over",
                habits={"leaves_while_pulling": True},
            ),
        ),
    ),
    Point(
        "are all States notified",
        "observation is best effort, and pmin may merge (OMA#464, wakaama#548)",
        (
            Switch("every-change-notified", "every change", habits={"notified": Notified.EVERY_CHANGE}),
            Switch(
                "changes-merged",
                "the last value of 2 s, where the server asks for no minimum period of its own",
                habits={"notified": Notified.MERGED},
            ),
            Switch(
                "passing-states-not-notified",
                "States 0 and 2 alone, in which a device stays",
                habits={"notified": Notified.RESTING_STATES},
            ),
        ),
    ),
    Point(
        "order of Update Result and State on the way to Idle",
        "not fixed",
        (
            Switch("result-first", "Update Result, then State", habits={"state_first_to_idle": False}),
            Switch("state-first-to-idle", "State, then Update Result", habits={"state_first_to_idle": True}),
        ),
    ),
    Point(
        "no credential for the scheme of the Package URI",
        "no place for one in 1.0 (OMA#139)",
        (
            Switch("no-credential-is-unsupported", "0 / 9", habits={"no_credential": Event.SCHEME_UNSUPPORTED}),
            Switch("no-credential-is-connection-lost", "0 / 4", habits={"no_credential": Event.CONNECTION_LOST}),
        ),
    ),
    Point(
        "4.04 (404) from the file server",
        "Update Result 7 is for URIs that cannot be used, 4 for the download",
        (
            Switch("not-found-is-invalid-uri", "0 / 7", habits={"not_found_is_invalid_uri": True}),
            Switch("not-found-is-connection-lost", "0 / 4", habits={"not_found_is_invalid_uri": False}),
        ),
    ),
)
"""Every row of the list of open points of the specification that two devices can differ in, and some points more."""

SWITCHES: Final[Mapping[str, Switch]] = MappingProxyType(
    {switch.name: switch for point in POINTS for switch in point.readings}
)
"""All readings by name."""

POINT_OF: Final[Mapping[str, Point]] = MappingProxyType(
    {switch.name: point for point in POINTS for switch in point.readings}
)


def conflicts(names: Iterable[str]) -> list[tuple[str, str]]:
    """What cannot be said together: pairs of names that are readings of the same point, or twice the same.

    Names that are no switches are passed over.
    """
    first: dict[str, str] = {}
    found = []
    for name in names:
        point = POINT_OF.get(name)
        if point is not None and point.name in first:
            found.append((first[point.name], name))
        elif point is not None:
            first[point.name] = name
    return found


def conflict_text(one: str, other: str) -> str:
    """Why two names cannot be said together."""
    if one == other:
        return f"`{one}` is there twice"
    return f"`{one}` and `{other}` are two readings of one point ({POINT_OF[one].name})"
