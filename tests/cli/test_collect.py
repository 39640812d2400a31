"""Records that workers could not send: what is taken into a run, what is refused, and how the run stands then."""

from __future__ import annotations

import io
import json
import shutil

import pytest
from rich.console import Console

from simulator.cli.collect import collect_records
from simulator.cli.failure import CommandFailedError
from simulator.load.spool import Spool
from simulator.recorder.losses import Loss, with_losses

SCENARIO = "[groups.g]\ncount = 1\n"
PLAN = {"scenario": "/somewhere/s.toml", "set": [], "devices": 2, "seed": 7, "package_bytes": 9, "tally": False}
RECORD = Loss("the record of fleet-1 is not here", record_of="fleet-1")
DEVICES = Loss("fleet-1 is lost, and 2 devices with it")
PART = "parts/states/fleet-1-000000.parquet"


@pytest.fixture
def run(tmp_path):
    """A run directory whose second worker's record did not come."""
    directory = tmp_path / "run"
    (directory / "parts" / "states").mkdir(parents=True)
    (directory / "logs").mkdir()
    (directory / "scenario.toml").write_text(SCENARIO)
    (directory / "plan.json").write_text(json.dumps(PLAN))
    lose(directory, RECORD)
    return directory


def lose(directory, *losses, status="complete"):
    """Give a run an end with these losses."""
    manifest = {"t0": 12.5, "seed": 7, "ended": "x", **with_losses(status, "", losses)}
    (directory / "manifest.json").write_text(json.dumps(manifest))


@pytest.fixture
def copy(tmp_path):
    """A copy of what the worker kept, as its spool has it."""
    plan = {"name": "fleet-1", "directory": "/there/run", "t0": 12.5, "unix0": 0.0, "boot": "another"}
    spool = Spool({**plan, "plan": PLAN, "scenario": SCENARIO})
    (spool.directory / "parts" / "states").mkdir()
    (spool.directory / PART).write_bytes(b"rows of the worker")
    (spool.directory / "logs" / "fleet-1.log").write_bytes(b"a line\n")
    note = {"tables": {"states": {"rows": 3, "parts": 1}}}
    (spool.directory / "parts" / "fleet-1.closed.json").write_text(json.dumps(note))
    shutil.copytree(spool.directory, tmp_path / "copy")
    spool.remove()
    return tmp_path / "copy"


def collected(run, *copies):
    """The exit code, what was printed, and how the run stands."""
    out = io.StringIO()
    code = collect_records(run, list(copies), Console(file=out, width=200))
    manifest = json.loads((run / "manifest.json").read_text())
    return code, out.getvalue(), (manifest["status"], manifest["reason"])


def refused(run, *copies):
    """The exit code and the words with which it was refused; nothing may have changed."""
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    with pytest.raises(CommandFailedError) as error:
        collect_records(run, list(copies), Console(file=io.StringIO()))
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    return error.value.code, str(error.value)


def test_a_record_comes_in_once_and_the_run_is_whole(run, copy):
    code, out, stands = collected(run, copy)
    assert (code, stands) == (0, ("complete", ""))
    assert "fleet-1: 3 files taken, 0 completed, 0 were here already" in out
    assert f"lwm2m-fleet report {run}" in out
    assert (run / PART).read_bytes() == b"rows of the worker"
    manifest = (run / "manifest.json").read_bytes()
    code, out, _ = collected(run, copy)
    assert code == 0
    assert "fleet-1: 0 files taken, 0 completed, 3 were here already" in out
    assert (run / "manifest.json").read_bytes() == manifest


def test_what_was_sent_in_part_is_completed(run, copy):
    (run / PART).write_bytes(b"rows of")
    code, out, stands = collected(run, copy)
    assert (code, stands) == (0, ("complete", ""))
    assert "2 files taken, 1 completed, 0 were" in out
    assert (run / PART).read_bytes() == b"rows of the worker"


def test_lost_devices_stay_lost(run, copy):
    lose(run, DEVICES, RECORD)
    code, out, stands = collected(run, copy)
    assert (code, stands) == (0, ("cut short", DEVICES.what))
    assert f"The run is cut short: {DEVICES.what}" in out


def test_a_file_with_other_content_is_left_as_it_is(run, copy):
    (run / PART).write_bytes(b"something else")
    code, out, stands = collected(run, copy)
    assert (code, stands) == (1, ("cut short", RECORD.what))
    assert f"Left out: {PART} is in the run already, with other content" in out
    assert (run / PART).read_bytes() == b"something else"


def test_files_of_another_process_are_left_out(run, copy):
    (copy / "logs" / "fleet-10.log").write_bytes(b"x")
    code, out, _ = collected(run, copy)
    assert code == 1
    assert "Left out: logs/fleet-10.log is not of fleet-1" in out
    assert not (run / "logs" / "fleet-10.log").exists()


@pytest.mark.parametrize(
    ("gone", "told"),
    [
        ("parts/fleet-1.closed.json", "fleet-1: it has no closing note: it was killed, or was still running"),
        (PART, "fleet-1: 0 of 1 parts of its table states are here"),
    ],
)
def test_a_copy_that_is_not_whole_makes_nothing_good(run, copy, gone, told):
    (copy / gone).unlink()
    code, out, stands = collected(run, copy)
    assert (code, stands) == (0, ("cut short", RECORD.what))
    assert f"Not all is here: {told}" in out


def test_a_run_without_an_end_gets_the_files_and_keeps_its_manifest(run, copy):
    (run / "manifest.json").write_text(json.dumps({"t0": 12.5, "seed": 7, "status": "running", "reason": ""}))
    code, out, stands = collected(run, copy)
    assert (code, stands) == (0, ("running", ""))
    assert "collect again when it has ended" in out
    assert (run / PART).exists()


@pytest.mark.parametrize(
    ("file", "key", "value", "told"),
    [
        ("spool.json", "t0", 13.5, "t0, the start by the clock of the master, is 13.5 there and 12.5 in the run"),
        ("plan.json", "seed", 8, "seed is 8 there and 7 in the run"),
        ("plan.json", "set", ["x=1"], "plan.json has set ['x=1'] there and [] in the run"),
        ("scenario.toml", "", "", "scenario.toml is another one"),
    ],
)
def test_what_belongs_to_another_run_is_refused_with_its_differences(run, copy, file, key, value, told):
    path = copy / file
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}) if key else "[groups.other]\n")
    code, words = refused(run, copy)
    assert code == 2
    assert words.endswith(f"fleet-1 recorded it for run; {told}")


def test_one_wrong_directory_of_several_stops_all(run, copy, tmp_path):
    code, words = refused(run, copy, tmp_path / "nothing")
    assert code == 2
    assert words == (
        f"{tmp_path / 'nothing' / 'spool.json'}: No such file or directory; "
        "name a copy of the directory that a worker has told"
    )


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"process": "fleet-1"}'])
def test_a_damaged_directory_is_refused(run, copy, text):
    (copy / "spool.json").write_text(text)
    assert refused(run, copy)[0] == 2


def test_a_directory_that_is_no_run_is_refused(copy):
    code, words = refused(copy, copy)
    assert (code, words.endswith("manifest.json: No such file or directory; name the directory of a run")) == (2, True)


def test_a_place_that_cannot_be_written_is_told(run, copy):
    (run / "parts" / "states").rmdir()
    (run / "parts" / "states").write_bytes(b"in the way")
    with pytest.raises(CommandFailedError, match="mend that and collect again") as error:
        collect_records(run, [copy], Console(file=io.StringIO()))
    assert error.value.code == 3
    assert str(error.value).startswith(str(run / "parts" / "states"))
