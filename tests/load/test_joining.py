"""Workers that join and are lost in the middle of a ramp, each a command of its own as on machines of their own."""

from __future__ import annotations

import io
import re
import signal
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from reports.read import read_run
from simulator.cli.collect import collect_records
from tests.load.locust_runs import GATE, locust

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

DEVICES = 36
PER_SECOND = 4
SCENARIO = """
[run]
duration_max = "90 s"
[firmware]
size = "4 KiB"
[devices]
boot_time = "50 ms"
install_time = "50 ms"
[groups.pull]
count = 18
delivery = "pull"
[groups.push]
count = 18
delivery = "push"
think_time = "100 ms"
[campaign]
timeout = "15 s"
request_timeout = "5 s"
retries = 2
[criteria]
failed_max = 0
unknown_max = 0
"""
ELSEWHERE = Path(__file__).with_name("elsewhere.py")


@pytest.fixture
def start(tmp_path, free_port):
    """A function that starts a run with two workers, and when some devices run gives it and what lets a third join."""
    started = []

    def begin():
        options = ("--master", "--expect-workers", "2", "--spawn-rate", str(PER_SECOND))
        run = locust(tmp_path, SCENARIO, *options, port=free_port())
        started.append(run)
        run.join("one")
        run.join("two", ELSEWHERE)
        gate = tmp_path / "gate"
        run.join("late", ELSEWHERE, **{GATE: str(gate)})
        # What is recorded is some seconds behind what is spawned.
        run.until(lambda: len(begun(run, run.directory)) >= DEVICES // 5, seconds=120)
        return run, gate.touch

    yield begin
    for run in started:
        run.end()


def begun(run, where=None):
    """The devices that were started so far, in order, with the ``process`` in which they were."""
    parts = (where or run.run).rglob("parts/devices/*.parquet")
    rows = [pd.read_parquet(part).assign(process=part.stem.rpartition("-")[0]) for part in parts]
    return pd.concat(rows).sort_values("t", ignore_index=True) if rows else pd.DataFrame(columns=["device", "process"])


def once(rows):
    """Whether no device has two rows."""
    return rows.device.value_counts().max() == 1


def test_a_worker_that_joins_at_half_time_takes_new_devices_only(start):
    run, join = start()
    join()
    assert run.wait() == 0, run.text
    assert run.manifest["status"] == "complete"
    assert run.tree() == []
    rows, tables = begun(run), read_run(run.run).tables
    assert (len(rows), once(rows)) == (DEVICES, True)
    # From its first device on all new ones go to it, until it has as many as the others but for those of one turn.
    late, counts = "fleet-2", Counter({"fleet-0": 0, "fleet-1": 0, "fleet-2": 0})
    for process in rows.sort_values("device").process:
        behind = min(counts["fleet-0"], counts["fleet-1"]) - counts[late]
        assert process == late or not counts[late] or behind <= PER_SECOND
        counts[process] += 1
    assert 0 < counts[late] <= min(counts["fleet-0"], counts["fleet-1"]) + 1
    # Nobody was stopped before the end, and nobody registered but for a start or a reboot.
    ends, registrations = tables["device_ends"], tables["registrations"]
    assert (len(ends), once(ends)) == (DEVICES, True)
    assert ends.t.min() > tables["updates"].t.max()
    registers = registrations[registrations.operation == "register"].device.value_counts()
    assert registers.to_dict() == {row.device: row.boots for row in ends.itertuples()}
    assert once(registrations[registrations.operation == "deregister"])
    assert set(tables["updates"].outcome) == {"ok"}
    assert set(ends.result) == {1}


def test_a_worker_is_killed_in_the_ramp_and_another_one_joins(start):
    run, join = start()
    run.joined[1].send_signal(signal.SIGKILL)
    join()
    assert run.wait() == 1, run.text
    [spool] = run.directory.glob("two/lwm2m-fleet-*")
    [name] = {part.name.rpartition("-")[0] for part in spool.rglob("parts/devices/*.parquet")}
    there = set(begun(run, spool).device)
    lost = rf"{name} is lost, and (\d+) devices with it"
    leased = re.fullmatch(rf"{lost}; the record of {name} is not here", run.manifest["reason"])
    assert leased, run.manifest["reason"]
    assert 0 < len(there) <= int(leased[1])
    assert f"what {name} recorded stays in {spool} on " in run.text
    # All devices have run elsewhere, those of the killed worker once more.
    elsewhere = begun(run)
    assert (set(elsewhere.device), once(elsewhere)) == (set(range(DEVICES)), True)
    assert set(elsewhere.process) == {"fleet-0", "fleet-1", "fleet-2"} - {name}

    assert collect_records(run.run, [spool], Console(file=io.StringIO())) == 0
    assert re.fullmatch(lost, run.manifest["reason"])
    read = read_run(run.run)
    assert (read.missing, read.killed) == ([], [])
    rows = read.tables["devices"]
    assert set(rows[rows.device.duplicated()].device) == there
    ends, updates = read.tables["device_ends"], read.tables["updates"]
    assert set(ends.device) == set(updates.device) == set(range(DEVICES))
    # A device that was told to install and was gone before the server heard of the end has none to be found out.
    assert set(updates[updates.outcome != "ok"].device) <= there
