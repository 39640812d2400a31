"""A job written and read back is the same job."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.operator.acts import Act
from simulator.operator.campaign import Tactics, Target
from simulator.operator.course import Course
from simulator.operator.job import Job, ServerChoice
from simulator.operator.requests import Patience
from simulator.operator.update import Order

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
FILES = TEXT.map(lambda name: Path("packages") / f"x{name}".replace("/", "_"))
ACTS = st.lists(st.builds(Act, TEXT, st.integers(), TEXT, TEXT, FILES, TEXT, TEXT, st.none() | TEXT), max_size=2).map(
    tuple
)
VALUES = st.lists(st.integers(), max_size=3).map(tuple)
COURSES = st.none() | st.builds(Course, VALUES, VALUES, TEXT, TEXT)
ORDERS = st.builds(Order, TEXT, TEXT, FILES, TEXT, st.integers(), st.integers(), TEXT, ACTS, COURSES)
JOBS = st.builds(
    Job,
    st.builds(ServerChoice, TEXT, TEXT, st.integers(0, 65535), TEXT, TEXT, st.integers(), TEXT),
    st.builds(
        Tactics, TEXT, st.floats(0, 1e9), st.integers(), TEXT, st.floats(0, 1e9), st.floats(0, 1e9), st.floats(0, 1e9)
    ),
    st.builds(Patience, st.floats(0, 1e9), st.floats(0, 1e9), st.floats(0, 1e9)),
    st.lists(st.builds(Target, st.integers(), TEXT, st.none() | ORDERS, TEXT, TEXT), max_size=4).map(tuple),
    st.integers(),
)


@given(JOBS)
def test_round_trip(tmp_path_factory, job):
    path = tmp_path_factory.getbasetemp() / "operator.json"
    job.write(path)
    assert Job.read(path) == job


@pytest.mark.parametrize(
    ("content", "error"),
    [("", ValueError), ("{}", KeyError), ('{"server": {"kind": 1}}', TypeError), ("[]", TypeError)],
)
def test_what_is_no_job(tmp_path, content, error):
    path = tmp_path / "operator.json"
    path.write_text(content)
    with pytest.raises(error):
        Job.read(path)


def test_the_file_is_plain_json(tmp_path):
    path = tmp_path / "operator.json"
    order = Order("push", "", Path("packages/good.bin"), "2.0.0", 0, 1)
    job = Job(
        ServerChoice("embedded", "127.0.0.1", 0, "", "logs", 1024),
        Tactics("registered", 0.0, 1, "downloaded", 0.0, 0.0, 30.0),
        Patience(60.0, 10.0, 5.0),
        (Target(0, "ep-0", order), Target(1, "ep-1", None)),
    )
    job.write(path)
    targets = json.loads(path.read_text())["targets"]
    assert targets[0]["order"]["package"] == "packages/good.bin"
    assert targets[1]["order"] is None
