"""The invariant of the record: whatever began has its end in it, and its tables agree with one another."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise

from simulator.events import (
    FAULT_OVER,
    DeviceEnded,
    DeviceStarted,
    FaultApplied,
    OperatorStepEnded,
    RegistrationEnded,
    ServerSaw,
    StateChanged,
    TransferEnded,
    UpdateEnded,
)
from simulator.faults.registry import FAULTS

OF_DEVICE = (StateChanged, RegistrationEnded, TransferEnded)
NO_TRANSFER = {"uri_invalid", "rebooted", "uri_cleared", "package_cleared", "cancel_executed"}
"""With these a stay in Downloading may end before a transfer has begun: by a URI that is none, or at once."""


class Complete:
    """The record is complete."""

    name = "complete"

    def __init__(self, witness):
        self._witness = witness
        self._t = 0.0

    def event(self, event):
        if event.t < self._t:
            self._breaks(f"a row of {event.table} at {event.t:.6f} s comes after one of {self._t:.6f} s")
        self._t = max(self._t, event.t)
        started = getattr(event, "started", event.t)
        if started > event.t:
            self._breaks(f"a row of {event.table} ends at {event.t:.6f} s before it began at {started:.6f} s")

    def over(self, _left):
        rows = defaultdict(list)
        for event in self._witness.log.events:
            rows[event.device].append(event)
        for index, seen in self._witness.devices.items():
            mine = rows[index]
            self._ends_once(index, mine)
            self._state(index, mine)
            self._registrations(index, mine)
            self._transfers(index, mine)
            self._faults(seen, mine)
            self._operator(seen, mine)

    def _breaks(self, text):
        self._witness.breaks(self.name, text)

    def _ends_once(self, index, rows):
        kinds = Counter(type(row) for row in rows)
        if kinds[DeviceStarted] != 1 or kinds[DeviceEnded] != 1:
            self._breaks(f"device {index} has {kinds[DeviceStarted]} starts and {kinds[DeviceEnded]} ends")
            return
        own = [row for row in rows if isinstance(row, (DeviceStarted, *OF_DEVICE, DeviceEnded))]
        if not isinstance(own[0], DeviceStarted) or not isinstance(own[-1], DeviceEnded):
            self._breaks(f"device {index} did something before its start or after its end: {own[0]}, {own[-1]}")

    def _state(self, index, rows):
        states = [(row.state, row.result) for row in rows if isinstance(row, StateChanged)]
        ends = [(row.state, row.result) for row in rows if isinstance(row, DeviceEnded)]
        last = states[-1] if states else (0, 0)
        if ends and ends[0] != last:
            self._breaks(f"device {index} ended in {ends[0]}, and its last change was to {last}")

    def _registrations(self, index, rows):
        ended = [row for row in rows if isinstance(row, RegistrationEnded)]
        for first, second in pairwise(ended):
            if second.started < first.t:
                self._breaks(f"device {index} began a {second.operation} before its {first.operation} was over")
        accepted = sum(row.operation == "register" and row.outcome == "ok" for row in ended)
        seen = sum(row.kind == "registered" for row in rows if isinstance(row, ServerSaw))
        if accepted > seen:
            self._breaks(f"device {index} had {accepted} Registers accepted, and the server tells of {seen}")
        holds = [row.registered for row in rows if isinstance(row, DeviceEnded)] == [True]
        if holds and not accepted:
            self._breaks(f"device {index} ended registered, and no Register was accepted")

    def _transfers(self, index, rows):
        states = [row for row in rows if isinstance(row, StateChanged)]
        transfers = [row for row in rows if isinstance(row, TransferEnded)]
        completed = sum(row.cause == "download_completed" for row in states)
        good = sum(row.outcome == "ok" for row in transfers)
        if completed != good:
            self._breaks(f"device {index} completed {completed} downloads, and has {good} transfers that are ok")
        told = {(row.t, row.result) for row in states}
        for row in transfers:
            if row.outcome == "fail" and row.result and (row.t, row.result) not in told:
                self._breaks(
                    f"device {index} has a transfer that led to Result {row.result}, and no such change: {row}"
                )
        begun = None
        for row in states:
            if row.state != 1 and begun is not None:
                if row.cause not in NO_TRANSFER and not any(begun <= each.t <= row.t for each in transfers):
                    self._breaks(f"device {index} left Downloading at {row.t:.6f} s, and there is no transfer")
                begun = None
            elif row.state == 1 and begun is None:
                begun = row.t

    def _faults(self, seen, rows):
        strikes, over = Counter(), Counter()
        for row in rows:
            if isinstance(row, FaultApplied):
                ended = row.detail.startswith(FAULT_OVER)
                (over if ended else strikes)[row.fault] += 1
                if over[row.fault] > strikes[row.fault]:
                    self._breaks(f"fault {row.fault} of device {row.device} is over before it struck")
        for fault in seen.plan.faults:
            kind, struck = FAULTS[fault.kind], strikes[fault.kind]
            if kind.seam == "order":
                continue
            when = kind.timing(fault.parameters)
            most = when.times or 1
            if struck > most:
                self._breaks(f"fault {fault.kind} of device {seen.plan.index} struck {struck} times; most are {most}")
            if struck and when.heals is not None and not over[fault.kind]:
                self._breaks(f"fault {fault.kind} of device {seen.plan.index} heals, and no row tells of it")

    def _operator(self, seen, rows):
        verdicts = sum(isinstance(row, UpdateEnded) for row in rows)
        if verdicts != bool(seen.plan.delivery):
            self._breaks(f"device {seen.plan.index} has {verdicts} verdicts")
        for row in rows:
            if isinstance(row, OperatorStepEnded) and row.outcome == "ok" and row.code and row.code[0] != "2":
                self._breaks(f"step {row.step} of device {seen.plan.index} is ok with {row.code}")
