"""Goal: seeds draw all that there is, and nothing but scenarios that anybody can run."""

from __future__ import annotations

import tomllib
from collections import Counter
from functools import cache

import pytest

from simulator.cli.packages import make_packages
from simulator.faults.registry import FAULTS
from simulator.firmware.variants import VARIANTS
from simulator.scenario import ScenarioError, loads
from simulator.scenario.devices import MANAGEMENT, TRANSPORTS
from tests.histories.draw import draw, valid
from tests.histories.toml import written
from tests.histories.world import contents


@cache
def drawn():
    return [draw(seed) for seed in range(400)]


def groups():
    return [group for document in drawn() for group in document["groups"].values()]


def test_a_seed_draws_the_same_each_time():
    assert [draw(seed) for seed in range(20)] == drawn()[:20]


def test_each_document_is_what_is_written_of_it():
    for document in drawn():
        assert tomllib.loads(written(document)) == document


def test_sections_and_groups_have_headings_of_their_own():
    text = written({"run": {"seed": 1}, "groups": {"a": {"count": 1, "faults": [{"kind": "bad-magic"}]}}})
    assert text == '[run]\nseed = 1\n\n[groups.a]\ncount = 1\n\n[[groups.a.faults]]\nkind = "bad-magic"\n'


def test_every_kind_of_fault_is_drawn():
    kinds = Counter(fault["kind"] for group in groups() for fault in group["faults"])
    assert set(kinds) == set(FAULTS)


def test_every_way_is_drawn():
    assert {group["management"] for group in groups()} == set(MANAGEMENT)
    pulls = [group for group in groups() if group["delivery"] == "pull"]
    assert {group["transport"] for group in pulls} == set(TRANSPORTS)
    pushed = {group["management"] for group in groups() if group["delivery"] == "push"}
    assert pushed == set(MANAGEMENT)
    assert {group["profile"] for group in groups()} == {"oma", "anjay", "zephyr"}


def test_faults_meet_in_one_device():
    assert max(len(group["faults"]) for group in groups()) >= 3
    assert any("chaos" in document.get("server", {}) for document in drawn())
    assert any("chaos" in document["firmware"] for document in drawn())


def test_what_cannot_be_is_dropped_and_what_is_wrong_is_told():
    fine = {"kind": "image-corrupt"}
    group = {"count": 1, "faults": [{"kind": "flash-too-small", "capacity": "1 MiB"}, fine, {"kind": "bad-magic"}]}
    document = valid({"run": {"seed": 1}, "groups": {"a": group}})
    assert document["groups"]["a"]["faults"] in ([fine], [{"kind": "bad-magic"}])
    with pytest.raises(ScenarioError):
        valid({"run": {"seed": -1}, "groups": {"a": {"count": 1}}})


def test_the_packages_are_those_of_a_run(tmp_path):
    firmware = loads("[groups.a]\ncount = 1\n[firmware]\nsize = '2 KiB'").firmware
    made = make_packages(firmware, 0, tmp_path, tuple(VARIANTS))
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert contents(made.size, firmware.model, firmware.version) == files
