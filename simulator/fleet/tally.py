"""Counts what the devices of a slice do while they do it, for whoever looks on: one row per operation and transport.

The record has every event; a tally has sums of them since the last look, small enough to be sent once a second whatever
the size of the fleet. Response times are kept in logarithmic buckets, 36 to the octave.
"""

from __future__ import annotations

from collections import Counter
from math import log2
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from simulator.events import DeviceEnded, DeviceStarted, RegistrationEnded, StateChanged, TransferEnded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from simulator.device.device import Device
    from simulator.events import Event, EventSink

PER_OCTAVE: Final = 36
"""Buckets to the factor of two: the middle of one is wrong by 1 % at most."""


def bucket_of(us: float) -> int:
    """The bucket of a response time in microseconds; what is below one is one."""
    return round(PER_OCTAVE * log2(us)) if us > 1.0 else 0


def middle_of(bucket: int) -> float:
    """The response time in microseconds that a bucket stands for."""
    return float(2.0 ** (bucket / PER_OCTAVE))


class Row:
    """What one operation over one transport came to since the last look."""

    __slots__ = ("_later", "buckets", "count", "failures", "length", "longest_us", "shortest_us", "total_us")

    def __init__(self) -> None:
        self._later: list[int] = []
        self.buckets: Counter[int] = Counter()
        self.count = 0
        self.failures = 0
        self.length = 0
        self.total_us = 0.0
        self.shortest_us = float("inf")
        self.longest_us = 0.0

    def add(self, us: float, length: int = 0, *, failed: bool = False) -> None:
        """Count one: its response time in microseconds, bytes of payload, and whether it failed."""
        self.buckets[bucket_of(us)] += 1
        self.count += 1
        self.failures += failed
        self.length += length
        self.total_us += us
        self.shortest_us = min(self.shortest_us, us)
        self.longest_us = max(self.longest_us, us)

    def add_later(self, many_us: Sequence[int]) -> None:
        """Have some counted that did not fail, when the row is told: their response times in microseconds."""
        self._later += many_us

    def _add_all(self) -> None:
        if not self._later:
            return
        # All of a second at once is thirty times as cheap as one by one, and there are as many as there are blocks.
        many_us = np.asarray(self._later, dtype=np.float64)
        self._later = []
        found, counts = np.unique(np.rint(PER_OCTAVE * np.log2(np.maximum(many_us, 1.0))), return_counts=True)
        self.buckets.update(dict(zip(map(int, found), map(int, counts), strict=True)))
        self.count += many_us.size
        self.total_us += float(many_us.sum())
        self.shortest_us = min(self.shortest_us, float(many_us.min()))
        self.longest_us = max(self.longest_us, float(many_us.max()))

    def to_json(self) -> dict[str, Any]:
        """The row as JSON values."""
        self._add_all()
        return {
            "count": self.count,
            "failures": self.failures,
            "length": self.length,
            "total_us": self.total_us,
            "shortest_us": self.shortest_us,
            "longest_us": self.longest_us,
            "buckets": sorted(self.buckets.items()),
        }


class _Device:
    """What a tally has to know of a device."""

    __slots__ = ("due", "faulty", "group", "management", "result", "state")

    def __init__(self, started: DeviceStarted) -> None:
        self.group = started.group
        self.management = started.management
        self.faulty = bool(started.fault) or "(" in started.credentials
        self.due: float | None = started.due
        self.state = self.result = 0


class Tally:
    """An event sink in front of another one, which counts what passes.

    A failure of a device that has an injected fault is what the plan wants, and not counted as one; whether it ended as
    declared is for the operator to say. The first Register is reckoned from when the plan meant the device to start.
    """

    def __init__(self, sink: EventSink) -> None:
        self._sink = sink
        self._rows: dict[tuple[str, str], Row] = {}
        self._devices: dict[int, _Device] = {}
        self.states: Counter[tuple[str, int]] = Counter()
        """Devices that are on, by group and State (/5/0/3)."""
        self.results: Counter[tuple[str, int]] = Counter()
        """The same by group and Update Result (/5/0/5)."""
        self.received: Counter[str] = Counter()
        """Bytes of packages by transport, of all transfers that have ended: ``received`` of the record."""
        self._counts: Mapping[type, Callable[[Any], None]] = {
            DeviceStarted: self._started,
            DeviceEnded: self._ended,
            StateChanged: self._changed,
            RegistrationEnded: self._registration,
            TransferEnded: self._transfer,
        }

    def emit(self, event: Event) -> None:
        """Count an event, and hand it on."""
        self._sink.emit(event)
        count = self._counts.get(type(event))
        if count is not None:
            count(event)

    def take(self) -> list[dict[str, Any]]:
        """The rows since the last time, as JSON values; the counting begins anew."""
        rows, self._rows = self._rows, {}
        return [{"operation": key[0], "transport": key[1], **row.to_json()} for key, row in sorted(rows.items())]

    def gauges(self) -> dict[str, list[list[Any]]]:
        """How many devices are in which State and Update Result now, as JSON values: group, number, devices."""
        return {
            "states": [[group, number, n] for (group, number), n in sorted(self.states.items()) if n],
            "results": [[group, number, n] for (group, number), n in sorted(self.results.items()) if n],
        }

    def moved(self, devices: Iterable[Device]) -> dict[str, int]:
        """Bytes of packages by transport, those of the transfers included that these devices have under way.

        0.2 ms for 10,000 devices without a transfer; one that has one costs about 1 µs.
        """
        sums = Counter(self.received)
        for device in devices:
            if device.pull is not None and (received := device.pull.under_way):
                sums[device.pull.scheme] += received
            if device.push is not None and (received := device.push.under_way):
                sums[device.plan.transport] += received
        return dict(sums)

    def _row(self, operation: str, transport: str) -> Row:
        row = self._rows.get((operation, transport))
        if row is None:
            row = self._rows[operation, transport] = Row()
        return row

    def _started(self, event: DeviceStarted) -> None:
        device = self._devices[event.device] = _Device(event)
        self.states[device.group, device.state] += 1
        self.results[device.group, device.result] += 1

    def _ended(self, event: DeviceEnded) -> None:
        device = self._devices.pop(event.device, None)
        if device is not None:
            self.states[device.group, device.state] -= 1
            self.results[device.group, device.result] -= 1

    def _changed(self, event: StateChanged) -> None:
        device = self._devices.get(event.device)
        if device is None:
            return
        self.states[device.group, device.state] -= 1
        self.results[device.group, device.result] -= 1
        device.state, device.result = event.state, event.result
        self.states[device.group, device.state] += 1
        self.results[device.group, device.result] += 1

    def _registration(self, event: RegistrationEnded) -> None:
        device = self._devices.get(event.device)
        if device is None:
            return
        since = event.started
        if event.operation == "register" and device.due is not None:
            since = min(device.due, since)
            device.due = None
        failed = event.outcome != "ok" and not device.faulty
        self._row(_OPERATIONS[event.operation], device.management).add((event.t - since) * 1e6, failed=failed)

    def _transfer(self, event: TransferEnded) -> None:
        self.received[event.transport] += event.received
        device = self._devices.get(event.device)
        if device is None:
            return
        failed = event.outcome == "fail" and not device.faulty
        operation = "download" if event.delivery == "pull" else "push"
        self._row(operation, event.transport).add((event.t - event.started) * 1e6, event.received, failed=failed)
        if event.block_us:
            self._row("block", event.transport).add_later(event.block_us)


_OPERATIONS: Final = {"register": "register", "update": "registration update", "deregister": "de-register"}
