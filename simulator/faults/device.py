"""Faults of the device as a whole: its power, its registration, its notifications, and what it answers to a push."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from simulator.coap.codes import (
    BLOCK1,
    CONTINUE,
    REQUEST_ENTITY_INCOMPLETE,
    REQUEST_ENTITY_TOO_LARGE,
    SERVICE_UNAVAILABLE,
)
from simulator.coap.message import MessageFormatError, decode, uint_bytes
from simulator.coap.requests import put_option
from simulator.faults.filters import OUT, LinkFilter
from simulator.faults.kinds import PULL, PUSH, FaultKind, Made, Parameter, Scene
from simulator.faults.triggers import BLOCK, BYTES, SHARE, STATE, TIME, Place, When
from simulator.faults.wrapped_flash import CountingFlash

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from simulator.coap.exchange import Response, Upload
    from simulator.coap.message import Message
    from simulator.faults.seams import Notify, Power
    from simulator.faults.triggers import Trigger
    from simulator.ports import Flash

MANAGEMENT: Final = frozenset({"management"})
HALF: Final = When(Place(SHARE, 0.5))
CODES: Final = {
    "4.08": REQUEST_ENTITY_INCOMPLETE,
    "4.13": REQUEST_ENTITY_TOO_LARGE,
    "5.03": SERVICE_UNAVAILABLE,
}
RESTARTED: Final = "4.08"
"""What a server answers by beginning the push anew (RFC 7959 §2.9.2)."""


class InTheMiddle:
    """Does something to the whole device at a place in the download, or in a State.

    Of the place it learns by what is written to the flash; of the device, when its State changes.

    Args:
        scene: what it is made for.
        act: done once.
        what: of it, for the record.
    """

    def __init__(self, scene: Scene, act: Callable[[Power], None], what: str) -> None:
        place = scene.when.place
        self._state = place.value if place is not None and place.unit == STATE else None
        self._trigger = scene.trigger()
        self._act = act
        self._what = what
        self._struck = scene.struck
        self._device: Power | None = None
        self._done = False

    def on_state(self, device: Power, state: str) -> None:
        """State (/5/0/3) has changed."""
        self._device = device
        if state == self._state:
            self._strike(f"in State {state}")

    def flash(self, flash: Flash) -> Flash:
        """A flash that tells what is written."""
        return flash if self._state is not None else CountingFlash(flash, self.written)

    def written(self, size: int, total: int) -> None:
        """More bytes are stored; ``total`` in all."""
        if self._trigger.strikes(size):
            self._strike(f"after {total} bytes")

    def _strike(self, where: str) -> None:
        if self._device is not None and not self._done:
            self._done = True
            self._struck(f"{self._what} {where}")
            self._act(self._device)


class RefusedBlocks:
    """Pushes, one of whose blocks is refused; what had arrived is lost with it.

    The device then waits for a push that begins anew, as long as any request may be under way (RFC 7252 §4.8.2).
    """

    def __init__(self, scene: Scene) -> None:
        self._trigger = scene.trigger()
        self._code = CODES[str(scene.parameters["code"])]
        self._struck = scene.struck
        self._waits_s = scene.exchange_lifetime_s
        self._given_up: Upload | None = None
        self._timer: asyncio.TimerHandle | None = None

    def wrap(self, upload: Upload) -> Upload:
        """A push that begins."""
        self._forget()
        return _RefusedUpload(upload, self)

    def code_for(self, upload: Upload, size: int) -> int:
        """0, or the code that the next block of ``upload`` is refused with."""
        if not self._trigger.strikes(size):
            return 0
        self._struck("a block is refused, and what had arrived is lost")
        self._given_up = upload
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._waits_s, self._forget)
        return self._code

    def _forget(self) -> None:
        upload, self._given_up = self._given_up, None
        if self._timer is not None:
            self._timer.cancel()
        if upload is not None:
            upload.abandon(asyncio.get_running_loop().time())


class _RefusedUpload:
    """One push."""

    __slots__ = ("_faults", "_upload")

    def __init__(self, upload: Upload, faults: RefusedBlocks) -> None:
        self._upload = upload
        self._faults = faults

    def write(self, data: bytes, now: float) -> int:
        """Take the next bytes, or refuse them."""
        return self._faults.code_for(self._upload, len(data)) or self._upload.write(data, now)

    def finish(self, request: Message, now: float) -> Response | None:
        """The last block was taken."""
        return self._upload.finish(request, now)

    def abandon(self, now: float) -> None:
        """The peer began anew or fell silent."""
        self._upload.abandon(now)


class Misnumbered:
    """Answers a block of a push as if it were the first one: a filter of a datagram port without security."""

    __slots__ = ("_struck", "_trigger")

    def __init__(self, trigger: Trigger, struck: Callable[[str], None]) -> None:
        self._trigger = trigger
        self._struck = struck

    def passes(self, data: bytes, way: str) -> list[tuple[float, bytes]]:
        """Everything, but for the number of one block."""
        if way != OUT or len(data) < 2 or data[1] != CONTINUE:
            return [(0.0, data)]
        try:
            message = decode(data)
        except MessageFormatError:
            return [(0.0, data)]  # damaged by another fault
        block = message.uint(BLOCK1)
        if block >> 4 <= 0 or not self._trigger.strikes(len(data)):
            return [(0.0, data)]
        self._struck(f"block {block >> 4} is answered as block 0")
        message.options = put_option(message.options, BLOCK1, uint_bytes(block & 15))
        return [(0.0, message.encode())]


def _misnumbered(scene: Scene) -> Made:
    answers = Misnumbered(scene.trigger(), scene.struck)
    return Made(link=LinkFilter(lambda: answers), purposes=MANAGEMENT)


def _power_cut(scene: Scene) -> Made:
    seconds = float(scene.parameters["lasts"])
    cut = InTheMiddle(scene, lambda device: device.lose_power(seconds), "the power is gone")
    return Made(flash=cut.flash, on_state=cut.on_state)


def _deregisters(scene: Scene) -> Made:
    seconds = float(scene.parameters["lasts"])
    leave = InTheMiddle(scene, lambda device: device.registrar.leave_for(seconds), "the device leaves the server")
    return Made(flash=leave.flash, on_state=leave.on_state)


def _refused_block(scene: Scene) -> Made:
    refused = RefusedBlocks(scene)
    return Made(upload=refused.wrap)


def _end_of_refused(scheme: str, retries: int, parameters: Mapping[str, Any]) -> tuple[int, int] | None:  # noqa: ARG001
    return None if parameters["code"] == RESTARTED else (0, 4)


def _lost_notifications(scene: Scene) -> Made:
    rate, dice = float(scene.parameters["rate"]), scene.dice

    def wrap(notify: Notify) -> Notify:
        def lossy(endpoint: Any, observation: Any, answer: Response, now: float, /, *, confirmable: bool) -> None:
            if dice.random() < rate:
                scene.struck(f"a notification of {answer.payload[:20]!r} is not sent")
            else:
                notify(endpoint, observation, answer, now, confirmable=confirmable)

        return lossy

    return Made(notify=wrap)


KINDS: Final = (
    FaultKind(
        "power-cut",
        "power",
        "The power goes and comes back, without a De-register; the device goes on from what it has stored.",
        _power_cut,
        parameters={"lasts": Parameter("duration", "Until the power is back, before the boot.", default=5.0)},
        deliveries=PULL,
        takes=frozenset({BYTES, SHARE, STATE}),
        when=HALF,
    ),
    FaultKind(
        "deregisters",
        "registration",
        "The device De-registers in the middle, and registers anew; what it was doing goes on meanwhile.",
        _deregisters,
        parameters={"lasts": Parameter("duration", "Until the Register.", default=5.0)},
        takes=frozenset({BYTES, SHARE, STATE}),
        when=HALF,
    ),
    FaultKind(
        "push-block-refused",
        "push",
        "The device has lost the blocks that had arrived, and refuses the next one. After a 4.08 a server begins anew; "
        "after another code the device waits 247 s for that, and gives up (0 / 4).",
        _refused_block,
        ends=_end_of_refused,
        parameters={
            "code": Parameter("str", "What it answers.", default=RESTARTED, choices=tuple(CODES)),
        },
        deliveries=PUSH,
        takes=frozenset({BYTES, SHARE, BLOCK}),
        when=HALF,
    ),
    FaultKind(
        "push-block-misnumbered",
        "datagram",
        "The device answers a block of a push with the number of the first one: the server has to give up, and so does "
        "the device, which waits 247 s for a push that begins anew.",
        _misnumbered,
        expected=(0, 4),
        deliveries=PUSH,
        takes=frozenset({BLOCK, TIME}),
        when=When(Place(BLOCK, 3)),
        schemes=frozenset({"coap"}),
    ),
    FaultKind(
        "notifications-lost",
        "notification",
        "The device does not send notifications of State and Update Result; a server has to read them.",
        _lost_notifications,
        parameters={"rate": Parameter("share", "Probability for each notification.", default=1.0)},
    ),
)
