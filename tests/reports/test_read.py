import errno
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reports.read import RunError, read_run
from simulator.events import EVENT_TYPES, StateChanged
from simulator.recorder import parts
from simulator.recorder.recorder import Recorder
from tests.reports.synthetic import Device, Written, fleet_of


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "run"


def some(count=30):
    return [Device(k, due=k / 10) for k in range(count)]


def test_whole_run(directory):
    run = read_run(Written(some()).write(directory))
    assert (run.missing, run.killed, run.incomplete, run.rows_missing, run.parts_unreadable) == ([], [], set(), 0, 0)
    assert set(run.tables) == {event_type.table for event_type in EVENT_TYPES}
    assert len(run.tables["devices"]) == 30
    assert len(run.tables["server_registrations"]) == 0
    assert "kind" in run.tables["server_registrations"].columns
    for table in run.tables.values():
        assert table["t"].is_monotonic_increasing


def test_block_latencies_stay_with_their_transfers(directory):
    devices = [Device(k, due=5 - k, blocks=list(range(k * 10, k * 10 + k))) for k in range(5)]
    run = read_run(Written(devices).write(directory))
    transfers = run.tables["transfers"]
    for k in range(5):
        own = transfers[transfers["device"] == k]
        assert run.blocks_of(own).tolist() == list(range(k * 10, k * 10 + k))
    assert run.blocks_of(transfers[transfers["device"].isin([1, 3])]).tolist() == [30, 31, 32, 10]


def test_killed_process(directory):
    run = read_run(Written(some(), close_fleet=False).write(directory))
    assert run.killed == ["fleet-0"]
    assert any("fleet-0 was killed" in sentence for sentence in run.missing)
    assert {"devices", "states", "transfers"} <= run.incomplete
    assert "updates" not in run.incomplete


def test_process_of_the_manifest_that_left_nothing(directory):
    written = Written(some(1)).write(directory)
    manifest = json.loads((written / "manifest.json").read_text())
    manifest["processes"].append({"name": "fleet-1", "role": "fleet", "pid": 9})
    manifest["processes"].append({"name": "java", "role": "server", "pid": 9, "records": False})
    (written / "manifest.json").write_text(json.dumps(manifest))
    assert read_run(written).killed == ["fleet-1"]


@pytest.mark.parametrize("damage", [b"", b"PAR1", b"\x00" * 500, "half", "flip"])
def test_damaged_part(directory, damage):
    Written(some()).write(directory)
    part = sorted((directory / "parts/updates").iterdir())[1]
    whole = part.read_bytes()
    rows = pq.ParquetFile(part).metadata.num_rows
    if damage == "half":
        damage = whole[: len(whole) // 2]
    elif damage == "flip":
        damage = whole[:-20] + bytes(byte ^ 0x55 for byte in whole[-20:])
    part.write_bytes(damage)
    run = read_run(directory)
    assert run.parts_unreadable == 1
    assert run.rows_missing == rows
    assert run.incomplete == {"updates"}
    assert len(run.tables["updates"]) == 30 - rows
    assert any(part.name in sentence for sentence in run.missing)
    assert any(f"{rows} are not here" in sentence for sentence in run.missing)


def test_single_flipped_bit_of_data_is_found(directory):
    Written([Device(0, blocks=list(range(5000)))]).write(directory)
    (part,) = (directory / "parts/transfers").iterdir()
    whole = bytearray(part.read_bytes())
    group = pq.ParquetFile(part).metadata.row_group(0)
    columns = [group.column(at) for at in range(group.num_columns)]
    (column,) = (each for each in columns if each.path_in_schema.startswith("block_us"))
    whole[column.data_page_offset + column.total_compressed_size // 2] ^= 1
    part.write_bytes(whole)
    assert read_run(directory).parts_unreadable == 1


@pytest.mark.parametrize(
    "columns",
    [{"t": [1.0]}, {"t": ["x"], "device": [1], "state": [0], "result": [0], "cause": [""]},
     {"t": [None], "device": [1], "state": [0], "result": [0], "cause": [""]}],
)  # fmt: skip
def test_part_of_another_shape_is_unreadable(directory, columns):
    Written(some(3)).write(directory)
    pq.write_table(pa.table(columns), directory / "parts/states/other-000000.parquet")
    run = read_run(directory)
    assert run.parts_unreadable == 1
    assert len(run.tables["states"]) == 12


def test_part_that_disappeared(directory):
    Written(some(), close_fleet=False).write(directory)
    sorted((directory / "parts/states").iterdir())[1].unlink()
    assert any("fleet-0 wrote 1 part of table states more" in sentence for sentence in read_run(directory).missing)


def test_unfinished_and_foreign_files_are_passed_over(directory):
    Written(some(3)).write(directory)
    (directory / "parts/states/fleet-0-000009.parquet.tmp").write_bytes(b"half")
    (directory / "parts/states/notes.parquet").write_bytes(b"?")
    (directory / "parts/other").mkdir()
    run = read_run(directory)
    assert (run.parts_unreadable, run.missing) == (0, [])


def test_full_disk_is_told(directory, monkeypatch):
    Written([]).write(directory)

    def full(*args, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(parts, "write_table", full)
    recorder = Recorder(directory, "fleet-1", lambda: 0.0)
    for device in range(3):
        recorder.emit(StateChanged(0.0, device, 1, 0, ""))
    recorder.close()
    run = read_run(directory)
    assert run.rows_missing == 3
    assert "fleet-1 could not write 3 rows: No space left on device." in run.missing
    assert run.incomplete


def test_run_without_any_part(directory):
    Written([], fleet_health=[], server_health=[]).write(directory)
    run = read_run(directory)
    assert run.parts == 0
    assert all(table.empty for table in run.tables.values())
    assert run.blocks_us.size == 0


@pytest.mark.parametrize("note", ["", "[]", "{", '{"tables": 5, "lost": "x"}', '{"tables": {"states": 1}}'])
def test_odd_closing_note(directory, note):
    Written(some(2)).write(directory)
    (directory / "parts/fleet-0.closed.json").write_text(note)
    read_run(directory)


def test_no_run(directory, tmp_path):
    with pytest.raises(RunError, match=r"no manifest\.json"):
        read_run(directory)
    for text, message in [("{", "cannot be read"), ("[]", "no JSON object"), ("\udcff", "cannot be read")]:
        (tmp_path / "manifest.json").write_bytes(text.encode("utf-8", "surrogateescape"))
        with pytest.raises(RunError, match=message):
            read_run(tmp_path)


def test_manifest_of_odd_values(directory):
    Written(some(2)).write(directory)
    (directory / "manifest.json").write_text(
        '{"processes": 5, "scenario": [], "command": "x", "usage": {}, "seed": "a"}'
    )
    version, *others = read_run(directory).missing
    assert "does not tell the version of the record" in version
    assert [sentence.split()[-6].strip(";") for sentence in others] == [
        "command", "processes", "usage", "scenario", "seed",
    ]  # fmt: skip


def test_mixed_fleet_comes_back(directory):
    run = read_run(Written(fleet_of(200)).write(directory))
    assert len(run.blocks_us) == 200 * 64
