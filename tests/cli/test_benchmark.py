"""A benchmark as a command: which runs, in which order, what is not run again, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simulator.cli import benchmark as module
from simulator.cli.benchmark import Benchmark, Options, jobs_of
from simulator.cli.failure import CommandFailedError
from simulator.scenario import load
from tests.cli.in_process import typed

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "scenarios" / "benchmark"
TRANSPORTS = {"coap", "coaps", "coap+tcp", "coaps+tcp", "http", "https"}
SMALL = """
[run]
duration_max = "{duration}"
[firmware]
size = "1 KiB"
[devices]
boot_time = "50 ms"
install_time = "50 ms"
[groups.coap]
count = 2
[groups.http]
count = 1
transport = "http"
[campaign]
timeout = "30 s"
[criteria]
failed_max = 0
"""


@pytest.fixture
def options(tmp_path):
    scenarios = tmp_path / "scenarios"
    scenarios.mkdir()
    for name, duration in (("a", "1 min"), ("b", "1 min"), ("slow", "2 h")):
        (scenarios / f"{name}.toml").write_text(SMALL.format(duration=duration), encoding="utf-8")
    return Options(scenarios, tmp_path / "out", tmp_path / "runs", ("embedded", "leshan"), 3, 5)


def test_every_scenario_is_run_against_each_server_as_often_as_asked(options):
    jobs = jobs_of(options)
    assert len({job.name for job in jobs}) == len(jobs) == 18
    assert len({job.seed for job in jobs}) == 18


def test_the_order_is_random_and_that_of_the_seed(options):
    names = [job.name for job in jobs_of(options)]
    assert names == [job.name for job in jobs_of(options)]
    assert names != sorted(names)


def test_long_runs_come_last(options):
    assert [job.long for job in jobs_of(options)] == [False] * 12 + [True] * 6


def test_a_scenario_that_is_not_there_is_told_with_those_that_are(options):
    with pytest.raises(CommandFailedError, match=r"there is no c in .*; there are a, b, slow"):
        jobs_of(Options(**{name: getattr(options, name) for name in options.__slots__} | {"only": ("c",)}))


def test_a_directory_without_scenarios_is_told(tmp_path):
    code, text = typed("benchmark", tmp_path)
    assert (code, "holds no scenario" in text) == (2, True)


def test_a_server_that_cannot_be_started_again_and_again_is_told():
    code, text = typed("benchmark", SHIPPED, "--server", "external")
    assert (code, "a benchmark can start embedded, leshan, aiocoap" in text) == (2, True)


def whole(directory):
    directory.mkdir(parents=True)
    (directory / "manifest.json").write_text(json.dumps({"status": "complete"}), encoding="utf-8")
    (directory / "summary.json").write_text("{}", encoding="utf-8")


def test_what_is_there_is_not_run_again_and_what_fails_is_told(options, monkeypatch):
    jobs = jobs_of(options)[:3]
    whole(options.runs / jobs[1].name)
    (options.runs / jobs[2].name).mkdir()
    made = []

    def make(job, directory):
        made.append(job.name)
        return "" if job is jobs[0] else "its run ended with exit code 3"

    monkeypatch.setattr(module, "_make", make)
    said = []
    there, missing = Benchmark(options, said.append).run(jobs)
    assert made == [jobs[0].name, jobs[2].name]
    assert [one.run for one in there] == [jobs[0].name, jobs[1].name]
    assert [text.partition(": ")[2] for text in missing] == ["its run ended with exit code 3"]
    assert f"2 of 3  {jobs[1].name}: there already" in said


@pytest.mark.slow
def test_a_benchmark_ends_with_its_page(options, tmp_path):
    words = ["benchmark", options.scenarios, "--only", "a", "--repeat", "1", "--runs", options.runs, "--out"]
    code, text = typed(*words, tmp_path / "one")
    assert code == 0, text
    assert "| coap | 2 of 2 |" in (tmp_path / "one" / "README.md").read_text(encoding="utf-8")
    again, text = typed(*words, tmp_path / "two")
    assert (again, "there already" in text) == (0, True)


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.toml")), ids=lambda path: path.stem)
def test_a_shipped_scenario_has_all_transports_on_one_network(path):
    scenario = load(path)
    network, size = path.stem.rsplit("-", 1)
    groups = scenario.groups.values()
    assert {group.scheme for group in groups if group.delivery == "pull"} == TRANSPORTS
    assert [group.delivery for group in groups].count("push") == 1
    assert {group.network.profile for group in groups} == {network}
    assert len({group.count for group in groups}) == 1
    assert scenario.firmware.size == {"64k": 65536, "1m": 1 << 20}[size]
