"""What joins one Locust process to a fleet: a conductor where it is the master, devices where it is a worker."""

from __future__ import annotations

import logging
import shutil
import sys
import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import gevent
from gevent.event import Event
from locust.runners import LocalRunner, MasterRunner, WorkerRunner

from simulator.cli.failure import CRITERION_FAILED, ENVIRONMENT, HOLDS, USAGE
from simulator.load import messages as m
from simulator.load.conductor import LOCAL, Conductor
from simulator.load.dispatcher import SteadyDispatcher
from simulator.load.options import AGAIN, FAIL, asked
from simulator.load.shape import CourseShape
from simulator.load.spawning import Spawned
from simulator.load.telemetry import export_updates
from simulator.load.watching import Watcher
from simulator.load.worker import WorkerFleet

if TYPE_CHECKING:
    from locust.env import Environment

PUMP_S: Final = 1.0
STAGE_LOG: Final = "stage.log"
FROM_WORKERS: Final = (m.PROCESS, m.READY, m.LEASE, m.BACK, m.FAILED, m.CHUNK, m.FINISHED)

log = logging.getLogger(__name__)


class Joint:
    """The fleet's side of one Locust process.

    Args:
        environment: Locust's.
    """

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.conductor: Conductor | None = None
        self.fleet = WorkerFleet(environment)
        self._logs = Path()
        self.watcher = Watcher(environment)
        self.prepared = Event()
        """Set when a run that was asked for is prepared, or cannot be."""
        self.problem = ""
        """Why the last one could not be; empty where it could."""
        self.last: Conductor | None = None
        """The conductor of the last run, for who still looks."""

    @property
    def _runner(self) -> Any:
        return self.environment.runner

    @property
    def _options(self) -> Any:
        return self.environment.parsed_options

    # -- the master ------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """A test starts: have the run prepared, before the first user is spawned."""
        self.problem = ""
        try:
            self._begin()
        finally:
            self.prepared.set()

    def _begin(self) -> None:
        options, runner = self._options, self._runner
        shape = self.environment.shape_class
        devices = shape.peak if isinstance(shape, CourseShape) else runner.target_user_count
        processes = runner.worker_count if isinstance(runner, MasterRunner) else 1
        try:
            wanted = asked(options, devices, max(1, processes))
        except ValueError as error:
            log.error("%s", error)
            self._end_with(str(error), USAGE)
            return
        SteadyDispatcher.again = options.lost_devices == AGAIN
        self.environment.process_exit_code = None
        self._logs = Path(tempfile.mkdtemp(prefix="lwm2m-fleet-stage-"))
        self.conductor = conductor = Conductor(
            self.environment,
            wanted,
            self._logs / STAGE_LOG,
            self._over,
            again=options.lost_devices == AGAIN,
            restarts=options.fleet_restarts,
        )
        self.last = conductor
        self.watcher.begin(conductor)
        SteadyDispatcher.planned = conductor.planned
        if not conductor.begin():
            assert conductor.failure is not None
            self._end_with(*conductor.failure)
        elif isinstance(shape, CourseShape):
            shape.begin()

    def _end_with(self, problem: str, code: int) -> None:
        self.problem = problem
        self.watcher.note(problem, lasting=True)
        self.environment.process_exit_code = code
        self.fleet.refuse()
        gevent.spawn(self._runner.quit if self._options.headless else self._runner.stop)

    def _over(self, reason: str) -> None:
        """There is nothing more to wait for; with ``--run-time`` the devices stay until then."""
        log.info("%s", reason)
        self.watcher.note(reason, lasting=self.conductor is not None and self.conductor.failure is not None)
        if self._options.headless and not self._options.run_time:
            gevent.spawn(self._runner.quit)
        elif self.conductor is not None and self.conductor.failure is not None:
            gevent.spawn(self._runner.stop)

    def end(self) -> None:
        """A test stops: finish the run, report it, and decide on the exit code."""
        conductor = self.conductor
        if conductor is None:
            return
        self.watcher.note("it is being stopped")
        conductor.finish()
        if self.conductor is None:
            return
        self.conductor = None
        if conductor.failure is not None:
            self.environment.process_exit_code = conductor.failure[1]
        self.watcher.look(ended=True)
        if conductor.directory is not None:
            with suppress(OSError):
                shutil.copy(self._logs / STAGE_LOG, conductor.directory / "logs")
        shutil.rmtree(self._logs, ignore_errors=True)
        if conductor.directory is None:
            return
        self.watcher.note("its report is being made")
        code = Spawned([sys.executable, "-P", "-m", "simulator", "report", str(conductor.directory)]).wait()
        self.watcher.reported(conductor.directory)
        for remedy in conductor.remedies:
            log.warning("%s", remedy)
        if conductor.failure is None:
            lost = bool(conductor.lost) and self._options.lost_devices == FAIL
            whole = HOLDS if conductor.status == "complete" else CRITERION_FAILED
            self.environment.process_exit_code = ENVIRONMENT if lost else code or whole

    # -- who looks on ----------------------------------------------------------------------------------------------

    @property
    def devices(self) -> int:
        """Devices in the plan of the run that goes on."""
        return 0 if self.conductor is None else self.conductor.devices

    def watch(self) -> None:
        """Look each second of a run."""
        while True:
            gevent.sleep(PUMP_S)
            if self.conductor is not None:
                self.watcher.look()

    # -- messages --------------------------------------------------------------------------------------------------

    def listen(self) -> None:
        """Take the messages that concern this process."""
        runner = self._runner
        if not isinstance(runner, WorkerRunner):
            for message in FROM_WORKERS:
                runner.register_message(message, partial(self._hear, message))
        if not isinstance(runner, MasterRunner):
            runner.register_message(m.PLAN, lambda msg, **_: self.fleet.on_plan(msg.data))
            runner.register_message(m.LEASED, lambda msg, **_: self.fleet.on_leased(msg.data))
            runner.register_message(m.STORED, lambda msg, **_: self.fleet.on_stored(msg.data))
            runner.register_message(m.STOP, lambda **_: gevent.spawn(self.fleet.finish))
        if isinstance(runner, LocalRunner):
            gevent.spawn(self._pump)
        if self._options.otel and not isinstance(runner, WorkerRunner):
            export_updates(self.environment)

    def _hear(self, message: str, msg: Any, **_: Any) -> None:
        if self.conductor is not None:
            self.conductor.hear(message, msg.data, msg.node_id)

    def _pump(self) -> None:
        """What a worker does when it reports to its master."""
        while True:
            gevent.sleep(PUMP_S)
            told = self.fleet.report()
            if self.conductor is not None:
                self.conductor.report(LOCAL, told)
