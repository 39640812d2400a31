"""What is wrong with a run directory, or odd, gives a page with right counts or an error that says what to do."""

import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reports.read import RunError, read_run
from simulator.events import SCHEMA_VERSION
from tests.cli.in_process import typed
from tests.reports.synthetic import Device, Written, fleet_of, scenario

FORMATS = {
    "html": "report.html", "md": "report.md", "csv": "tables", "json": "summary.json", "junit": "junit.xml",
    "xlsx": "report.xlsx",
}  # fmt: skip
LATER = SCHEMA_VERSION + 1


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "run"


def reported(directory, formats="json"):
    """Exit code, summary and output of ``lwm2m-fleet report``."""
    code, told = typed("report", directory, "--format", formats)
    assert "Traceback" not in told
    return code, json.loads((directory / "summary.json").read_text()), told


def refused(directory, *mentions):
    """The command says what is wrong, and writes nothing."""
    code, told = typed("report", directory)
    assert code == 2
    assert all(text in told for text in ("lwm2m-fleet: ", *mentions)), told
    assert "Traceback" not in told
    assert not (directory / "summary.json").exists()
    assert not (directory / "report.html").exists()


def change(directory, **values):
    path = directory / "manifest.json"
    manifest = json.loads(path.read_text()) | values
    path.write_text(json.dumps({key: value for key, value in manifest.items() if value is not KeyError}))


def some(count=30):
    return [Device(k, due=k / 10) for k in range(count)]


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


# -- records of another version ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [LATER, 1, 10**30])
def test_a_record_of_another_version_is_refused(directory, version):
    Written(some(2)).write(directory)
    change(directory, schema=version, versions={"lwm2m-fleet": "9.9.9"})
    refused(directory, f"of version {version} of the record", f"knows version {SCHEMA_VERSION} alone", "9.9.9")
    shutil.copytree(directory, other := directory.with_name("other"))
    (other / "plan.json").write_text("{}")
    (other / "scenario.toml").write_text("")
    for command in (
        ["compare", directory, other],
        ["reproduce", other, "--device", "vd-000000"],
        ["collect", other, other],
    ):
        code, told = typed(*command)
        assert (code, "Traceback" in told) == (2, False)
        assert f"of version {version} of the record" in told, command


@pytest.mark.parametrize("version", [KeyError, None, "3", {}, True, 2.5, 0])
def test_a_manifest_without_a_version_leaves_it_to_the_parts(directory, version):
    Written(some(3)).write(directory)
    change(directory, schema=version)
    _, found, _ = reported(directory)
    assert found["outcomes"]["overall"]["ok"] == 3
    (note,) = found["run"]["missing"]
    assert "does not tell the version of the record" in note
    rewrite(directory, later)
    (directory / "summary.json").unlink()
    refused(directory, f"of version {LATER} of the record", "states")


def rewrite(directory, changed, table="states"):
    """Write the first part of a table again, changed, without a trace of how it was."""
    part = min((directory / "parts" / table).iterdir())
    pq.write_table(changed(pq.read_table(part, partitioning=None)), part, write_page_checksum=True)
    return part


def later(table):
    return table.replace_schema_metadata({"lwm2m-fleet.schema": str(LATER)})


def test_a_part_or_a_note_of_a_later_version_is_refused(directory):
    Written(some(3)).write(directory)
    note = directory / "parts/operator.closed.json"
    whole = note.read_text()
    note.write_text(json.dumps(json.loads(whole) | {"schema": LATER}))
    refused(directory, "operator.closed.json is of version", f"knows version {SCHEMA_VERSION} alone")
    note.write_text(whole)
    part = rewrite(directory, later)
    refused(directory, f"{part} is of version {LATER}", "or a later one")


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


# -- manifests of odd values -------------------------------------------------------------------------------------------

KEYS = (
    "run", "status", "reason", "started", "ended", "t0", "seed", "command", "scenario", "server", "processes", "usage",
    "versions", "machine",
)  # fmt: skip


ODD = (None, "text", 5, [1, None, {"a": []}], {"a": [1]})


def counts_of(found):
    return [found["outcomes"]["overall"], found["results"], found["totals"]]


@pytest.fixture
def whole(directory):
    """The manifest of a run of which nothing is missing, and what a report of it counts."""
    Written(fleet_of(8)).write(directory)
    return json.loads((directory / "manifest.json").read_text()), counts_of(reported(directory)[1])


@pytest.mark.parametrize("place", range(len(KEYS)), ids=KEYS)
def test_an_odd_value_in_a_manifest_changes_no_count(directory, whole, place):
    manifest, expected = whole
    odd = next(value for value in ODD[place % 5 :] + ODD if type(value) is not type(manifest[KEYS[place]]))
    change(directory, **{KEYS[place]: odd})
    _, found, told = reported(directory)
    assert counts_of(found) == expected
    # The start by the clock of the run is for other programs.
    names = [KEYS[place]] if KEYS[place] != "t0" else []
    assert [note.split(" in the place of ")[1].split(";")[0] for note in found["run"]["missing"]] == names
    assert all(note in told.replace("\n", " ") for note in found["run"]["missing"])


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_a_manifest_of_nothing_but_odd_values_has_its_page(directory, whole, odd):
    change(directory, **dict.fromkeys(KEYS, odd))
    code, found, _ = reported(directory, ",".join(FORMATS) if odd == ODD[-1] else "json,md,csv")
    # Not even its status is known.
    assert code == 1
    if isinstance(odd, dict):
        # The plan says nothing of its groups, so that nothing else can be held against it.
        assert found["headline"] in (directory / "report.html").read_text()
    assert counts_of(found) == whole[1]


@pytest.mark.parametrize("odd", [5, "none", ["failed_max"], {"failed_max": {"a": [1]}}, {"mood_min": {"a": [1]}},
                                 {"failed_max": 10**400}, {"expressions": "fail == 0"}, {"expressions": [None, {}]}],
                         ids=repr)  # fmt: skip
def test_criteria_that_cannot_be_read_do_not_hold(directory, odd):
    Written(some(2), scenario=scenario(some(2)) | {"criteria": odd}).write(directory)
    code, found, _ = reported(directory, "json,md,junit")
    assert code == 1
    assert found["verdict"] == "does not hold"
    assert not any(one["holds"] for one in found["criteria"])


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"schema": 2', "\x00"])
def test_a_manifest_that_is_none_is_refused(directory, text):
    Written(some(1)).write(directory)
    (directory / "manifest.json").write_text(text)
    refused(directory, "manifest.json")
    with pytest.raises(RunError):
        read_run(directory)
