"""What a locustfile for a fleet is made of: the user that is a device, and the listeners that join it to Locust.

    from simulator.load.locustfile import VirtualDevice

in a locustfile is all that is needed; ``scenarios/locustfile.py`` is that.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import gevent
import locust
import psutil
from locust import User, constant, events, task
from locust.exception import StopUser
from locust.runners import WorkerRunner

from simulator.cli.failure import ENVIRONMENT, USAGE, CommandFailedError
from simulator.cli.metrics import serve_metrics
from simulator.load.adjusting import adjust, hear_ctrl_c
from simulator.load.dispatcher import SteadyDispatcher
from simulator.load.form import StartForm
from simulator.load.joint import Joint
from simulator.load.merging import use_finer_buckets
from simulator.load.options import AGAIN, add_options, course_of, scenario_of
from simulator.load.shape import CourseShape
from simulator.load.versions import problem_of
from simulator.load.web import FirmwarePages
from simulator.load.worker import NOBODY, WorkerFleet

if TYPE_CHECKING:
    from locust.env import Environment

    from simulator.scenario import Scenario

log = logging.getLogger(__name__)


class VirtualDevice(User):
    """One user is one device: it runs in the fleet process under the worker, and this greenlet waits for its end."""

    wait_time = constant(3600)

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._device = NOBODY

    def on_start(self) -> None:
        """Have a device leased and started."""
        self._device = fleet_of(self.environment).take()

    @task
    def live(self) -> None:
        """Nothing is left to do here, since what the device does is its own affair; a user without one stops.

        Raises:
            StopUser: the user has no device.
        """
        if self._device == NOBODY:
            raise StopUser

    def on_stop(self) -> None:
        """Have the device De-register; an update under way has Locust's ``--stop-timeout`` to end."""
        if self._device != NOBODY:
            fleet_of(self.environment).leave(self._device)


_JOINTS: dict[int, Joint] = {}


def joint_of(environment: Environment) -> Joint:
    """The joint of a Locust process."""
    joint = _JOINTS.get(id(environment))
    if joint is None:
        joint = _JOINTS[id(environment)] = Joint(environment)
    return joint


def fleet_of(environment: Environment) -> WorkerFleet:
    """The devices of a worker."""
    return joint_of(environment).fleet


@events.init_command_line_parser.add_listener
def _on_parser(parser: Any) -> None:
    add_options(parser)


@events.init.add_listener
def _on_init(environment: Environment, web_ui: Any = None, **_: Any) -> None:
    problem = problem_of(locust.__version__)
    if problem:
        log.error("%s", problem)
        _give_up(USAGE)
    use_finer_buckets()
    adjust()
    joint = joint_of(environment)
    joint.listen()
    environment.dispatcher_class = SteadyDispatcher
    options: Any = environment.parsed_options
    options.enable_rebalancing = options.lost_devices == AGAIN
    if isinstance(environment.runner, WorkerRunner):
        return
    hear_ctrl_c()
    gevent.spawn(joint.watch)
    if web_ui is not None:
        FirmwarePages(web_ui, joint.watcher)
        StartForm(web_ui, environment, joint)
    if options.fleet_metrics:
        _serve_metrics(joint, options.fleet_metrics)
    scenario = _scenario_of(options)
    course = course_of(options, scenario)
    if course is not None:
        environment.shape_class = CourseShape(*course)
        environment.shape_class.runner = environment.runner
    if options.num_users is None:
        options.num_users = scenario.devices
    if options.spawn_rate is None:
        options.spawn_rate = 100.0


def _serve_metrics(joint: Joint, port: int) -> None:
    """Answer Prometheus as long as this process lives, or end the program where the port is taken."""
    try:
        serve_metrics(lambda: None if joint.last is None else joint.last.totals, port)
    except OSError as error:
        log.error("--fleet-metrics: port %d cannot be used: %s; name another one", port, error.strerror)
        _give_up(ENVIRONMENT)


def _scenario_of(options: Any) -> Scenario:
    """The scenario, or the end of the program with its problems."""
    try:
        return scenario_of(options)
    except (CommandFailedError, ValueError) as error:
        log.error("%s", error)
        _give_up(error.code if isinstance(error, CommandFailedError) else USAGE)


def _give_up(code: int) -> NoReturn:
    """End the program, and the workers that ``--processes`` has forked: they would wait a minute for their master."""
    for worker in psutil.Process().children():
        worker.kill()
    sys.exit(code)


@events.test_start.add_listener
def _on_test_start(environment: Environment, **_: Any) -> None:
    if not isinstance(environment.runner, WorkerRunner):
        joint_of(environment).begin()


@events.test_stopping.add_listener
def _on_test_stopping(environment: Environment, **_: Any) -> None:
    joint = joint_of(environment)
    if isinstance(environment.runner, WorkerRunner):
        joint.fleet.finish()
    else:
        joint.end()


@events.quitting.add_listener
def _on_quitting(environment: Environment, **_: Any) -> None:
    joint = joint_of(environment)
    joint.fleet.finish()
    joint.end()


@events.worker_connect.add_listener
def _on_worker_connect(client_id: str, **_: Any) -> None:
    for joint in _JOINTS.values():
        if joint.conductor is not None:
            gevent.spawn_later(0.1, joint.conductor.welcome, client_id)


@events.report_to_master.add_listener
def _on_report_to_master(data: dict[str, Any], **_: Any) -> None:
    for joint in _JOINTS.values():
        joint.fleet.report(data)


@events.worker_report.add_listener
def _on_worker_report(client_id: str, data: dict[str, Any]) -> None:
    for joint in _JOINTS.values():
        if joint.conductor is not None:
            joint.conductor.report(client_id, data.get("fleet", {}))
