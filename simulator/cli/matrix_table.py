"""The table of ``lwm2m-fleet matrix`` as data: by what mechanisms each Update Result comes about, and where it cannot.

A mechanism is one row: what is injected into a device, or how it is set up. A column is a delivery by a transport.
Where the two have no meaning together, the row says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from simulator.lwm2m.firmware_table import UpdateResult
from simulator.scenario import MANAGEMENT, TRANSPORTS

RESULT_NAMES: Final = {int(result): result.name.lower().replace("_", " ") for result in UpdateResult}


class Column(NamedTuple):
    """A way by which a package comes."""

    delivery: str
    """``pull`` or ``push``."""
    transport: str
    """URI scheme of the package, or of the management server for a push."""


COLUMNS: Final = (
    *(Column("pull", scheme) for scheme in TRANSPORTS),
    *(Column("push", scheme) for scheme in MANAGEMENT),
)

Columns = frozenset[Column]
PULLS: Final[Columns] = frozenset(c for c in COLUMNS if c.delivery == "pull")
PUSHES: Final[Columns] = frozenset(COLUMNS) - PULLS
DATAGRAMS: Final[Columns] = frozenset(c for c in COLUMNS if c.transport in ("coap", "coaps"))
STREAMS: Final[Columns] = frozenset(COLUMNS) - DATAGRAMS
DTLS: Final[Columns] = frozenset(c for c in COLUMNS if c.transport == "coaps")
TLS: Final[Columns] = frozenset(c for c in COLUMNS if c.transport in ("coaps+tcp", "https"))
PLAIN: Final[Columns] = frozenset(COLUMNS) - DTLS - TLS
UDP: Final[Columns] = DATAGRAMS - DTLS

NO_URI: Final = "a push has no URI that could lead somewhere"
NO_DOWNLOAD: Final = "a push comes over the connection of the management, so that there is no download to cut off"
NO_PUSH: Final = "it is about the blocks of a push, and a pull asks for its own"
NO_STREAM: Final = "there is no connection over datagrams that could be reset or closed"
TCP_HIDES: Final = "packet faults: TCP hides them, since it sends again what is lost"
NO_KEYS: Final = "there are no credentials without DTLS or TLS"
OWN_KEYS: Final = "a push has no credentials of its own: without those of the management nobody registers"


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One way to an Update Result."""

    result: int
    """Update Result (/5/0/5)."""
    name: str
    """Of the row, with letters, digits and ``-``; no other row of the same Update Result has it."""
    what: str
    """What happens, in a few words."""
    faults: tuple[Mapping[str, Any], ...] = ()
    """As a scenario has them."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Further keys of the group, as a scenario has them."""
    not_over: tuple[tuple[Columns, str], ...] = ()
    """Columns in which it has no meaning, and why."""
    beside: frozenset[str] = frozenset()
    """Kinds of fault that only make room for another one, and need not strike."""

    def reason(self, column: Column) -> str:
        """Why it has no meaning in a column; empty where it has one."""
        return next((why for columns, why in self.not_over if column in columns), "")

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of fault that have to strike."""
        return tuple(kind for fault in self.faults if (kind := str(fault["kind"])) not in self.beside)


def _fault(kind: str, **parameters: Any) -> Mapping[str, Any]:
    return {"kind": kind, **parameters}


def _row(
    result: int,
    name: str,
    what: str,
    *faults: Mapping[str, Any],
    not_over: tuple[tuple[Columns, str], ...] = (),
    beside: str = "",
    **settings: Any,
) -> Mechanism:
    return Mechanism(result, name, what, faults, settings, not_over, frozenset({beside} if beside else ()))


_PULL_ONLY: Final = ((PUSHES, NO_URI),)
_CUT_OFF: Final = ((PUSHES, NO_DOWNLOAD),)
_OVER_TCP: Final = ((PUSHES, NO_DOWNLOAD), (DATAGRAMS, NO_STREAM))
_SECURED: Final = ((PUSHES, OWN_KEYS), (PLAIN, NO_KEYS))
_SEE_5: Final = "without security the damage arrives: see Update Result 5"

QUICK: Final = {"max_latency": "2 s"}
"""With it a device waits 10 s for a block, or an answer, where 247 s are usual (EXCHANGE_LIFETIME)."""

MECHANISMS: Final = (
    _row(1, "sound", "nothing is wrong"),
    _row(
        1,
        "answer-lost",
        "a datagram of the device is lost",
        _fault("answer-lost", number=8),
        not_over=((STREAMS, TCP_HIDES),),
    ),
    _row(
        1,
        "block-damage",
        "a bit of a record flips on the way, and DTLS drops it",
        _fault("block-damage"),
        not_over=((PUSHES, NO_DOWNLOAD), (TLS, "TLS ends the connection: see Update Result 4"), (PLAIN, _SEE_5)),
    ),
    _row(1, "partition", "the link is silent for 2 s", _fault("link-partition", lasts="2 s")),
    _row(
        1,
        "power-cut",
        "the power goes while the package arrives",
        _fault("power-cut", lasts="1 s"),
        not_over=((PUSHES, "a push ends with the power, and the server has to begin another update"),),
    ),
    _row(1, "install-power-cut", "the power goes while it is installed", _fault("install-power-cut", lasts="1 s")),
    _row(1, "boot-loop", "two boots fail, the third one comes up", _fault("boot-loop", boots=2)),
    _row(1, "install-lies", "the old image boots and says success", _fault("install-lies")),
    _row(1, "image-older", "the package is of an older version", _fault("image-older")),
    _row(
        2,
        "flash-known",
        "no room, which the device knows before",
        _fault("flash-too-small", capacity="16 KiB", known=True),
    ),
    _row(2, "flash-full", "no room, found while writing", _fault("flash-too-small", capacity="16 KiB")),
    _row(2, "flash-bad-block", "a block of the flash is bad", _fault("flash-bad-block")),
    _row(3, "out-of-memory", "no RAM for the next block", _fault("out-of-memory")),
    _row(3, "buffer-too-small", "no RAM for the whole image", _fault("buffer-too-small", capacity="16 KiB")),
    _row(4, "silence", "the download falls silent at 50 %", _fault("connection-lost"), not_over=_CUT_OFF),
    _row(4, "reset", "the connection is reset at 50 %", _fault("connection-lost", how="reset"), not_over=_OVER_TCP),
    _row(4, "closed", "the connection is closed at 50 %", _fault("connection-lost", how="closed"), not_over=_OVER_TCP),
    _row(
        4,
        "block-damage",
        "a bit of a record flips on the way, and TLS ends the connection",
        _fault("block-damage"),
        not_over=(*_CUT_OFF, (DTLS, "DTLS drops the record: see Update Result 1"), (PLAIN, _SEE_5)),
    ),
    _row(4, "mtu-black-hole", "large packets vanish", _fault("mtu-black-hole"), not_over=_CUT_OFF),
    _row(
        4,
        "nat-rebind",
        "a NAT forgets the download",
        _fault("nat-rebind"),
        not_over=(*_CUT_OFF, (UDP, "CoAP goes on from the new port, and the update ends well")),
    ),
    _row(4, "origin-refuses", "nobody listens at the origin", _fault("origin-refuses"), not_over=_PULL_ONLY),
    _row(4, "origin-forbidden", "the origin answers 4.03", _fault("origin-forbidden"), not_over=_PULL_ONLY),
    _row(4, "origin-unavailable", "the origin answers 5.03", _fault("origin-unavailable"), not_over=_PULL_ONLY),
    _row(4, "origin-stalls", "the origin stops at 50 %", _fault("origin-stalls"), coap=QUICK, not_over=_PULL_ONLY),
    _row(
        4,
        "untrusted",
        "the origin does not trust the device",
        not_over=_SECURED,
        download_credentials={"kind": "x509", "wrong": "untrusted"},
    ),
    _row(
        4,
        "partition",
        "the link is silent until server and device give up",
        _fault("link-partition", lasts="30 s", expect={"state": 0, "result": 4}),
        coap=QUICK,
        not_over=((PULLS, "see the row in which the download falls silent"),),
    ),
    _row(
        4,
        "block-refused",
        "the device refuses a block with 4.13",
        _fault("push-block-refused", code="4.13"),
        coap=QUICK,
        not_over=((PULLS, NO_PUSH),),
    ),
    _row(
        4,
        "block-misnumbered",
        "the device answers a block with a wrong number",
        _fault("push-block-misnumbered"),
        coap=QUICK,
        not_over=(
            (PULLS, NO_PUSH),
            (STREAMS, "a stream carries several blocks at once"),
            (DTLS, "the answer is changed on its way, which DTLS does not let through"),
        ),
    ),
    _row(5, "image-corrupt", "the flash does not keep a bit", _fault("image-corrupt")),
    _row(5, "flash-stuck", "the flash takes nothing from a byte on", _fault("flash-stuck")),
    _row(
        5,
        "block-damage",
        "a bit flips on the way",
        _fault("block-damage"),
        not_over=(
            *_CUT_OFF,
            (DTLS, "DTLS drops the record: see Update Result 1"),
            (TLS, "TLS ends the connection: see Update Result 4"),
        ),
    ),
    _row(5, "image-truncated", "the last quarter of the package is missing", _fault("image-truncated")),
    _row(5, "image-wrong-digest", "the header has another digest", _fault("image-wrong-digest")),
    _row(5, "install-corrupt", "the installer finds the image corrupt", _fault("install-corrupt")),
    _row(6, "wrong-model", "the package is for another model", _fault("wrong-model")),
    _row(6, "bad-magic", "it is no package", _fault("bad-magic")),
    _row(7, "uri-not-found", "the origin answers 4.04", _fault("uri-not-found"), not_over=_PULL_ONLY),
    _row(7, "uri-unparsable", "it is no URI", _fault("uri-unparsable"), not_over=_PULL_ONLY),
    _row(7, "host-unknown", "the host has no address", _fault("host-unknown"), not_over=_PULL_ONLY),
    _row(8, "install-fails", "the installation fails at once", _fault("install-fails")),
    _row(8, "install-reverted", "the boot loader goes back to the old image", _fault("install-reverted")),
    _row(9, "unsupported-scheme", "the URI is one of ftp", _fault("unsupported-scheme"), not_over=_PULL_ONLY),
    _row(9, "scheme-not-listed", "the scheme is not in /5/0/8", _fault("scheme-not-listed"), not_over=_PULL_ONLY),
    _row(
        9,
        "no-credential",
        "the device has no credential for it",
        not_over=_SECURED,
        download_credentials={"wrong": "missing"},
    ),
    _row(10, "cancelled", "the server cancels when it is downloaded", _fault("update-cancelled")),
    _row(
        10,
        "cancelled-early",
        "the server cancels while it is downloaded",
        _fault("connection-lost", lasts="5 s"),
        _fault("update-cancelled", state="downloading"),
        beside="connection-lost",
        not_over=((PUSHES, "a Package is being written, and a server writes it again when it is stopped (4.08)"),),
    ),
    _row(10, "user-cancels", "the user of the device calls it off", _fault("user-cancels")),
    _row(11, "update-deferred", "the user puts it off", _fault("update-deferred")),
    _row(11, "battery-low", "the battery is too low", _fault("battery-low")),
)
"""All rows, in the order in which they are shown."""
