"""What the processes of the package origin are started with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simulator.cli.origins import arguments_of, crowded, name_of
from simulator.cli.plan import Plan
from simulator.scenario import loads

URIS = {"coap": "coap://127.0.0.1:4000", "https": "https://[::1]:4001"}


def plan(firmware=""):
    scenario = loads(f"[firmware]\nmodel = 'm'\n{firmware}\n[groups.a]\ncount = 2\n")
    return Plan(Path("s.toml"), (), None, scenario, 7, 1, Path("run"), ())


def option(arguments, name):
    return arguments[arguments.index(name) + 1]


def test_a_single_process_is_alone():
    arguments = arguments_of(0, plan(), Path("packages"), "", {})
    assert arguments == ["packages", "--name", "origin", "--host", "127.0.0.1"]


def test_the_first_takes_free_ports_and_the_others_join():
    shared = plan("processes = 3")
    first, third = (arguments_of(k, shared, Path("packages"), "id", uris) for k, uris in ((0, {}), (2, URIS)))
    assert first[:4] == ["packages", "id", "--name", "origin-0"]
    assert json.loads(option(first, "--ports")) == {}
    assert option(third, "--name") == "origin-2"
    assert json.loads(option(third, "--ports")) == {"coap": 4000, "https": 4001}
    assert option(first, "--shared") == option(third, "--shared") == "run/logs/exchanges"


def test_each_has_chance_of_its_own_and_the_first_that_of_the_run():
    chaos = 'chaos = { busy = "5 %" }'
    alone = json.loads(option(arguments_of(0, plan(chaos), Path("p"), "", {}), "--chaos"))
    three = [
        json.loads(option(arguments_of(k, plan("processes = 3\n" + chaos), Path("p"), "", URIS), "--chaos"))
        for k in range(3)
    ]
    assert three[0] == alone
    assert len({one["seed"] for one in three}) == 3
    assert {one["busy"] for one in three} == {0.05}


@pytest.mark.parametrize(
    ("processes", "cores", "text"),
    [
        (1, 1, ""),
        (2, 2, ""),
        (2, 1, "firmware.processes is 2 on 1 core: more than cores gain nothing"),
        (5, 4, "firmware.processes is 5 on 4 cores: more than cores gain nothing"),
    ],
)
def test_more_processes_than_cores_are_told(processes, cores, text):
    assert crowded(processes, cores) == text


def test_names():
    assert [name_of(0, 1), name_of(0, 2), name_of(1, 2)] == ["origin", "origin-0", "origin-1"]
