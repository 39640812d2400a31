"""The master's view of its workers: which devices each has, who is missing, and when it is certain that it is gone."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from simulator.load import messages as m
from simulator.load.ledger import Ledger
from simulator.load.living import can_be_seen, is_gone
from simulator.load.ramp import Ramp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

CERTAIN_S: Final = 65.0
"""After this time without a word, nothing of a worker on another machine runs any more: a worker that does not hear its
master for 60 s ends, and its fleet process with it."""

log = logging.getLogger(__name__)


class Workers:
    """The workers of one run.

    Args:
        devices: devices in the plan.
        send: sends a message to a worker: its type, what it says, to whom.
        now: seconds since the start of the run.
        there: the workers that Locust hears.
        lost: told of each loss, in words.
        again: lease the devices of a lost worker anew.
        dead: told of each worker on this machine whose process is gone, while Locust still waits for its heartbeat.
    """

    def __init__(
        self,
        devices: int,
        send: Callable[[str, dict[str, Any], str], None],
        now: Callable[[], float],
        there: Callable[[], Iterable[str]],
        lost: Callable[[str], None],
        *,
        again: bool,
        dead: Callable[[str], None] = lambda _worker: None,
    ) -> None:
        self.ledger = Ledger(devices)
        self.ramp = Ramp()
        self.names: dict[str, str] = {}
        """Names of the fleet processes, by worker."""
        self._devices = devices
        self._send = send
        self._now = now
        self._there = there
        self._lost = lost
        self._again = again
        self._dead = dead
        self._wanted: list[tuple[str, int]] = []
        self._pids: dict[str, tuple[int, int, str]] = {}
        self._missing: dict[str, float] = {}

    def name(self, worker: str) -> str:
        """The name of a worker's fleet process in the record."""
        return self.names.setdefault(worker, f"fleet-{len(self.names)}")

    def has_process(self, worker: str, pid: int, space: str, own: int = 0) -> None:
        """A worker has a fleet process: the process ids of both, and where those mean something."""
        self._pids[worker] = pid, own, space

    # -- leases ----------------------------------------------------------------------------------------------------

    def wants(self, worker: str, count: int) -> None:
        """A worker has users without a device."""
        self._wanted.append((worker, count))
        # Locust may ask for the users of a lost worker elsewhere before anybody has looked.
        self.look()

    def gives_back(self, worker: str, devices: list[int]) -> None:
        """Devices of a worker have left."""
        self.ledger.give_back(worker, devices)
        self._serve()

    def _serve(self) -> None:
        """Lease what there is to those who wait for it, and refuse them where nothing will ever come."""
        waiting, self._wanted = self._wanted, []
        for worker, count in waiting:
            devices = self.ledger.lease(worker, count)
            if devices:
                dues = self.ramp.take(len(devices), self._now())
                self._send(m.LEASED, {"devices": [list(pair) for pair in zip(devices, dues, strict=True)]}, worker)
            short = count - len(devices)
            if short and self.ledger.held and self._again:
                self._wanted.append((worker, short))
            elif short:
                text = f"the plan of this run has {self._devices} devices, {short} users more than that have none"
                self._send(m.LEASED, {"refused": text}, worker)

    # -- who is there ----------------------------------------------------------------------------------------------

    def look(self) -> None:
        """See which workers are missing or there again, and lease what is free."""
        heard, now = set(self._there()), self._now()
        for worker in heard:
            if self._died(worker):
                self._dead(worker)
        for worker in self.names:
            if worker not in heard and worker not in self._missing:
                self._missing[worker] = now
                count = self.ledger.lose(worker)
                self._lost(f"{self.names[worker]} is lost, and {count} devices with it")
            elif worker in heard and worker in self._missing:
                del self._missing[worker]
                self.ledger.found(worker)
        for worker, since in list(self._missing.items()):
            if self._is_dead(worker, since):
                self.ledger.release(worker, again=self._again)
        self._serve()

    def _died(self, worker: str) -> bool:
        _, own, space = self._pids.get(worker, (0, 0, ""))
        return is_gone(own, space)

    def _is_dead(self, worker: str, since: float) -> bool:
        pid, _, space = self._pids.get(worker, (0, 0, ""))
        if can_be_seen(pid, space):
            return is_gone(pid, space)
        return self._now() - since > CERTAIN_S
