"""Files of a worker come whole, in their place, and never over something else."""

from __future__ import annotations

import json

import pytest

from simulator.recorder.sent import CHUNK, Fit, files_of, gap_of, processes_of, put

LONG = bytes(range(256)) * (CHUNK // 128)


@pytest.mark.parametrize(
    ("there", "ours", "fit", "after"),
    [
        (None, b"new", Fit.NEW, b"new"),
        (b"", b"new", Fit.REST, b"new"),
        (LONG[: CHUNK + 7], LONG, Fit.REST, LONG),
        (LONG, LONG, Fit.SAME, LONG),
        (LONG, LONG[:-1], Fit.LESS, LONG),
        (b"old", b"new", Fit.OTHER, b"old"),
        (LONG[:CHUNK] + b"x", LONG, Fit.OTHER, LONG[:CHUNK] + b"x"),
    ],
)
def test_what_is_there_only_grows(tmp_path, there, ours, fit, after):
    source, path = tmp_path / "ours", tmp_path / "parts" / "there"
    source.write_bytes(ours)
    if there is not None:
        path.parent.mkdir()
        path.write_bytes(there)
    assert put(source, path) is fit
    assert path.read_bytes() == after
    assert [one.name for one in path.parent.iterdir()] == ["there"]


def worker(directory, notes=("fleet-1",), parts=2):
    """A worker's directory, with a closing note of each of these processes that tells of two parts."""
    (directory / "parts" / "states").mkdir(parents=True)
    (directory / "logs").mkdir()
    for number in range(parts):
        (directory / "parts" / "states" / f"fleet-1-{number:06d}.parquet").write_bytes(b"rows")
    for process in notes:
        note = {"tables": {"states": {"rows": 9, "parts": 2}}}
        (directory / "parts" / f"{process}.closed.json").write_text(json.dumps(note))
    return directory


def test_only_files_that_a_worker_has_are_its(tmp_path):
    directory = worker(tmp_path)
    (directory / "logs" / "fleet-1.log").write_bytes(b"")
    for stray in ("plan.json", "parts/states/fleet-1-000002.parquet.tmp", "parts/.DS_Store", "logs/a b"):
        (directory / stray).write_bytes(b"x")
    (directory / "logs" / "link.log").symlink_to("/etc/hostname")
    assert list(files_of(directory)) == [
        "parts/fleet-1.closed.json",
        "parts/states/fleet-1-000000.parquet",
        "parts/states/fleet-1-000001.parquet",
        "logs/fleet-1.log",
    ]
    assert processes_of(directory) == {"fleet-1"}


@pytest.mark.parametrize(
    ("values", "gap"),
    [
        ({}, ""),
        ({"parts": 1}, "1 of 2 parts of its table states are here"),
        ({"notes": ()}, "it has no closing note: "),
        ({"notes": ("fleet-10",)}, "it has no closing note: "),
    ],
)
def test_what_is_missing_of_a_record_is_told(tmp_path, values, gap):
    found = gap_of(worker(tmp_path, **values), "fleet-1")
    assert found.startswith(gap)
    assert bool(found) is bool(gap)


@pytest.mark.parametrize("note", ["", "[]", "{}", '{"tables": {"states": 1}}'])
def test_a_closing_note_that_is_damaged_is_told(tmp_path, note):
    directory = worker(tmp_path)
    (directory / "parts" / "fleet-1.closed.json").write_text(note)
    assert gap_of(directory, "fleet-1") == "its closing note cannot be read"
