"""What holds at every step of every history, whatever the faults, the network, the server and the operator do.

Each is a class with the steps that it looks at: ``event`` (a row of the record), ``stored`` (a write to a flash),
``installing`` and ``installed``, ``notifies``, ``waits`` (whether an update is not over yet) and ``over``. A violation
is told to the witness with the name of the invariant.
"""

from __future__ import annotations

from simulator.events import DeviceEnded, StateChanged, TransferEnded
from simulator.lwm2m.firmware_resources import Transfer
from tests.histories.complete import Complete

NOTHING_RAISED = "nothing-raised"

IDLE, DOWNLOADING, DOWNLOADED, UPDATING = range(4)
ALLOWED = {IDLE: set(range(12)), DOWNLOADING: {0}, DOWNLOADED: {0, 8, 11}, UPDATING: {0}}
"""Update Results that a State allows (OMA LwM2M TS 1.1, annex E.6), written down apart from the code that is tested."""
NEW_RESULTS = {10, 11}
"""Came with version 1.1 of object 5."""
PATHS = {"state": (5, 0, 3), "result": (5, 0, 5)}
STEPS = {(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 3), (3, 0), (3, 2)}
"""From which State to which other a device goes; 0 to 2 is a push of which the client shows no Downloading."""

UPDATE_S = 3600.0
"""No transfer and no installation takes longer: a silent origin has a wait of 93 s for each of some attempts."""


class Pairs:
    """State and Update Result are an allowed pair for the object version, and State goes allowed ways."""

    name = "pairs"

    def __init__(self, witness):
        self._witness = witness

    def event(self, event):
        if not isinstance(event, StateChanged):
            return
        seen = self._witness.devices[event.device]
        (before, result), pair = seen.pair, (event.state, event.result)
        told = f"device {event.device} shows State {event.state}, Result {event.result} by {event.cause}"
        if event.result not in ALLOWED.get(event.state, ()):
            self._witness.breaks(self.name, f"{told}, which no version of the object allows")
        elif event.result in NEW_RESULTS and seen.object_version == "1.0":
            self._witness.breaks(self.name, f"{told}, which object version 1.0 has not")
        if event.state != before and (before, event.state) not in STEPS:
            self._witness.breaks(self.name, f"{told} after State {before}")
        if pair == (before, result):
            self._witness.breaks(self.name, f"{told} once more")
        if event.state != before:
            seen.since = event.t
        seen.pair = pair


class SoundImage:
    """What an installer is given is the package, to the byte; what it finds corrupt is not installed.

    A success is told only after an installation that succeeded, and the version that a device runs at the end is one
    that was installed.
    """

    name = "sound-image"

    def __init__(self, witness):
        self._witness = witness

    def installing(self, seen, image):
        if image not in self._witness.good:
            self._witness.breaks(self.name, f"device {seen.plan.index} installs what is not the package")

    def installed(self, seen, outcome):
        seen.installs.append(outcome)

    def event(self, event):
        if isinstance(event, StateChanged) and event.result:
            self._result(event, self._witness.devices[event.device])
        elif isinstance(event, DeviceEnded):
            self._end(event, self._witness.devices[event.device])

    def _result(self, event, seen):
        last = seen.installs[-1] if seen.installs else None
        seen.remembers = event.cause == "rebooted" and "stale-result" in {fault.kind for fault in seen.plan.faults}
        if event.result == 1 and (last is None or not last.succeeded) and not seen.remembers:
            self._witness.breaks(self.name, f"device {event.device} tells a success without an installation")
        corrupt = last is not None and not last.integrity and event.cause.startswith("install_")
        if corrupt and event.result not in (5, 8):
            text = f"device {event.device} installed a corrupt image, and tells Result {event.result}"
            self._witness.breaks(self.name, text)

    def _end(self, event, seen):
        booted = {outcome.version for outcome in seen.installs if outcome.succeeded and not outcome.reverted}
        if event.version not in booted | {seen.plan.firmware_version}:
            self._witness.breaks(self.name, f"device {event.device} runs {event.version!r}, which was not installed")
        lied = bool(seen.installs) and seen.installs[-1].reverted
        if event.result == 1 and event.version not in booted and not (lied or seen.remembers):
            self._witness.breaks(self.name, f"device {event.device} tells a success, and runs {event.version!r}")


class Capacity:
    """No flash holds more than it has room for, nor more than a fault leaves of it."""

    name = "capacity"

    def __init__(self, witness):
        self._witness = witness

    def stored(self, seen, size):
        room = min([seen.plan.flash_bytes, *seen.parameter("capacity").values()])
        if size > room:
            self._witness.breaks(self.name, f"device {seen.plan.index} stores {size} bytes in a flash of {room}")


class Order:
    """Update Result is notified before the State that belongs to it; after it where the profile says so, to Idle."""

    name = "order"

    def __init__(self, witness):
        self._witness = witness
        self._pairs = {}

    def event(self, event):
        if not isinstance(event, StateChanged):
            return
        seen = self._witness.devices[event.device]
        state, result = self._pairs.get(event.device, (0, 0))
        self._pairs[event.device] = event.state, event.result
        changed = {"state"} if event.state != state else set()
        changed |= {"result"} if event.result != result else set()
        if seen.device.link is None:
            seen.dirty.clear()  # it boots: nobody observes anything any more
        seen.dirty |= {what: seen.observation(PATHS[what]) for what in changed}

    def notifies(self, seen, what):
        state_first = seen.device.profile.state_first_to_idle and seen.device.firmware.machine.state == IDLE
        first, second = ("state", "result") if state_first else ("result", "state")
        merged = seen.device.notifier._schedule.default_pmin > 0  # each observation waits by a clock of its own
        if what == second and not merged and self._untold(seen, first) and self._untold(seen, second):
            told = f"device {seen.plan.index} of profile {seen.plan.profile} notifies {second} before {first}"
            self._witness.breaks(self.name, told)
        seen.dirty.pop(what, None)

    @staticmethod
    def _untold(seen, what):
        """Whether it changed and has yet to be told to whoever observed it then, and does so still."""
        observation = seen.dirty.get(what)
        return observation is not None and observation is seen.observation(PATHS[what])


class Ends:
    """Every update ends: no transfer and no installation takes longer than the longest of waits.

    What never ends is declared so: by a kind of fault whose end is State 3, or by a profile that has no timer for a
    push that nobody continues. A server that begins anew for ever has each of its attempts end.
    """

    name = "ends"

    def __init__(self, witness):
        self._witness = witness
        self._began = None

    def event(self, event):
        if isinstance(event, TransferEnded):
            self._witness.devices[event.device].since = event.t

    def waits(self):
        now = self._witness.now()
        self._began = now if self._began is None else self._began
        busy = [seen for seen in self._witness.devices.values() if self._busy(seen)]
        late = [seen for seen in busy if now - seen.since > UPDATE_S]
        if len(late) < len(busy) and now - self._began <= UPDATE_S:
            return True
        for seen in late:
            told = f"device {seen.plan.index} is in State {seen.pair[0]} since {seen.since:.3f} s"
            self._witness.breaks(self.name, told)
        return False

    @staticmethod
    def _busy(seen):
        """Whether an update is under way that is not declared to be so for ever."""
        state = seen.pair[0]
        if state == UPDATING:
            return not (seen.installs and seen.installs[-1].boots == 0)
        if state != DOWNLOADING:
            return False
        device = seen.device
        nothing_comes = device.link is not None and device.firmware.transfer is Transfer.NONE
        return not (seen.plan.profile == "zephyr" and nothing_comes)


class NothingLeft:
    """When all is switched off, there is no task, timer, deadline, port or packet left."""

    name = "nothing-left"

    def __init__(self, witness):
        self._witness = witness

    def over(self, left):
        for each in left:
            self._witness.breaks(self.name, each)


INVARIANTS = (Pairs, SoundImage, Capacity, Order, Ends, Complete, NothingLeft)
