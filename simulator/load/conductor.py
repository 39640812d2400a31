"""The master's part of a run: the stage, the workers and their devices, and how it ended."""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import gevent
from gevent.event import Event
from locust.runners import STATE_MISSING, MasterRunner

from simulator.cli.metrics import Totals
from simulator.fleet.population import Population
from simulator.load import messages as m
from simulator.load.history import Outcomes
from simulator.load.living import whereabouts
from simulator.load.pipe import Process
from simulator.load.records import Records
from simulator.load.updates import Update
from simulator.load.workers import Workers
from simulator.recorder.losses import Loss
from simulator.scenario import load

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from locust.env import Environment

STAGE: Final = "simulator.load.stage"
LOOK_EVERY_S: Final = 1.0
LEAD_S: Final = 1.0
"""From the beginning of a ramp until its first start is due: users are spawned and devices leased meanwhile."""
READY_S: Final = 30.0
"""How long the fleet processes may take to start."""
FINISH_S: Final = 90.0
"""How long a worker may take to finish, beyond the time that its updates have to end."""
LOCAL: Final = "local"
"""Who the only worker is where Locust is not distributed."""
ENVIRONMENT: Final = 3

log = logging.getLogger(__name__)


class Conductor:
    """One run.

    Args:
        environment: Locust's.
        options: what to run, as the stage wants it.
        log_file: takes what the stage has to say beside its lines.
        over: called when there is nothing more to wait for, or when the run cannot go on.
        again: lease the devices of a lost worker anew.
        restarts: how often a fleet process is started anew, in each worker.
    """

    def __init__(
        self,
        environment: Environment,
        options: Mapping[str, Any],
        log_file: Path,
        over: Callable[[str], None],
        *,
        again: bool,
        restarts: int,
    ) -> None:
        self._environment = environment
        self._over = over
        self._again = again
        self._restarts = restarts
        self._ready: dict[str, Any] = {}
        self._told = Event()
        self._stopping = False
        self._finished = Event()
        self._unready: set[str] = set()
        self._unfinished: set[str] = set()
        self._population: Population
        self._workers: Workers
        self._records: Records
        self.outcomes = Outcomes()
        self.totals = Totals()
        """What has happened so far, for Prometheus."""
        self.status = ""
        """How it ended, as the manifest says."""
        self.failure: tuple[str, int] | None = None
        """Why it could not be, or not go on, and the exit code for that."""
        self.lost: list[Loss] = []
        """What was lost on the way."""
        self.remedies: list[str] = []
        """What the user can do about it."""
        self.directory: Path | None = None
        """The run directory."""
        self._stage = Process(STAGE, [], log_file, self._on_line, self._on_end)
        self._stage.tell(dict(options))

    # -- the beginning ---------------------------------------------------------------------------------------------

    def begin(self) -> bool:
        """Wait until all is prepared, and tell the workers; whether the run can be."""
        self._told.wait()
        if self.failure is not None:
            return False
        ready = self._ready
        self.directory = Path(ready["directory"])
        plan = ready["plan"]
        self._population = Population(load(plan["scenario"], plan["set"], devices=plan["devices"]), plan["seed"])
        self._records = Records(self.directory, self._send)
        devices = int(ready["devices"])
        self._workers = Workers(
            devices, self._send, self.now, self._there, self._lose, again=self._again, dead=self._hears_no_more
        )
        for worker in self._there():
            self.welcome(worker)
        self._wait_for_workers()
        self._stage.tell({"do": "go"})
        gevent.spawn(self._look_after)
        return True

    def _wait_for_workers(self) -> None:
        """Let no user be late because a fleet process was still being started; one that takes too long comes later."""
        end = time.monotonic() + READY_S
        while self._unready & set(self._there()) and time.monotonic() < end and self.failure is None:
            gevent.sleep(0.05)

    def now(self) -> float:
        """Seconds since the start of the run."""
        return time.monotonic() - float(self._ready["t0"])

    @property
    def devices(self) -> int:
        """Devices in the plan; 0 while it is not prepared."""
        return int(self._ready.get("devices", 0))

    @property
    def _runs(self) -> bool:
        return self.directory is not None and not self._stopping

    def _there(self) -> list[str]:
        runner = self._environment.runner
        if not isinstance(runner, MasterRunner):
            return [LOCAL]
        return [client.id for client in runner.clients.all if client.state != STATE_MISSING]

    def _hears_no_more(self, worker: str) -> None:
        # In Locust's account no heartbeat may be missed any more: it takes the worker for lost within a second.
        runner: Any = self._environment.runner
        runner.clients[worker].heartbeat = -1

    def _send(self, message: str, data: dict[str, Any], worker: str) -> None:
        runner: Any = self._environment.runner
        runner.send_message(message, data, worker)

    def welcome(self, worker: str) -> None:
        """Tell a worker the plan: at the beginning, or when it joins."""
        if not self._runs or worker in self._workers.names:
            return
        told = {key: value for key, value in self._ready.items() if key != "ready"}
        self._unfinished.add(worker)
        self._unready.add(worker)
        name = self._workers.name(worker)
        self._send(m.PLAN, {**told, **whereabouts(), "name": name, "restarts": self._restarts}, worker)

    def planned(self, missing: int, rate: float) -> None:
        """Locust begins a ramp: so many users more, at this rate per second."""
        if self._runs:
            self._workers.ramp.begin(self.now() + LEAD_S, missing, rate)

    # -- what the stage says ---------------------------------------------------------------------------------------

    def _on_line(self, line: dict[str, Any]) -> None:
        if "phase" in line and not self._ready:
            log.info("%s", line["phase"])
        if line.get("ready"):
            self._ready = line
            self._told.set()
        if "failed" in line:
            self._fail(str(line["failed"]), int(line.get("code", ENVIRONMENT)))
        for update in line.get("updates", ()):
            self._fire(*update)
        if "over" in line and not self._stopping:
            self._over(str(line["over"]))
        if "ended" in line:
            self.status = str(line["ended"])

    def _on_end(self, code: int) -> None:
        if not self.status and self.failure is None:
            self._fail(f"the stage of the run ended with {code}: {self._stage.last_words()}", ENVIRONMENT)
        self._told.set()

    def _fail(self, reason: str, code: int) -> None:
        if self.failure is None:
            self.failure = reason, code
            log.error("%s", reason)
            self._told.set()
            if self._runs:
                self._over(reason)

    def _fire(self, device: int, outcome: str, due: float, ended: float, state: int, result: int, reason: str) -> None:
        plan = self._population.device(device)
        started = time.time() - (self.now() - due)
        update = Update(plan, outcome, max(0.0, ended - due), started, state, result, reason)
        self.outcomes.add(plan.group, plan.fault, update.declared, update.observed, outcome)
        self.totals.add_update(plan.transport, outcome, update.seconds)
        update.fire(self._environment)

    # -- what the workers say --------------------------------------------------------------------------------------

    def hear(self, message: str, data: Mapping[str, Any], worker: str) -> None:
        """Take a message of a worker."""
        if self.directory is None:
            return
        match message:
            case m.PROCESS:
                self._workers.has_process(worker, int(data["pid"]), str(data["space"]), int(data["worker"]))
                self._records.expect(worker, self._workers.names[worker], str(data["where"]))
                self._stage.tell({"do": "process", "name": data["name"], "pid": data["pid"]})
            case m.READY:
                self._unready.discard(worker)
            case m.LEASE:
                self._workers.wants(worker, int(data["count"]))
            case m.BACK:
                self._workers.gives_back(worker, [int(k) for k in data["devices"]])
            case m.FAILED:
                self._lose(str(data["reason"]))
            case m.CHUNK:
                self._records.take(data, worker)
            case m.FINISHED:
                if data["whole"]:
                    self._records.came(worker)
                self.report(worker, data["fleet"])
                self._stage.tell({"do": "usage", **{key: data[key] for key in ("name", "cpu_s", "rss_bytes")}})
                self._unfinished.discard(worker)

    def report(self, worker: str, gauges: Mapping[str, Any]) -> None:
        """How a worker's devices fare, and what they did since the last time."""
        self.totals.add_rows(gauges.get("rows", ()))
        self.totals.gauges[worker] = gauges

    @property
    def gauges(self) -> dict[str, list[list[Any]]]:
        """How many devices are in which State and have which Update Result: group, number, devices."""
        return {
            kind: [[*key, devices] for key, devices in sorted(self.totals.devices(kind).items())]
            for kind in ("states", "results")
        }

    def _lose(self, what: str, record_of: str = "") -> None:
        log.warning("%s", what)
        self.lost.append(Loss(what, record_of))

    def _look_after(self) -> None:
        while self._runs and not self._stage.ended.is_set():
            self._workers.look()
            counts: Counter[str] = Counter()
            for told in self.totals.gauges.values():
                counts.update(told.get("counts", {}))
            self._stage.tell({"do": "counts", "counts": counts})
            gevent.sleep(LOOK_EVERY_S)

    # -- the end ---------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Have the workers finish and the stage end; returns when the run directory is complete."""
        if self._stopping:
            self._finished.wait()
            return
        begun = self._runs
        self._stopping = True
        if begun:
            self._stop_workers()
        self._stage.tell({"do": "stop", "lost": [asdict(loss) for loss in self.lost]})
        if not self._stage.stop():
            self._lose("the stage of the run had to be killed")
        self._finished.set()

    def _stop_workers(self) -> None:
        there = set(self._there())
        self._unfinished &= there
        for worker in sorted(self._unfinished):
            self._send(m.STOP, {}, worker)
        end = time.monotonic() + float(self._environment.stop_timeout or 0.0) + FINISH_S
        while self._unfinished and time.monotonic() < end:
            gevent.sleep(0.1)
            for worker in self._unfinished - set(self._there()):
                self._unfinished.discard(worker)
                self._lose_end(worker, "is lost before it had finished")
        for worker in sorted(self._unfinished):
            self._lose_end(worker, "did not finish in time")
        for loss, remedy in self._records.missing():
            self._lose(loss.what, loss.record_of)
            self.remedies.append(remedy)

    def _lose_end(self, worker: str, what: str) -> None:
        """All updates are judged by now: what is missing of a worker is its record."""
        name = self._workers.names[worker]
        self._lose(f"{name} {what}", record_of=name)
