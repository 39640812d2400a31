"""How well the processes of a run kept up: CPU, memory, lag of the event loop, dropped datagrams."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psutil

from simulator.events import HealthSampled

LATE_S: Final = 0.1
"""A start is late when it comes more than this after its due time (``HealthSampled.late_starts``)."""

_SNMP: Final = Path("/proc/net/snmp")
_SNMP6: Final = Path("/proc/net/snmp6")


class ProcessMeter:
    """CPU and memory of a process and of what it has started, read from outside or from inside.

    A process that has ended keeps its last figures, so that they can be written when the run is over.
    """

    def __init__(self, pid: int | None = None, *, children: bool = False) -> None:
        """Measure the process ``pid``, this one by default; with ``children``, also those that it started.

        Raises:
            psutil.NoSuchProcess: there is no such process.
        """
        self._process: Final = psutil.Process(pid)
        self._children: Final = children
        self._cpu_s: dict[int, float] = {}
        self.rss_bytes = 0
        """Resident memory at the last ``read``, bytes."""
        self.rss_max_bytes = 0
        """The largest of those."""

    @property
    def cpu_s(self) -> float:
        """CPU seconds, user and system, up to the last ``read``; of children that have ended too."""
        return sum(self._cpu_s.values())

    def read(self) -> None:
        """Take the figures now. About 30 µs for a process without children; never raises for one that has gone."""
        processes = [self._process]
        if self._children:
            with contextlib.suppress(psutil.Error):
                processes += self._process.children(recursive=True)
        rss = 0
        for process in processes:
            try:
                with process.oneshot():
                    times = process.cpu_times()
                    rss += int(process.memory_info().rss)
            except psutil.Error:
                continue
            self._cpu_s[process.pid] = float(times.user + times.system)
        if rss:
            self.rss_bytes = rss
            self.rss_max_bytes = max(self.rss_max_bytes, rss)


class HealthSampler:
    """Makes the ``HealthSampled`` rows of one process.

    The owner runs a timer, tells each time when the timer was due (``tick``), counts late and missed starts in the two
    attributes, and emits ``sample`` once a second.
    """

    def __init__(
        self,
        process: str,
        meter: ProcessMeter | None = None,
        *,
        dropped: Callable[[], int] | None = None,
    ) -> None:
        """Sample for ``process``: this one, or the one that ``meter`` reads.

        Args:
            process: its name in the records.
            meter: reads CPU and memory.
            dropped: the counter of dropped datagrams, ``dropped_datagrams`` by default; only its growth is recorded.
        """
        self.process: Final = process
        self.late_starts = 0
        self.missed_starts = 0
        self._meter: Final = meter or ProcessMeter()
        self._dropped: Final = dropped or dropped_datagrams
        self._dropped_before: Final = self._dropped()
        self._lag_s = 0.0

    def tick(self, now: float, expected: float) -> None:
        """A timer that was due at ``expected`` ran at ``now`` (seconds)."""
        self._lag_s = max(self._lag_s, now - expected)

    def started(self, now: float, due: float) -> None:
        """A start that was due at ``due`` happened at ``now`` (seconds); counts it when it is late."""
        if now - due > LATE_S:
            self.late_starts += 1

    def sample(self, now: float, devices: int = 0) -> HealthSampled:
        """The row for ``now``; begins the search for the longest lag again."""
        self._meter.read()
        lag_s, self._lag_s = self._lag_s, 0.0
        return HealthSampled(
            t=now,
            process=self.process,
            cpu_s=self._meter.cpu_s,
            rss_bytes=self._meter.rss_bytes,
            loop_lag_s=lag_s,
            late_starts=self.late_starts,
            missed_starts=self.missed_starts,
            dropped_datagrams=self._dropped() - self._dropped_before,
            devices=devices,
        )


def dropped_datagrams(snmp: Path = _SNMP, snmp6: Path = _SNMP6) -> int:
    """UDP datagrams that the kernel has dropped on arrival for want of buffer space since it started, IPv4 and IPv6.

    ``RcvbufErrors`` (the socket's buffer was full) and ``MemErrors`` (all sockets together held too much). ``InErrors``
    counts both of them again, and bad checksums, so it is left out. 0 where the kernel does not tell.
    """
    names, values = "", ""
    for line in _lines(snmp):
        if line.startswith("Udp:"):
            names, values = values, line
    table = dict(zip(names.split()[1:], values.split()[1:], strict=False))
    for line in _lines(snmp6):
        name, _, value = line.partition(" ")
        if name.startswith("Udp6"):
            table[name] = value.strip()
    wanted = ("RcvbufErrors", "MemErrors", "Udp6RcvbufErrors", "Udp6MemErrors")
    return sum(int(table[name]) for name in wanted if table.get(name, "").isdecimal())


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
