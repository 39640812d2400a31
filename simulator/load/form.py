"""Locust's start form for a fleet: what its fields are called and offer, and an answer to what cannot be run.

Locust makes a field of every option, and what it does with them it does in a greenlet of its own, whose errors are seen
in the terminal only. Here they are an answer to the form.
"""

from __future__ import annotations

import time
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import gevent
from flask import Response, jsonify, request
from locust.runners import STATE_RUNNING, STATE_SPAWNING
from locust.util.timespan import parse_timespan

from simulator.cli.failure import CommandFailedError
from simulator.load.options import LOST, OTHER_SCENARIO, SERVERS, SHAPES, course_of, scenario_of
from simulator.load.shape import CourseShape
from simulator.load.web import LOCUSTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from locust.env import Environment
    from locust.web import WebUI

    from simulator.load.joint import Joint

SHIPPED: Final = Path("scenarios")
"""Where the form looks for scenarios, from the directory that Locust was started in."""
FIELDS: Final = {
    "scenario": "Who the devices are, what is done to them and what must hold",
    OTHER_SCENARIO: "A scenario file of your own on the master, in place of the choice above",
    "server": "The server under test",
    "server_url": "A Leshan demo server that already runs",
    "load_shape": "How the number of devices goes; ramp: as the rate above says",
    "fleet_seed": "A number from which everything is drawn; empty: a new one",
    "fleet_set": "Keys of the scenario to change: KEY=VALUE; KEY=VALUE",
    "fleet_out": "The run directory; empty: one of its own under runs/",
    "lost_devices": "Devices of a lost worker: run them again, go on without, or fail",
    "fleet_restarts": "How often a fleet process may be started anew",
}
"""The fields in their order, and what they say."""
CHOICES: Final[Mapping[str, tuple[str, ...]]] = {"server": SERVERS, "load_shape": SHAPES, "lost_devices": LOST}
PREPARED_S: Final = 120.0
"""How long a run may take until it is prepared, before the form is answered without knowing."""
STOPPED_S: Final = 15.0
UNDER_WAY: Final = frozenset({STATE_SPAWNING, STATE_RUNNING})


def scenarios(first: str, directory: Path = SHIPPED) -> list[str]:
    """The scenario files in a directory, ``first`` among them in any case; those beside each other come first."""
    found = sorted(directory.rglob("*.toml"), key=lambda path: (len(path.parts), path))
    names = [str(path) for path in found]
    return names if first in names else [first, *names]


def fields_of(options: Namespace, shipped: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The fields as Locust's page wants them, with the values of the last time."""
    choices: dict[str, list[str]] = {name: list(values) for name, values in CHOICES.items()}
    choices["scenario"] = list(shipped)
    return {
        name: {
            "default_value": getattr(options, name, ""),
            "is_secret": False,
            "is_required": False,
            "is_multiple": False,
            "help_text": text,
            "choices": choices.get(name),
        }
        for name, text in FIELDS.items()
    }


def with_form(options: Namespace, form: Mapping[str, str]) -> Namespace:
    """The options as the form has them.

    Raises:
        ValueError: a field has something else than it takes.
    """
    wanted = Namespace(**vars(options))
    for name in FIELDS.keys() & form.keys():
        setattr(wanted, name, form[name].strip())
        if name in CHOICES and form[name] not in CHOICES[name]:
            msg = f"{name} {form[name]!r} is none of {', '.join(CHOICES[name])}"
            raise ValueError(msg)
    restarts = str(wanted.fleet_restarts)
    if not (restarts.isascii() and restarts.isdigit()):
        msg = f"fleet restarts {restarts!r} is no whole number from 0"
        raise ValueError(msg)
    if form.get("run_time"):
        wanted.run_time = parse_timespan(form["run_time"])
    wanted.num_users = _users(form) or wanted.num_users
    return wanted


class StartForm:
    """Puts itself in front of Locust's own form and its answer.

    Args:
        web_ui: Locust's.
        environment: Locust's.
        joint: prepares runs.
    """

    def __init__(self, web_ui: WebUI, environment: Environment, joint: Joint) -> None:
        self._web_ui = web_ui
        self._environment = environment
        self._joint = joint
        self._options: Any = environment.parsed_options
        setattr(self._options, OTHER_SCENARIO, "")
        self._fill: Callable[[], None] = web_ui.update_template_args
        replace: Any = web_ui
        replace.update_template_args = self._update
        app = web_ui.app
        assert app is not None
        # Fields stand in their order, not in that of the alphabet.
        app.jinja_env.policies["json.dumps_kwargs"] = {"sort_keys": False}
        self._swarm: Callable[[], Any] = app.view_functions[f"{LOCUSTS}.swarm"]
        app.view_functions[f"{LOCUSTS}.swarm"] = web_ui.auth_required_if_enabled(self._start)

    def _update(self) -> None:
        self._fill()
        fields = fields_of(self._options, scenarios(self._options.scenario))
        # A fleet has its server from the scenario.
        self._web_ui.template_args |= {"extra_options": fields, "missing_host_warning": False}

    # -- the answer ------------------------------------------------------------------------------------------------

    def _start(self) -> Response:
        runner: Any = self._environment.runner
        runs = runner.state in UNDER_WAY
        problem = self._problem_while_running() if runs else self._problem()
        if problem:
            return self._refuse(problem)
        self._joint.prepared.clear()
        response: Response = self._swarm()
        if runs or not response.get_json().get("success"):
            return response
        self._await()
        return self._refuse(self._joint.problem) if self._joint.problem else response

    def _refuse(self, problem: str) -> Response:
        return jsonify({"success": False, "message": problem, "host": self._environment.host})

    def _problem(self) -> str:
        """Why it cannot be run, as far as this can be known at once; sets the shape that was chosen."""
        self._joint.problem = ""
        try:
            wanted = with_form(self._options, request.form)
            scenario = scenario_of(wanted, wanted.num_users)
        except (CommandFailedError, ValueError) as error:
            return str(error)
        self._set_shape(wanted, scenario)
        return ""

    def _problem_while_running(self) -> str:
        try:
            users = _users(request.form)
        except ValueError as error:
            return str(error)
        most = self._joint.devices
        if users is not None and users > most:
            return f"the plan of this run has {most} devices; for more of them stop it, and start another one"
        return ""

    def _set_shape(self, wanted: Namespace, scenario: Any) -> None:
        course = course_of(wanted, scenario)
        if course is not None:
            self._environment.shape_class = CourseShape(*course)
            self._environment.shape_class.runner = self._environment.runner
        elif isinstance(self._environment.shape_class, CourseShape):
            # Of the last run; one that the locustfile has stays.
            self._environment.shape_class = None

    def _await(self) -> None:
        """Wait until the run is prepared or cannot be; what cannot be is over before the form says so."""
        self._joint.prepared.wait(PREPARED_S)
        runner: Any = self._environment.runner
        end = time.monotonic() + STOPPED_S
        while self._joint.problem and runner.state in UNDER_WAY and time.monotonic() < end:
            gevent.sleep(0.05)


def _users(form: Mapping[str, str]) -> int | None:
    """The number of users; None where the form has none, and for Locust to judge where it is no number.

    Raises:
        ValueError: it is zero.
    """
    text = form.get("user_count", "").strip()
    if not (text.isascii() and text.isdigit()):
        return None
    if int(text) == 0:
        raise ValueError("number of users: at least 1 is needed, and each is one device")
    return int(text)
