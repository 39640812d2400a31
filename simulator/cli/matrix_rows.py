"""The rows of ``lwm2m-fleet matrix``: by what mechanisms each Update Result comes about, and where it cannot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from simulator.cli.matrix_table import (
    DATAGRAMS,
    DTLS,
    HTTP,
    NO_DOWNLOAD,
    NO_KEYS,
    NO_PUSH,
    NO_STREAM,
    NO_URI,
    OWN_KEYS,
    PLAIN,
    PULLS,
    PUSHES,
    STREAMS,
    TCP_HIDES,
    TLS,
    UDP,
    Columns,
    Mechanism,
)


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


_PACKETS: Final = ((STREAMS, TCP_HIDES),)
_BLOCKS: Final = ((PULLS, NO_PUSH),)
_ANSWERS: Final = (
    (PULLS, NO_PUSH),
    (STREAMS, "a stream carries several blocks at once, and loses none"),
    (DTLS, "under DTLS nobody on the way can tell one answer from another"),
)
_PULL_ONLY: Final = ((PUSHES, NO_URI),)
_CUT_OFF: Final = ((PUSHES, NO_DOWNLOAD),)
_OVER_TCP: Final = ((PUSHES, NO_DOWNLOAD), (DATAGRAMS, NO_STREAM))
_SECURED: Final = ((PUSHES, OWN_KEYS), (PLAIN, NO_KEYS))
_SEE_5: Final = "without security the damage arrives: see Update Result 5"

QUICK: Final = {"max_latency": "2 s"}
"""With it a device waits 10 s for a block, or an answer, where 247 s are usual (EXCHANGE_LIFETIME)."""

_POWER_CUT: Final = (
    # What has not come by then cannot all come in the turn in which the power goes.
    _fault("connection-lost", at="30 %", lasts="3 s"),
    _fault("power-cut", at="10 %", lasts="1 s"),
)

MECHANISMS: Final = (
    _row(0, "uri-cleared", "an empty Package URI calls it off", _fault("uri-cleared")),
    _row(0, "package-cleared", "a Package of one NUL calls it off", _fault("package-cleared")),
    _row(1, "sound", "nothing is wrong"),
    _row(
        1,
        "answer-lost",
        "a datagram of the device is lost",
        _fault("answer-lost", number=8),
        not_over=_PACKETS,
    ),
    _row(1, "packet-loss", "four datagrams are lost", _fault("packet-loss", rate="3 %", times=4), not_over=_PACKETS),
    _row(1, "packet-duplicate", "datagrams come twice", _fault("packet-duplicate"), not_over=_PACKETS),
    _row(
        1, "packet-delay", "six datagrams come 1 s late", _fault("packet-delay", time="1 s", times=6), not_over=_PACKETS
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
        "nat-rebind-management",
        "a NAT forgets the management",
        _fault("nat-rebind-management", update="2 s"),
        not_over=((PUSHES, "a push comes by the binding that is forgotten, and ends with it"),),
    ),
    _row(1, "deregisters", "the device leaves and comes back", _fault("deregisters", lasts="2 s")),
    _row(
        1,
        "package-replaced",
        "the origin exchanges the package",
        _fault("package-replaced"),
        not_over=((PUSHES, NO_URI), (HTTP, "HTTP closes the connection with it: see Update Result 4")),
    ),
    _row(1, "uri-longest", "the URI has 255 bytes", _fault("uri-longest"), not_over=_PULL_ONLY),
    _row(1, "second-uri", "another URI is refused meanwhile", _fault("second-uri")),
    _row(1, "second-package", "another package is refused meanwhile", _fault("second-package")),
    _row(1, "answer-late", "the answer to a block is late", _fault("push-answer-late"), not_over=_ANSWERS),
    _row(1, "block-answer-lost", "the answer to a block is lost", _fault("push-answer-lost"), not_over=_ANSWERS),
    _row(1, "stale-result", "an Update Result is left from before", _fault("stale-result")),
    _row(
        1,
        "power-cut",
        "the power goes while the package arrives",
        *_POWER_CUT,
        beside="connection-lost",
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
    _row(2, "flash-write-error", "a write to the flash fails", _fault("flash-write-error")),
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
        "package-replaced",
        "the origin exchanges the package, and closes",
        _fault("package-replaced"),
        not_over=((PUSHES, NO_URI), (frozenset(PULLS) - HTTP, "the download begins anew: see Update Result 1")),
    ),
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
        _fault("link-partition", lasts="50 s", expect={"state": 0, "result": 4}),
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
        not_over=_ANSWERS,
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
    _row(5, "image-wrong-size", "the header promises a byte more", _fault("image-wrong-size")),
    _row(5, "image-trailing", "there is garbage behind the package", _fault("image-trailing")),
    _row(5, "block-short", "the device stores less of a block", _fault("push-block-short"), not_over=_BLOCKS),
    _row(
        5,
        "resume-misplaced",
        "a device goes on at a wrong place after a restart",
        *_POWER_CUT,
        _fault("resume-misplaced"),
        beside="connection-lost",
        not_over=((PUSHES, "a push does not go on after a restart"),),
    ),
    _row(5, "install-corrupt", "the installer finds the image corrupt", _fault("install-corrupt")),
    _row(6, "wrong-model", "the package is for another model", _fault("wrong-model")),
    _row(6, "bad-magic", "it is no package", _fault("bad-magic")),
    _row(7, "uri-not-found", "the origin answers 4.04", _fault("uri-not-found"), not_over=_PULL_ONLY),
    _row(7, "uri-too-long", "the URI has 256 bytes", _fault("uri-too-long"), not_over=_PULL_ONLY),
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
