"""What is missing from a run directory, or odd, gives a page with right counts and is told of."""

import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reports.read import read_run
from tests.reports.odd_runs import FORMATS, reported, rewrite, some
from tests.reports.synthetic import Device, Written, scenario


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "run"


# -- runs that are odd, and whole --------------------------------------------------------------------------------------


def with_empty_groups():
    plan = scenario(some(4))
    plan["groups"] |= {"empty": {"count": 0, "delivery": "pull"}, "late": {"count": 3, "delivery": "push"}}
    return Written(some(4), scenario=plan)


@pytest.mark.parametrize(
    ("written", "counts", "planned", "note"),
    [
        (Written(some(1)), (1, 0, 0), 1, None),
        (Written([Device(k, unreached="no answer") for k in range(3)]), (0, 0, 3), 3, "never registered: no answer."),
        (Written([], fleet_health=[], server_health=[]), (0, 0, 0), None, None),
        (with_empty_groups(), (4, 0, 0), 7, "Of 7 planned devices only 4 were switched on."),
    ],
    ids=["one device", "no update, transfer or state", "nothing", "empty groups"],
)
def test_a_small_run_has_every_form_of_its_report(directory, written, counts, planned, note):
    code, found, _ = reported(written.write(directory), ",".join(FORMATS))
    assert code == 0
    assert all((directory / name).stat().st_size for name in FORMATS.values())
    assert any((directory / "tables").glob("*.csv"))
    overall = found["outcomes"]["overall"]
    assert (overall["ok"], overall["fail"], overall["unknown"]) == counts
    assert (found["run"]["devices"], found["run"]["devices_planned"]) == (len(written.devices), planned)
    assert found["run"]["missing"] == []
    page = (directory / "report.html").read_text()
    assert found["headline"] in page
    assert note is None or any(each.endswith(note) for each in found["notes"])
    assert all(each in page for each in found["notes"])


# -- runs of which something is missing --------------------------------------------------------------------------------


@pytest.mark.parametrize("process", ["fleet-0", "operator"])
def test_a_process_that_was_killed_is_told_of(directory, process):
    changes = {"close_fleet": process != "fleet-0", "close_operator": process != "operator"}
    written = Written(some(), criteria={"server_differs_max": 0}, **changes).write(directory)
    code, found, told = reported(written, "html,json" if process == "fleet-0" else "md,json")
    assert found["outcomes"]["overall"] == {"ok": 30, "fail": 0, "unknown": 0, "unended": 0}
    assert found["run"]["processes_killed"] == [process]
    page = directory / ("report.html" if process == "fleet-0" else "report.md")
    assert f"{process} was killed" in page.read_text()
    assert f"{process} was killed" in told
    # Nobody is accused by what is left, and nobody is acquitted.
    assert code == 1


def test_a_process_that_was_killed_before_its_first_part_leaves_no_table_whole(directory):
    Written(some(3)).write(directory)
    shutil.rmtree(directory / "parts")
    _, found, _ = reported(directory)
    assert found["run"]["processes_killed"] == ["fleet-0", "operator"]
    assert {"devices", "states", "transfers", "updates", "server_reports"} <= set(found["run"]["tables_incomplete"])
    assert "Of 3 planned devices only 0 were switched on." in found["notes"]


@pytest.mark.parametrize("table", ["devices", "states", "transfers", "updates", "health"])
def test_a_table_that_is_gone_is_counted(directory, table):
    Written(some(5), criteria={"failed_max": 0, "unknown_max": 0}).write(directory)
    rows = sum(pq.ParquetFile(part).metadata.num_rows for part in (directory / "parts" / table).iterdir())
    shutil.rmtree(directory / "parts" / table)
    code, found, _ = reported(directory)
    assert (found["run"]["rows_missing"], found["run"]["rows"][table]) == (rows, 0)
    assert found["run"]["tables_incomplete"] == [table]
    assert any(f"table {table}" in note for note in found["notes"])
    # The criteria are on updates, and cannot be relied on where one of these is not whole.
    assert code == (1 if table in ("devices", "updates") else 0)
    assert found["outcomes"]["overall"]["ok"] == (0 if table == "updates" else 5)


def flipped(whole):
    middle = len(whole) // 2
    return whole[: middle - 20] + bytes(byte ^ 0x55 for byte in whole[middle - 20 : middle + 20]) + whole[middle + 20 :]


def written_over(whole):
    return b"t,device\n1.0,2\n" * 20


@pytest.mark.parametrize(
    ("table", "damage"),
    [
        ("updates", flipped),
        ("updates", lambda whole: whole[: len(whole) // 2]),
        ("updates", lambda whole: b""),
        ("updates", written_over),
        ("transfers", flipped),
        ("devices", written_over),
    ],
    ids=["flipped", "truncated", "empty", "text", "flipped transfers", "text for devices"],
)
def test_a_part_that_is_damaged_is_left_out_and_told_of(directory, table, damage):
    Written(some(), criteria={"failed_max": 0, "unknown_max": 0}).write(directory)
    part = sorted((directory / "parts" / table).iterdir())[1]
    rows = pq.ParquetFile(part).metadata.num_rows
    part.write_bytes(damage(part.read_bytes()))
    code, found, _ = reported(directory)
    run = found["run"]
    assert (run["parts_unreadable"], run["rows_missing"], run["rows"][table]) == (1, rows, 30 - rows)
    assert run["tables_incomplete"] == [table]
    assert sum(part.name in note for note in found["notes"]) == 1
    lost = rows if table == "updates" else 0
    assert found["outcomes"]["overall"] == {"ok": 30 - lost, "fail": 0, "unknown": lost, "unended": lost}
    assert code == (0 if table == "transfers" else 1)


# -- parts with other columns ------------------------------------------------------------------------------------------


def test_a_column_that_is_not_known_is_passed_over(directory):
    Written(some(3)).write(directory)
    rewrite(directory, lambda table: table.append_column("mood", pa.array(["good"] * len(table))))
    assert read_run(directory).missing == []
    assert "mood" not in read_run(directory).tables["states"]


@pytest.mark.parametrize(
    "changed",
    [
        lambda table: table.set_column(2, "state", table["state"].cast(pa.string())),
        lambda table: table.set_column(2, "state", table["state"].cast(pa.float64())),
        lambda table: table.set_column(0, "t", pa.array([float("nan")] * len(table))),
        lambda table: table.set_column(0, "t", pa.array([float("inf")] * len(table))),
        lambda table: table.set_column(0, "t", pa.array([-0.5] * len(table))),
        lambda table: table.rename_columns(["t", "device", "state", "outcome", "cause"]),
    ],
    ids=["text for a number", "a fraction for a number", "no number", "endless", "before the run", "renamed"],
)
def test_a_part_with_other_columns_is_not_guessed_at(directory, changed):
    Written(some(3), flush_each=100).write(directory)
    part = rewrite(directory, changed)
    run = read_run(directory)
    assert (run.parts_unreadable, run.incomplete) == (1, {"states"})
    assert any(part.name in sentence for sentence in run.missing)


@pytest.mark.parametrize("begun", [-1.0, 1e6], ids=["before the run", "after its end"])
def test_a_part_with_a_transfer_out_of_time_is_not_guessed_at(directory, begun):
    Written(some(3), flush_each=100).write(directory)
    rewrite(directory, lambda table: table.set_column(4, "started", pa.array([begun] * len(table))), "transfers")
    run = read_run(directory)
    assert (run.parts_unreadable, run.incomplete) == (1, {"transfers"})
    # An update that was never begun is no such thing.
    rewrite(directory, lambda table: table.set_column(4, "started", pa.array([-1.0] * len(table))), "updates")
    assert read_run(directory).parts_unreadable == 1
