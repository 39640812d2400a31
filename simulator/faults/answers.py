"""Faults of what a device answers to the blocks of a push: late, lost, short of a part, or never again.

Field failures 3 to 7: what is on the wire is changed where nobody else can tell one block from another, so these need
CoAP over datagrams without security; a block that is stored short needs nothing of that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from simulator.coap.block import unit_shift
from simulator.coap.codes import ACK, BLOCK1, CHANGED, CON, CONTINUE, PUT
from simulator.coap.message import MessageFormatError, decode
from simulator.faults.device import MANAGEMENT
from simulator.faults.filters import IN, OUT, LinkFilter
from simulator.faults.kinds import PUSH, FaultKind, Made, Parameter, Scene
from simulator.faults.triggers import BLOCK, BYTES, SHARE, Place, When

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from simulator.coap.exchange import Response, Upload
    from simulator.coap.message import Message
    from simulator.faults.triggers import Trigger

LOST: Final = (0, 4)
CORRUPT: Final = (0, 5)
ANSWERED: Final = "answered"
IGNORED: Final = "ignored"
PACKAGE_PATH: Final = ("5", "0", "0")
COAP: Final = frozenset({"coap"})
IN_BLOCKS: Final = frozenset({BYTES, SHARE, BLOCK})
LATE_S: Final = 3.5
"""Longer than any sender with the parameters of RFC 7252 §4.8 waits before it sends a message again (3 s)."""


def block_of(data: bytes) -> int:
    """The value of Block1 in an answer to a block of a push that was taken; -1 in any other datagram.

    What another fault has damaged is none.
    """
    if len(data) < 4 or data[0] >> 4 & 3 != ACK or data[1] not in (CONTINUE, CHANGED):
        return -1
    try:
        return decode(data).uint(BLOCK1)
    except MessageFormatError:
        return -1


def begins_push(data: bytes) -> bool:
    """Whether what came in is the first block of a Package (/5/0/0); it may be anything."""
    if data[1:2] != bytes((PUT,)):
        return False
    try:
        message = decode(data)
    except MessageFormatError:
        return False
    return message.path == PACKAGE_PATH and 0 <= message.uint(BLOCK1) >> 4 < 1


class BlockAnswers:
    """Does something to the answer to one block, when it is given for the first time: a filter of a datagram port.

    Args:
        trigger: asked for every block that is answered, with its size.
        struck: told of the block.
        late: seconds until the answer comes; None where it is lost.
        ignores: whether the repetitions of that block are dropped as well, so that it is never answered.
    """

    __slots__ = ("_ignored", "_ignores", "_late", "_newest", "_reached", "_struck", "_trigger")

    def __init__(self, trigger: Trigger, struck: Callable[[str], None], late: float | None, *, ignores: bool) -> None:
        self._trigger = trigger
        self._struck = struck
        self._late = late
        self._ignores = ignores
        self._newest = -1
        """Number of the newest block that was answered."""
        self._reached = 0
        """Where that block ends, in bytes of the package."""
        self._ignored = b""
        """Message ID of the request whose repetitions are dropped."""

    def passes(self, data: bytes, way: str) -> list[tuple[float, bytes]]:
        """Everything, but for the answer to one block."""
        if way == IN:
            return [] if self._ignored and data[2:4] == self._ignored and data[0] >> 4 & 3 == CON else [(0.0, data)]
        block = block_of(data)
        if block < 0 or not self._is_new(block >> 4) or not self._trigger.strikes(self._taken(block)):
            return [(0.0, data)]
        if self._late is not None:
            self._struck(f"the answer to block {block >> 4} comes {self._late:g} s late")
            return [(self._late, data)]
        self._struck(f"the answer to block {block >> 4} is lost")
        if self._ignores:
            self._ignored = data[2:4]
        return []

    def _is_new(self, number: int) -> bool:
        new = number > self._newest or (number == 0 and self._newest > 0)
        self._newest = number if new else self._newest
        return new

    def _taken(self, block: int) -> int:
        """Bytes that came with a new block; the first answer may tell of a smaller size than its block had."""
        before, self._reached = self._reached, (block >> 4) + 1 << unit_shift(block & 7)
        return self._reached - (before if block >> 4 else 0)


class FirstBlocks:
    """Drops the first block of a push that follows an unfinished one, as if it were a repetition of the old one."""

    __slots__ = ("_newest", "_struck")

    def __init__(self, struck: Callable[[str], None]) -> None:
        self._struck = struck
        self._newest = -1

    def passes(self, data: bytes, way: str) -> list[tuple[float, bytes]]:
        """Everything, but for a push that begins anew in the middle of another."""
        if way == OUT:
            block = block_of(data)
            if block >= 0:
                # After the last block the push is over, and the next one is another.
                self._newest = -1 if data[1] == CHANGED else block >> 4
        elif self._newest > 0 and begins_push(data):
            self._struck("a push that begins anew is taken for a repetition, and ignored")
            return []
        return [(0.0, data)]


class ShortBlock:
    """A push, of one of whose blocks the last bytes are not stored, though the block is answered."""

    __slots__ = ("_missing", "_struck", "_trigger", "_upload")

    def __init__(self, upload: Upload, trigger: Trigger, missing: int, struck: Callable[[str], None]) -> None:
        self._upload = upload
        self._trigger = trigger
        self._missing = missing
        self._struck = struck

    def write(self, data: bytes, now: float) -> int:
        """Take the next bytes, or less of them."""
        if self._trigger.strikes(len(data)):
            kept = data[: max(0, len(data) - self._missing)]
            self._struck(f"{len(kept)} bytes of a block of {len(data)} are stored")
            data = kept
        return self._upload.write(data, now)

    def finish(self, request: Message, now: float) -> Response | None:
        """The last block was taken."""
        return self._upload.finish(request, now)

    def abandon(self, now: float) -> None:
        """The peer began anew or fell silent."""
        self._upload.abandon(now)


def _late(scene: Scene) -> Made:
    late = float(scene.parameters["time"])
    filter_ = LinkFilter(lambda: BlockAnswers(scene.trigger(), scene.struck, late, ignores=False))
    return Made(link=filter_, purposes=MANAGEMENT)


def _lost(scene: Scene) -> Made:
    ignores = scene.parameters["repeats"] == IGNORED
    filter_ = LinkFilter(lambda: BlockAnswers(scene.trigger(), scene.struck, None, ignores=ignores))
    return Made(link=filter_, purposes=MANAGEMENT)


def _end_of_lost(scheme: str, retries: int, parameters: Mapping[str, Any]) -> tuple[int, int] | None:  # noqa: ARG001
    """Whoever has the whole package needs no answer to its last block: its State tells."""
    place = parameters.get("at", parameters.get("after"))
    whole = place in (1, Place(SHARE, 1.0))
    return LOST if parameters["repeats"] == IGNORED and not whole else None


def _restart_ignored(scene: Scene) -> Made:
    return Made(link=LinkFilter(lambda: FirstBlocks(scene.struck)), purposes=MANAGEMENT)


def _short(scene: Scene) -> Made:
    trigger, missing = scene.trigger(), int(scene.parameters["missing"])
    return Made(upload=lambda upload: ShortBlock(upload, trigger, missing, scene.struck))


KINDS: Final = (
    FaultKind(
        "push-answer-late",
        "datagram",
        "The answer to a block of a push comes so late that the server sends the block again.",
        _late,
        parameters={"time": Parameter("duration", "How late.", default=LATE_S)},
        deliveries=PUSH,
        takes=IN_BLOCKS,
        when=When(Place(SHARE, 0.5)),
        schemes=COAP,
    ),
    FaultKind(
        "push-answer-lost",
        "datagram",
        "The answer to a block of a push is lost, the server sends the block again, and the device answers it again; "
        "or it ignores it, and waits in vain for the rest (0 / 4, or as without it after the last block).",
        _lost,
        ends=_end_of_lost,
        parameters={
            "repeats": Parameter(
                "str", "What becomes of repetitions of the block.", default=ANSWERED, choices=(ANSWERED, IGNORED)
            )
        },
        deliveries=PUSH,
        takes=IN_BLOCKS,
        when=When(Place(SHARE, 0.5)),
        schemes=COAP,
    ),
    FaultKind(
        "push-restart-ignored",
        "datagram",
        "The device takes a push that begins anew for a repetition of the unfinished one, and ignores it.",
        _restart_ignored,
        expected=LOST,
        deliveries=PUSH,
        schemes=COAP,
    ),
    FaultKind(
        "push-block-short",
        "push",
        "The device answers a block of a push as if it had stored the whole, and has less of it.",
        _short,
        expected=CORRUPT,
        parameters={
            "missing": Parameter("size", "Bytes at the end of the block; at most the whole.", default=28, minimum=1)
        },
        deliveries=PUSH,
        takes=IN_BLOCKS,
        when=When(Place(BLOCK, 1)),
    ),
)
