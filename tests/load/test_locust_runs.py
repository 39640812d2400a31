"""Whole runs under Locust: what it counts is what was recorded, whoever is killed on the way."""

from __future__ import annotations

import signal
import time
from collections import Counter

import psutil
import pytest

from reports.read import read_run
from tests.load.locust_runs import locust
from tests.sizes import sized

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

QUICK = """
[run]
duration_max = "60 s"
[firmware]
size = "8 KiB"
[devices]
boot_time = "50 ms"
install_time = "50 ms"
[groups.pull]
count = 20
delivery = "pull"
transport = "http"
[groups.push]
count = 20
delivery = "push"
[[groups.push.faults]]
kind = "image-corrupt"
count = 4
[campaign]
timeout = "25 s"
[arrivals]
kind = "rate"
rate = "40/s"
[criteria]
failed_max = 0
unknown_max = 0
as_declared_min = "100 %"
"""
SLOW = QUICK.replace('boot_time = "50 ms"', 'boot_time = "50 ms"\nthink_time = "500 ms"')
"""The same, but a push takes some seconds, in which somebody can be killed."""


@pytest.fixture
def start(tmp_path, free_port):
    started = []

    def begin(scenario, *options, workers=0, name="a"):
        directory = tmp_path / name
        directory.mkdir()
        processes = ("--processes", str(workers)) if workers else ()
        run = locust(directory, scenario, *options, *processes, port=free_port() if workers else 0)
        started.append(run)
        return run

    yield begin
    for run in started:
        run.end()


def recorded(run):
    """How many of each the record has, by Locust's type and name."""
    tables = read_run(run.run).tables
    devices = tables["devices"].set_index("device")
    counts = Counter()
    names = {"register": "register", "update": "registration update", "deregister": "de-register"}
    for row in tables["registrations"].itertuples():
        counts["LwM2M", f"{names[row.operation]} {devices.management[row.device]}"] += 1
    for row in tables["transfers"].itertuples():
        counts["FOTA", f"{'download' if row.delivery == 'pull' else 'push'} {row.transport}"] += 1
        counts["HTTP" if row.transport == "http" else "CoAP", f"block {row.transport}"] += row.block_count
    for row in tables["updates"].itertuples():
        counts["FOTA", f"update {devices.transport[row.device]}"] += 1
    return {key: count for key, count in counts.items() if count}


def ends(run):
    """How each device ended, and what was injected into it."""
    tables = read_run(run.run).tables
    started = tables["devices"].set_index("device").fault.to_dict()
    ended = {row.device: (row.state, row.result, row.version) for row in tables["device_ends"].itertuples()}
    return {device: (started[device], *ended[device]) for device in started}


@pytest.mark.parametrize("workers", sized([3], [0, 3]))
def test_totals_are_those_of_the_record_and_nothing_is_left_behind(start, workers):
    run = start(QUICK, "--fleet-set", "firmware.processes=2", workers=workers)
    assert run.wait() == 0, run.text
    assert {one["name"] for one in run.manifest["processes"]} >= {"origin-0", "origin-1"}
    assert {key: row["num_requests"] for key, row in run.stats.items()} == recorded(run)
    assert sum(row["num_failures"] for row in run.stats.values()) == 0
    assert run.manifest["status"] == "complete"
    assert run.tree() == []


def test_one_and_three_workers_have_the_same_devices_faults_and_ends(start):
    one, three = start(QUICK, workers=1, name="one"), start(QUICK, workers=3, name="three")
    assert (one.wait(), three.wait()) == (0, 0), one.text + three.text
    assert len(ends(one)) == 40
    assert ends(one) == ends(three)


def test_a_criterion_that_does_not_hold_is_exit_code_1(start):
    run = start(QUICK.replace("failed_max = 0", 'failed_max = 0\nupdate_p95_max = "1 ms"'))
    assert run.wait() == 1, run.text


def test_a_bad_scenario_is_exit_code_2_before_anything_is_started(start):
    run = start(QUICK.replace("count = 4", "count = 400"), workers=1)
    assert run.wait() == 2
    assert run.tree() == []
    assert "groups.push.faults" in run.text
    assert "Traceback" not in run.text
    assert not run.run.exists()


def test_more_users_than_the_plan_can_have_are_told_so(start):
    run = start(QUICK, "--users", "50000000")
    assert run.wait() in (2, 3)
    assert "Traceback" not in run.text


@pytest.mark.parametrize(("option", "code"), sized([("fail", 3)], [("again", 1), ("fail", 3)]))
def test_a_worker_that_is_killed_takes_no_other_with_it(start, option, code):
    run = start(SLOW, "--lost-devices", option, workers=3)
    run.until(lambda: "All users spawned" in run.text or "report waittime" in run.text)
    time.sleep(2.5)  # the last device is due a second after it was leased, and the record is written once a second
    victim = run.workers[0]
    victim.send_signal(signal.SIGKILL)
    assert run.wait() == code, run.text
    lost = [line for line in run.text.splitlines() if "conductor: fleet" in line]
    assert len(lost) == 1, run.text
    name, count = lost[0].split("conductor: ")[1].split(" is lost, and ")
    ended = {device for device, end in ends(run).items() if end[1:3] in ((0, 1), (0, 5))}
    devices = read_run(run.run).tables["devices"]
    assert len(ended) >= 40 - int(count.split()[0])
    assert run.manifest["status"] == "cut short"
    assert name in run.manifest["reason"]
    assert set(devices.device) == set(range(40))
    assert run.tree() == []


def test_a_fleet_process_that_is_killed_is_started_anew_where_that_is_wanted(start):
    run = start(SLOW, "--fleet-restarts", "1", workers=2)
    run.until(lambda: "All users spawned" in run.text or "report waittime" in run.text)
    run.fleets[0].send_signal(signal.SIGKILL)
    assert run.wait() == 1, run.text
    assert "ended with -9, and 20 devices with it" in run.text
    assert any(process["name"].endswith("-again-1") for process in run.manifest["processes"])
    assert run.tree() == []


def test_without_its_master_nobody_goes_on(start):
    run = start(SLOW, workers=2)
    run.until(lambda: len(run.fleets) == 2)
    run.process.send_signal(signal.SIGKILL)
    run.process.wait()
    _, alive = psutil.wait_procs(run.tree(), timeout=100)
    assert alive == []


def test_ctrl_c_in_the_middle_leaves_a_readable_report(start):
    run = start(SLOW)
    run.until(lambda: "All users spawned" in run.text)
    run.process.send_signal(signal.SIGINT)
    assert run.wait() == 1, run.text
    assert run.manifest["status"] == "cut short"
    assert (run.run / "report.html").exists()
