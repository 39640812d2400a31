"""Where a worker records, and how its files come to the master."""

from __future__ import annotations

import hashlib
import json
import time

import pytest

from simulator.load.living import boot_id
from simulator.load.spool import Spool, take_chunk
from simulator.recorder.sent import CHUNK


@pytest.fixture
def run(tmp_path):
    directory = tmp_path / "run"
    (directory / "parts").mkdir(parents=True)
    (directory / "logs").mkdir()
    (directory / "manifest.json").write_text(json.dumps({"t0": 12.5}), encoding="utf-8")
    return directory


def plan_of(directory, **values):
    plan = {"name": "fleet-1", "directory": str(directory), "t0": 12.5, "unix0": time.time() - 3.0, "boot": boot_id()}
    return {**plan, "plan": {"seed": 1, "scenario": "x"}, "scenario": "[groups.g]\ncount = 1\n", **values}


def test_on_the_machine_of_the_master_it_is_the_run_directory(run):
    spool = Spool(plan_of(run))
    assert (spool.shared, spool.directory, spool.t0) == (True, run, 12.5)
    assert list(spool.chunks()) == []


@pytest.mark.parametrize("t0", [12.6, None, "x"])
def test_a_directory_of_another_run_is_not_the_right_one(run, t0):
    (run / "manifest.json").write_text(json.dumps({"t0": t0}), encoding="utf-8")
    assert not Spool(plan_of(run)).shared


def test_elsewhere_it_has_what_a_fleet_process_needs(tmp_path):
    spool = Spool(plan_of(tmp_path / "not-there"))
    plan = json.loads((spool.directory / "plan.json").read_text(encoding="utf-8"))
    assert plan["seed"] == 1
    assert plan["scenario"] == str(spool.directory / "scenario.toml")
    assert (spool.directory / "scenario.toml").read_text(encoding="utf-8").startswith("[groups.g]")


def test_the_clock_of_another_machine_is_set_by_the_time_of_day(tmp_path):
    spool = Spool(plan_of(tmp_path, boot="another"))
    assert time.monotonic() - spool.t0 == pytest.approx(3.0, abs=1.0)


def test_files_arrive_byte_for_byte(run, tmp_path):
    spool = Spool(plan_of(tmp_path / "not-there"))
    data = bytes(range(256)) * (CHUNK // 100)
    (spool.directory / "parts" / "devices").mkdir()
    (spool.directory / "parts" / "devices" / "fleet-1-000001.parquet").write_bytes(data)
    (spool.directory / "logs" / "fleet-1.log").write_bytes(b"a line\n")
    chunks = list(spool.chunks())
    assert len(chunks) == 1 + -(-len(data) // CHUNK)
    for chunk in chunks:
        take_chunk(run, chunk)
    assert (run / "parts" / "devices" / "fleet-1-000001.parquet").read_bytes() == data
    assert (run / "logs" / "fleet-1.log").read_bytes() == b"a line\n"


def test_a_file_is_there_only_when_its_last_piece_has_come(run, tmp_path):
    spool = Spool(plan_of(tmp_path / "not-there"))
    (spool.directory / "parts" / "fleet-1.closed.json").write_bytes(bytes(CHUNK + 1))
    (spool.directory / "logs" / "fleet-1.log").write_bytes(b"")
    first, last, log = spool.chunks()
    take_chunk(run, first)
    assert not (run / "parts" / "fleet-1.closed.json").exists()
    for chunk in (last, log):
        take_chunk(run, chunk)
    assert (run / "parts" / "fleet-1.closed.json").stat().st_size == CHUNK + 1
    assert (run / "logs" / "fleet-1.log").read_bytes() == b""


def test_a_file_that_came_damaged_or_over_another_one_is_refused(run):
    sha256 = hashlib.sha256(b"new").hexdigest()
    chunk = {"path": "parts/devices/fleet-1-000000.parquet", "at": 0, "data": b"new", "sha256": sha256}
    with pytest.raises(ValueError, match="as it was sent"):
        take_chunk(run, {**chunk, "data": b"now"})
    there = run / chunk["path"]
    there.write_bytes(b"old")
    with pytest.raises(ValueError, match="other content"):
        take_chunk(run, chunk)
    assert there.read_bytes() == b"old"


def test_what_is_sent_is_removed_and_what_is_shared_stays(run, tmp_path):
    own, shared = Spool(plan_of(tmp_path / "not-there")), Spool(plan_of(run))
    for spool in (own, shared):
        spool.remove()
    assert not own.directory.exists()
    assert run.exists()


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "parts/../../x",
        "manifest.json",
        "parts/",
        "parts/.x",
        "/etc/passwd",
        "a/b",
        "parts/a/b/c",
        "logs/a/b",
        "logs/a.tmp",
    ],
)
def test_a_file_for_another_place_is_refused(run, path):
    with pytest.raises(ValueError, match="no file"):
        take_chunk(run, {"path": path, "at": 0, "data": b"x"})
