"""Sees every step of a history, keeps the record of it, and asks the invariants at each step."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

from simulator.events import EventLog
from tests.histories.invariants import INVARIANTS, NOTHING_RAISED

STEPS = ("event", "stored", "installing", "installed", "notifies", "waits", "over")
"""What an invariant may look at."""
BROKEN_MAX = 20
"""Violations that are kept of one history; one is enough to know."""


class Broken(NamedTuple):
    """A violation of an invariant."""

    invariant: str
    t: float
    text: str

    def __str__(self):
        return f"{self.invariant} at {self.t:.6f} s: {self.text}"


@dataclass
class Looked:
    """A device, as the invariants see it."""

    device: object
    plan: object
    pair: tuple[int, int] = (0, 0)
    """State and Update Result, by the last row of the record."""
    since: float = 0.0
    """When State took its present value, or the last transfer ended."""
    dirty: dict = field(default_factory=dict)
    """The observations of ``state`` and ``result``, where these changed and no notification told it yet."""
    installs: list = field(default_factory=list)
    """What came of each installation."""
    remembers: bool = False
    """Whether its Update Result is that of an update before its time, by a fault that says so."""

    def parameter(self, name):
        """The values of a parameter of its faults, by kind."""
        return {fault.kind: fault.parameters[name] for fault in self.plan.faults if name in fault.parameters}

    @property
    def object_version(self) -> str:
        return self.device.profile.object_version(self.plan.lwm2m)

    def observation(self, path) -> object:
        """The server's observation of a path; None where there is none now."""
        device = self.device
        there = () if device.link is None else device.endpoint.observations
        return next((each for each in there if path in getattr(each.key, "paths", ())), None)


class Witness:
    """The event sink of a history, and what its probes tell.

    Attributes:
        log: the record.
        broken: the violations, in order.
        devices: by index.
    """

    def __init__(self, scenario, files, now):
        self.scenario = scenario
        self.now = now
        self.log = EventLog()
        self.broken: list[Broken] = []
        self.devices: dict[int, Looked] = {}
        self.flashes = {}
        self.good = {sha256(files[name]).digest() for name in ("good.bin", "older.bin")}
        self.begun_waiting: float | None = None
        invariants = [make(self) for make in INVARIANTS]
        self._steps = {name: [getattr(each, name) for each in invariants if hasattr(each, name)] for name in STEPS}

    def breaks(self, invariant, text):
        """An invariant does not hold."""
        if len(self.broken) < BROKEN_MAX:
            self.broken.append(Broken(invariant, self.now(), text))

    def _tell(self, step, *args):
        for look in self._steps[step]:
            look(*args)

    # -- from the world --------------------------------------------------------------------------------------------

    def knows(self, device):
        """A device was made."""
        self.devices[device.plan.index] = Looked(device, device.plan)

    def emit(self, event):
        """The event sink."""
        self.log.emit(event)
        self._tell("event", event)

    def stored(self, index, size):
        """The cells of a flash hold so many bytes."""
        self._tell("stored", self.devices[index], size)

    def installing(self, index, image):
        """An installer is given an image."""
        self._tell("installing", self.devices[index], image)

    def installed(self, index, outcome):
        """What came of it."""
        self._tell("installed", self.devices[index], outcome)

    def notifies(self, device, what):
        """A notification of ``state`` or ``result`` is on its way out."""
        self._tell("notifies", self.devices[device.plan.index], what)

    def waits(self) -> bool:
        """Whether an update is not over yet, and has still time."""
        return any(waits() for waits in self._steps["waits"])

    def over(self, left):
        """Everything is switched off; ``left`` is what is still there."""
        self._tell("over", left)

    @contextmanager
    def listening(self, loop):
        """Hear of what is raised where nobody takes it, and of errors in the log, which nobody else is told of."""
        ear = _Ear(lambda text: self.breaks(NOTHING_RAISED, text))
        loop.set_exception_handler(lambda _loop, context: self.breaks(NOTHING_RAISED, _told(context)))
        loggers = [logging.getLogger(name) for name in ("simulator", "asyncio")]
        before = [(logger.level, logger.propagate) for logger in loggers]
        for logger in loggers:
            logger.addHandler(ear)
            logger.setLevel(logging.ERROR)
            logger.propagate = False
        try:
            yield
        finally:
            for logger, (level, propagate) in zip(loggers, before, strict=True):
                logger.removeHandler(ear)
                logger.setLevel(level)
                logger.propagate = propagate


class _Ear(logging.Handler):
    def __init__(self, tell):
        super().__init__(logging.ERROR)
        self._tell = tell

    def emit(self, record):
        error = record.exc_info[1] if record.exc_info else None
        self._tell(f"{record.name}: {record.getMessage()}" + (f": {error!r}" if error is not None else ""))


def _told(context):
    return f"{context.get('message')}: {context.get('exception')!r}"
