"""A worker's part: the fleet process under it, and the users that stand for its devices."""

from __future__ import annotations

import logging
import socket
from collections import deque
from typing import TYPE_CHECKING, Any, Final

import gevent
from gevent.event import AsyncResult, Event

from simulator.cli.failure import ENVIRONMENT
from simulator.fleet.__main__ import ON_DEMAND
from simulator.load import messages as m
from simulator.load.living import is_gone, whereabouts
from simulator.load.merging import merge
from simulator.load.pipe import Process
from simulator.load.records import Sending, how_to_collect
from simulator.load.spool import Spool

if TYPE_CHECKING:
    from locust.env import Environment

FLEET: Final = "simulator.fleet"
NOBODY: Final = -1
"""The device of a user that has none."""
LOOK_EVERY_S: Final = 1.0
LEAVE_S: Final = 30.0
"""How long a De-register may take, beyond the time that an update has to end."""

log = logging.getLogger(__name__)


class WorkerFleet:
    """The devices of one worker.

    Args:
        environment: Locust's.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._process: Process | None = None
        self._spool: Spool | None = None
        self._sending: Sending | None = None
        self._name = ""
        self._plan: dict[str, Any] = {}
        self._restarts = 0
        self._ready = Event()
        self._ended: dict[str, Any] = {}
        self._waiting: deque[AsyncResult[int]] = deque()
        self._asked = 0
        self._leaving: dict[int, AsyncResult[None]] = {}
        self._to_leave: list[int] = []
        self._running: set[int] = set()
        self._rows: list[dict[str, Any]] = []
        self._gauges: dict[str, Any] = {}
        self._stopping = False
        self._finished = Event()
        self._finished.set()

    @property
    def _runner(self) -> Any:
        return self._environment.runner

    # -- the plan --------------------------------------------------------------------------------------------------

    def on_plan(self, plan: dict[str, Any]) -> None:
        """Begin a run: start the fleet process."""
        self._finished.clear()
        self._stopping, self._rows, self._gauges, self._ended = False, [], {}, {}
        self._name, self._plan, self._restarts = plan["name"], plan, 0
        try:
            self._spool = Spool(plan)
        except OSError as error:
            self._send(m.FAILED, {"name": self._name, "reason": f"{error.filename}: {error.strerror}"})
            return
        if not self._spool.shared:
            log.info("%s records in %s until the master has stored it", self._name, self._spool.directory)
        self._start()
        gevent.spawn(self._watch_the_master)

    def _watch_the_master(self) -> None:
        """End where the master has, as soon as that can be seen; Locust waits for its word for a minute."""
        while not self._finished.wait(LOOK_EVERY_S):
            if is_gone(int(self._plan["pid"]), str(self._plan["space"])):
                log.error("the master is gone, so this worker ends")
                self._runner.quit()
                return

    def _start(self) -> None:
        plan, spool = self._plan, self._spool
        assert spool is not None
        try:
            process = Process(
                FLEET,
                [str(spool.directory), repr(spool.t0), ON_DEMAND, self._name, *plan["servers"]],
                spool.directory / "logs" / f"{self._name}.log",
                self._on_line,
                self._on_end,
            )
        except OSError as error:
            self._send(m.FAILED, {"name": self._name, "reason": f"{error.filename}: {error.strerror}"})
            return
        self._process = process
        own, there = whereabouts(), "" if spool.shared else f"{spool.directory} on {socket.gethostname()}"
        told = {"name": self._name, "pid": process.pid, "worker": own["pid"], "space": own["space"], "where": there}
        self._send(m.PROCESS, told)

    def _send(self, message: str, data: dict[str, Any]) -> None:
        self._runner.send_message(message, data)

    # -- one device ------------------------------------------------------------------------------------------------

    def take(self) -> int:
        """Have a device leased and started for a user: its index in the plan, or NOBODY where there is none."""
        if self._stopping:
            return NOBODY
        result: AsyncResult[int] = AsyncResult()
        self._waiting.append(result)
        if len(self._waiting) - self._asked == 1:
            gevent.spawn(self._ask)
        try:
            device = result.get()
        except gevent.GreenletExit:
            if result in self._waiting:  # what is leased for it nobody takes now, and it goes back
                self._asked -= self._waiting.index(result) < self._asked
                self._waiting.remove(result)
            raise
        return NOBODY if device is None else device

    def _ask(self) -> None:
        # All users of a turn ask together.
        self._ready.wait()
        count = len(self._waiting) - self._asked
        if count > 0:
            self._asked += count
            self._send(m.LEASE, {"count": count})

    def on_leased(self, data: dict[str, Any]) -> None:
        """Start the devices that the master has leased, or tell the users that there are none."""
        surplus: list[int] = []
        started: list[list[float]] = []
        for k, due in data.get("devices", ()):
            if self._waiting and not self._stopping:
                self._asked -= 1
                self._running.add(k)
                started.append([k, due])
                self._waiting.popleft().set(k)
            else:
                surplus.append(k)
        if started and self._process is not None:
            self._process.tell({"do": "start", "devices": started})
        if surplus:
            self._send(m.BACK, {"devices": surplus})
        if data.get("refused"):
            log.error("%s", data["refused"])
            self.refuse()

    def refuse(self) -> None:
        """Tell the users that wait for a device that there is none."""
        while self._waiting:
            self._waiting.popleft().set(NOBODY)
        self._asked = 0

    def leave(self, k: int) -> None:
        """Have a device De-register and switched off; returns when it has left."""
        if k not in self._running or self._process is None:
            return
        result = self._leave_soon(k)
        result.wait(self._patience_s + LEAVE_S)
        if not self._stopping:
            self._send(m.BACK, {"devices": [k]})

    @property
    def _patience_s(self) -> float:
        """The time that an update under way has to end: Locust's ``--stop-timeout``."""
        return float(self._environment.stop_timeout or 0.0)

    def _leave_soon(self, k: int) -> AsyncResult[None]:
        result = self._leaving.get(k)
        if result is None:
            result = self._leaving[k] = AsyncResult()
            self._to_leave.append(k)
            if len(self._to_leave) == 1:
                gevent.spawn(self._tell_leavers)
        return result

    def _tell_leavers(self) -> None:
        devices, self._to_leave = self._to_leave, []
        if self._process is not None:
            self._process.tell({"do": "leave", "devices": devices, "within": self._patience_s})

    # -- what the process says -------------------------------------------------------------------------------------

    def _on_line(self, line: dict[str, Any]) -> None:
        for k in line.get("left", ()):
            self._has_left(int(k))
        tally = line.get("tally")
        if isinstance(tally, dict):
            self._rows += tally.pop("rows", ())
            self._gauges = {**tally, "counts": self._gauges.get("counts", {})}
        if isinstance(line.get("status"), dict):
            self._gauges["counts"] = line["status"]
        if line.get("ready"):
            self._ready.set()
            self._send(m.READY, {"name": self._name})
        if "failed" in line:
            self._send(m.FAILED, {"name": self._name, "reason": str(line["failed"])})
        if line.get("ended"):
            self._ended = line

    def _has_left(self, k: int) -> None:
        self._running.discard(k)
        result = self._leaving.pop(k, None)
        if result is not None:
            result.set(None)

    def _on_end(self, code: int) -> None:
        process, self._process = self._process, None
        self._ready.clear()
        for k in list(self._leaving):
            self._has_left(k)
        if not self._stopping and process is not None:
            self._lost(process, code)

    def _lost(self, process: Process, code: int) -> None:
        """The process has ended though nobody wanted it: say so, and start it anew as often as was asked for."""
        reason = f"{self._name} ended with {code}, and {len(self._running)} devices with it: {process.last_words()}"
        log.error("the fleet process %s", reason)
        self._send(m.FAILED, {"name": self._name, "reason": reason})
        if self._restarts >= int(self._plan["restarts"]):
            # A worker without devices is of no use: the master does with its users what it does with a lost worker's.
            gevent.spawn(self._runner.quit)
            return
        self._restarts += 1
        self._name = f"{self._plan['name']}-again-{self._restarts}"
        self._start()
        gevent.spawn(self._start_again, sorted(self._running))

    def _start_again(self, devices: list[int]) -> None:
        self._ready.wait()
        if self._process is not None:
            self._process.tell({"do": "start", "devices": [[k, 0.0] for k in devices]})

    # -- statistics ------------------------------------------------------------------------------------------------

    def report(self, data: dict[str, Any] | None = None) -> dict[str, Any]:
        """Put what was counted since the last time into Locust's statistics, and into the report to the master."""
        rows, self._rows = self._rows, []
        merge(self._environment.stats, rows)
        told = {**self._gauges, "rows": rows}
        if data is not None:
            data["fleet"] = told
        return told

    # -- the end ---------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Have all devices leave, the process end and its files sent; returns when that is done. Once a run."""
        if self._finished.is_set():
            return
        if self._stopping:
            self._finished.wait()
            return
        self._stopping = True
        self.refuse()
        process = self._process
        clean = False
        if process is not None:
            for result in [self._leave_soon(k) for k in self._running]:
                result.wait(self._patience_s + LEAVE_S)
            clean = process.stop()
        told = self.report()
        whole = self._hand_over()
        used = {key: self._ended.get(key, 0) for key in ("cpu_s", "rss_bytes")}
        self._send(m.FINISHED, {"name": self._name, "clean": clean, "whole": whole, "fleet": told, **used})
        self._finished.set()

    def _hand_over(self) -> bool:
        """Send what was recorded on this machine to the master's; whether all of it is there."""
        spool, name = self._spool, self._plan.get("name", "")
        if spool is None or spool.shared:
            return True
        self._sending = Sending(spool, self._send)
        reason = self._sending.run()
        if reason:
            where = f"{spool.directory} on this machine ({socket.gethostname()})"
            log.error("the record of %s is not at the master: %s", name, reason)
            log.error("%s", how_to_collect(name, where, spool.run))
            self._environment.process_exit_code = ENVIRONMENT
            return False
        spool.remove()
        return True

    def on_stored(self, answer: dict[str, Any]) -> None:
        """The master has stored a piece of a file, or says why not."""
        if self._sending is not None:
            self._sending.on_stored(answer)
