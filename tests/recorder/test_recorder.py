import errno
import json
import subprocess
import sys
import threading
import time

import pyarrow.parquet as pq
import pytest

from simulator.events import ServerReported, StateChanged
from simulator.recorder import files, parts, recorder
from simulator.recorder.recorder import Recorder


class Clock:
    def __init__(self):
        self.t = 0.0

    def __call__(self):
        return self.t


@pytest.fixture
def clock():
    return Clock()


def state(device, value=1):
    return StateChanged(1.0, device, value, 0, "write_uri")


def read_back(path):
    return [row for part in sorted(path.glob("*.parquet")) for row in pq.ParquetFile(part).read().to_pylist()]


def drained(one):
    """Wait until the writer has taken all that was flushed."""
    one.flush()
    one._batches.put({})
    while not one._batches.empty():
        pass


def test_rows_come_back_in_order_from_whole_parts(tmp_path, clock):
    one = Recorder(tmp_path, "fleet-0", clock)
    for device in range(10):
        one.emit(state(device))
        if device == 4:
            one.flush()
    one.emit(ServerReported(2.0, 3, "/5/0/3", "1", "notify"))
    one.close()
    assert one.error is None
    assert [row["device"] for row in read_back(tmp_path / "parts/states")] == list(range(10))
    assert sorted(path.name for path in (tmp_path / "parts/states").iterdir()) == [
        "fleet-0-000000.parquet",
        "fleet-0-000001.parquet",
    ]
    note = json.loads((tmp_path / "parts/fleet-0.closed.json").read_text())
    assert note["tables"] == {"server_reports": {"rows": 1, "parts": 1}, "states": {"rows": 10, "parts": 2}}
    assert (note["lost"], note["error"]) == (0, "")


def test_poll_flushes_after_its_interval_only(tmp_path, clock):
    one = Recorder(tmp_path, "fleet-0", clock, flush_s=1.0)
    one.emit(state(0))
    clock.t = 0.9
    one.poll()
    assert one._rows
    clock.t = 1.0
    one.poll()
    assert not one._rows
    one.poll(5.0)
    one.close()
    assert len(read_back(tmp_path / "parts/states")) == 1


def test_many_rows_do_not_wait_for_poll(tmp_path, clock):
    one = Recorder(tmp_path, "fleet-0", clock, rows_max=3)
    for device in range(7):
        one.emit(state(device))
    assert [len(rows) for rows in one._rows.values()] == [1]
    one.close()
    assert len(list((tmp_path / "parts/states").iterdir())) == 3


def test_killed_process_leaves_what_it_flushed_and_no_note(tmp_path, clock):
    one = Recorder(tmp_path, "fleet-0", clock)
    one.emit(state(0))
    drained(one)
    one.emit(state(1))
    assert not list((tmp_path / "parts").glob("*.json"))
    one.close()


def test_kill_9_loses_only_what_was_not_flushed(tmp_path):
    program = (
        "import os, pathlib, signal, sys, time\n"
        "from simulator.events import StateChanged\n"
        "from simulator.recorder.recorder import Recorder\n"
        "recorder = Recorder(pathlib.Path(sys.argv[1]), 'fleet-0', time.monotonic)\n"
        "for device in range(1000):\n"
        "    recorder.emit(StateChanged(0.0, device, 1, 0, ''))\n"
        "    if device % 100 == 99 and device < 950:\n"
        "        recorder.flush()\n"
        "print('emitted', flush=True)\n"
        "time.sleep(60)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE)
    assert child.stdout.readline() == b"emitted\n"
    last = tmp_path / "parts/states/fleet-0-000008.parquet"
    deadline = time.monotonic() + 30
    while not last.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    child.kill()
    child.communicate()
    assert [row["device"] for row in read_back(tmp_path / "parts/states")] == list(range(900))
    assert not list((tmp_path / "parts").glob("*.json"))


def test_nothing_recorded_still_leaves_a_note(tmp_path, clock):
    Recorder(tmp_path, "origin", clock).close()
    assert json.loads((tmp_path / "parts/origin.closed.json").read_text())["tables"] == {}


def test_close_twice_and_events_after_it(tmp_path, clock):
    one = Recorder(tmp_path, "fleet-0", clock)
    one.close()
    one.emit(state(0))
    one.flush()
    one.close()
    assert one.lost == 1


@pytest.mark.parametrize("name", ["", "a/b", "..", "-x", "a b", "x" * 65])
def test_process_name_must_fit_a_file_name(tmp_path, clock, name):
    with pytest.raises(ValueError, match="process name"):
        Recorder(tmp_path, name, clock)


def test_two_recorders_of_one_name_are_refused(tmp_path, clock):
    one = Recorder(tmp_path, "fleet-1", clock)
    one.emit(state(0))
    drained(one)
    with pytest.raises(FileExistsError, match="fleet-1"):
        Recorder(tmp_path, "fleet-1", clock)
    one.close()
    with pytest.raises(FileExistsError):
        Recorder(tmp_path, "fleet-1", clock)
    Recorder(tmp_path, "fleet", clock).close()


def test_full_disk_is_kept_told_once_and_not_raised(tmp_path, clock, monkeypatch):
    def full(table, path, **options):
        path.write_bytes(b"half a part")
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    told = []
    one = Recorder(tmp_path, "fleet-0", clock, on_error=lambda error: told.append((error, threading.current_thread())))
    one.emit(state(0))
    drained(one)
    monkeypatch.setattr(parts, "write_table", full)
    for device in range(3):
        one.emit(state(device))
        one.flush()
    one.emit(state(9))
    one.close()
    assert isinstance(one.error, OSError)
    assert one.error.errno == errno.ENOSPC
    assert [error for error, _ in told] == [one.error]
    assert told[0][1] is not threading.main_thread()
    assert one.lost == 4
    assert [path.name for path in (tmp_path / "parts/states").iterdir()] == ["fleet-0-000000.parquet"]
    note = json.loads((tmp_path / "parts/fleet-0.closed.json").read_text())
    assert note["tables"] == {"states": {"rows": 1, "parts": 1}}
    assert note["lost"] == 4
    assert "No space left on device" in note["error"]


def test_disk_too_full_for_the_note(tmp_path, clock, monkeypatch):
    def full(path, value, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(recorder, "write_json", full)
    one = Recorder(tmp_path, "fleet-0", clock)
    one.close()
    assert isinstance(one.error, OSError)


def test_directory_that_cannot_be_made(tmp_path, clock):
    (tmp_path / "parts").write_text("in the way")
    with pytest.raises(OSError, match="parts"):
        Recorder(tmp_path, "fleet-0", clock)


def test_directory_that_disappears(tmp_path, clock):
    one = Recorder(tmp_path / "run", "fleet-0", clock)
    (tmp_path / "run/parts").rmdir()
    one.emit(state(0))
    one.close()
    assert isinstance(one.error, FileNotFoundError)
    assert one.lost == 1


def test_value_of_a_wrong_type_ends_recording_and_is_named(tmp_path, clock):
    one = Recorder(tmp_path, "fleet-0", clock)
    one.emit(state("seven"))
    one.close()
    assert isinstance(one.error, TypeError)
    assert recorder.describe(one.error).startswith("TypeError: ")
    assert one.lost == 1


def test_disk_that_hangs_does_not_hang_the_owner(tmp_path, clock, monkeypatch):
    go = threading.Event()
    monkeypatch.setattr(parts, "write_table", lambda *args, **options: go.wait(30))
    one = Recorder(tmp_path, "fleet-0", clock)
    one.emit(state(0))
    one.close(timeout_s=0.01)
    assert isinstance(one.error, TimeoutError)
    go.set()
    one._writer.join(10)


def test_fsync(tmp_path, clock, monkeypatch):
    synced = []
    monkeypatch.setattr(files.os, "fsync", synced.append)
    one = Recorder(tmp_path, "fleet-0", clock, fsync=True)
    one.emit(state(0))
    one.close()
    assert len(synced) == 2
