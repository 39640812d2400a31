"""The start form: what its fields are, and what it answers where something cannot be run."""

from __future__ import annotations

import json
from argparse import Namespace
from types import SimpleNamespace

import flask
import pytest
from gevent.event import Event

from simulator.load.form import FIELDS, StartForm, fields_of, scenarios, with_form
from simulator.load.options import NO_SHAPE, OF_SCENARIO, OTHER_SCENARIO, scenario_file
from simulator.load.shape import CourseShape

FIRST = "scenarios/first.toml"


def options(**values):
    given = {
        "scenario": FIRST,
        "server": OF_SCENARIO,
        "server_url": "",
        "load_shape": NO_SHAPE,
        "fleet_seed": "",
        "fleet_set": "",
        "fleet_out": "",
        "lost_devices": "again",
        "fleet_restarts": 0,
        "allow_public_target": False,
        "num_users": 1000,
        "run_time": None,
    }
    return Namespace(**{**given, **values})


class WebUI:
    """As much of Locust's page as the form has to do with."""

    def __init__(self, logged_in):
        self.template_args = {}
        self.started = []
        self.app = flask.Flask("locust")
        self.logged_in = logged_in
        locust = flask.Blueprint("locust", "locust")
        locust.add_url_rule("/swarm", "swarm", self._swarm, methods=["POST"])
        self.app.register_blueprint(locust)
        self.after = lambda: None

    def _swarm(self):
        self.started.append(dict(flask.request.form))
        self.after()
        return flask.jsonify({"success": True, "message": "Swarming started", "host": ""})

    def update_template_args(self):
        self.template_args = {"missing_host_warning": True, "extra_options": {}, "num_users": 5}

    def auth_required_if_enabled(self, view):
        return lambda: view() if self.logged_in else flask.redirect("/login")


def form(*, logged_in=True, state="ready", devices=10):
    web_ui = WebUI(logged_in)
    joint = SimpleNamespace(prepared=Event(), problem="", devices=devices)
    web_ui.after = joint.prepared.set
    environment = SimpleNamespace(
        parsed_options=options(), runner=SimpleNamespace(state=state), shape_class=None, host=""
    )
    StartForm(web_ui, environment, joint)
    return SimpleNamespace(web=web_ui, joint=joint, environment=environment, client=web_ui.app.test_client())


def test_shipped_scenarios_are_a_choice_and_the_one_that_was_named_too(tmp_path):
    for name in ("b.toml", "a.toml", "deep/c.toml", "d.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    a, b, c = (str(tmp_path / name) for name in ("a.toml", "b.toml", "deep/c.toml"))
    assert scenarios(b, tmp_path) == [a, b, c]
    assert scenarios("/elsewhere/mine.toml", tmp_path) == ["/elsewhere/mine.toml", a, b, c]
    assert scenarios(FIRST, tmp_path / "nothing") == [FIRST]


def test_fields_stand_in_their_order_with_the_last_values_and_fit_on_a_line():
    fields = fields_of(options(fleet_seed="7"), [FIRST])
    assert list(fields) == list(FIELDS)
    assert fields["scenario"]["choices"] == [FIRST]
    assert fields["fleet_seed"]["default_value"] == "7"
    assert max(len(name) + len(field["help_text"]) for name, field in fields.items()) < 90
    for name, field in fields.items():
        assert field["choices"] is None or (
            field["default_value"] in field["choices"] and "" not in field["choices"]
        ), name


def test_a_path_of_ones_own_goes_before_the_choice():
    wanted = with_form(options(), {OTHER_SCENARIO: " mine.toml ", "scenario": FIRST, "user_count": "3"})
    assert (scenario_file(wanted), wanted.num_users) == ("mine.toml", 3)
    assert scenario_file(options()) == FIRST


def test_the_page_gets_the_fields_and_no_word_of_a_missing_host():
    there = form()
    there.web.update_template_args()
    assert there.web.template_args["missing_host_warning"] is False
    with there.web.app.app_context():
        page = flask.render_template_string("{{ fields|tojson }}", fields=there.web.template_args["extra_options"])
    assert list(json.loads(page)) == list(FIELDS)
    assert there.web.template_args["num_users"] == 5


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("scenario", "scenarios/none.toml", ["scenarios/none.toml"]),
        (OTHER_SCENARIO, "/nowhere/mine.toml", ["/nowhere/mine.toml"]),
        ("fleet_seed", "seven", ["seven", "whole number"]),
        ("fleet_set", "campaign.timeuot = '1 s'", ["campaign.timeuot"]),
        ("fleet_set", "nonsense", ["nonsense"]),
        ("fleet_restarts", "often", ["often", "whole number"]),
        ("server", "tomcat", ["tomcat", "embedded"]),
        ("load_shape", "circle", ["circle", "waves"]),
        ("user_count", "0", ["at least 1"]),
        ("run_time", "soon", ["20s"]),
    ],
)
def test_what_cannot_be_run_is_told_to_the_user_of_the_page(field, value, words):
    there = form()
    told = there.client.post("/swarm", data={"user_count": "10", "spawn_rate": "1", field: value}).get_json()
    assert told["success"] is False
    assert all(word in told["message"] for word in words), told["message"]
    assert there.web.started == []


def test_what_shows_only_when_it_is_prepared_is_told_too():
    there = form()

    def fail():
        there.joint.problem = "a fleet process would need 90000 sockets"
        there.joint.prepared.set()

    there.web.after = fail
    told = there.client.post("/swarm", data={"user_count": "10", "spawn_rate": "1"}).get_json()
    assert told["success"] is False
    assert "90000 sockets" in told["message"]
    there.web.after = there.joint.prepared.set
    told = there.client.post("/swarm", data={"user_count": "10", "spawn_rate": "1"}).get_json()
    assert (told["success"], told["message"]) == (True, "Swarming started")


def test_the_shape_of_the_form_is_the_shape_of_the_run():
    there = form()
    data = {"user_count": "40", "spawn_rate": "1", "run_time": "1m"}
    there.client.post("/swarm", data={**data, "load_shape": "hold"})
    assert isinstance(there.environment.shape_class, CourseShape)
    assert there.environment.shape_class.peak == 40
    assert there.environment.shape_class.use_common_options
    there.client.post("/swarm", data={**data, "load_shape": NO_SHAPE})
    assert there.environment.shape_class is None
    there.environment.shape_class = own = object()
    there.client.post("/swarm", data={**data, "load_shape": NO_SHAPE})
    assert there.environment.shape_class is own
    assert len(there.web.started) == 3


def test_a_run_that_goes_on_takes_no_more_users_than_its_plan_has_devices():
    there = form(state="running", devices=10)
    there.environment.shape_class = shape = object()
    told = there.client.post("/swarm", data={"user_count": "11", "spawn_rate": "1"}).get_json()
    assert told["success"] is False
    assert "10 devices" in told["message"]
    assert there.client.post("/swarm", data={"user_count": "4", "spawn_rate": "1"}).get_json()["success"]
    assert there.environment.shape_class is shape


def test_who_is_not_logged_in_is_told_nothing():
    there = form(logged_in=False)
    answer = there.client.post("/swarm", data={"user_count": "10", "scenario": "/etc/passwd"})
    assert (answer.status_code, answer.location) == (302, "/login")
    assert there.web.started == []
