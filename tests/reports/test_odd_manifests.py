"""A record of another version, or with a manifest that nobody can read, gives an error that says what to do."""

import json
import shutil

import pytest

from reports.read import RunError, read_run
from simulator.events import SCHEMA_VERSION
from tests.cli.in_process import typed
from tests.reports.odd_runs import FORMATS, LATER, change, later, refused, reported, rewrite, some
from tests.reports.synthetic import Written, fleet_of, scenario


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "run"


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


def test_a_part_or_a_note_of_a_later_version_is_refused(directory):
    Written(some(3)).write(directory)
    note = directory / "parts/operator.closed.json"
    whole = note.read_text()
    note.write_text(json.dumps(json.loads(whole) | {"schema": LATER}))
    refused(directory, "operator.closed.json is of version", f"knows version {SCHEMA_VERSION} alone")
    note.write_text(whole)
    part = rewrite(directory, later)
    refused(directory, f"{part} is of version {LATER}", "or a later one")


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


@pytest.mark.parametrize(
    "plan",
    [
        5,
        {},
        {"scenario": 5, "set": [], "devices": None, "seed": 1},
        {"scenario": "gone.toml", "set": [1], "devices": None, "seed": 1},
        {"scenario": "gone.toml", "set": [], "devices": None, "seed": [1]},
        {"scenario": "gone.toml", "set": [], "devices": None, "seed": 1},
    ],
    ids=repr,
)
def test_a_plan_that_cannot_be_read_replays_no_device(directory, plan):
    Written(some(1)).write(directory)
    (directory / "plan.json").write_text(json.dumps(plan))
    (directory / "scenario.toml").write_bytes(b"\xff")
    code, told = typed("reproduce", directory, "--device", "vd-000000")
    assert (code, "Traceback" in told) == (2, False)
    assert any(name in told for name in ("plan.json", "scenario.toml", "is no run directory", "--set")), told
