"""Goal: a history that fails becomes a small scenario file, with a command that fails again."""

from __future__ import annotations

import pytest

from simulator.scenario import load
from tests.histories.__main__ import BROKEN, HOLDS, USAGE, main
from tests.histories.draw import draw
from tests.histories.shrink import shrunk
from tests.histories.soak import RAISED, Failed, command, kept, tried

FLASH = "simulator.device.flash.HashingFlash"


def carries(document, kind):
    return any(fault["kind"] == kind for group in document["groups"].values() for fault in group.get("faults", ()))


def test_only_what_is_needed_is_left():
    seed = next(seed for seed in range(200) if carries(draw(seed), "image-corrupt"))
    small = shrunk(draw(seed), lambda document: carries(document, "image-corrupt"))
    [group] = small["groups"].values()
    assert group == {"count": 1, "faults": [{"kind": "image-corrupt"}]}
    assert set(small) == {"run", "firmware", "groups", "criteria"}
    assert small["firmware"] == {"size": "0 B"}


def test_figures_become_smaller_as_far_as_they_may():
    group = {"count": 1, "lifetime": "57.3 s"}
    document = {"run": {}, "criteria": {}, "firmware": {"size": "4096 B"}, "groups": {"a": group}}

    def breaks(one):
        long = float(one["groups"]["a"].get("lifetime", "0 s").split()[0]) >= 12
        return long and int(one["firmware"]["size"].split()[0]) >= 100

    small = shrunk(document, breaks)
    assert small["groups"]["a"]["lifetime"] == "12 s"
    assert small["firmware"]["size"] == "100 B"


def test_it_stops_when_enough_was_tried():
    asked = []
    shrunk(draw(3), lambda document: bool(asked.append(document)), tries=7)
    assert len(asked) == 7


def wide(flash, data):
    """A flash without a bound."""
    flash.written += len(data)
    flash._head += data[: max(256 - flash.written + len(data), 0)]


@pytest.mark.slow
def test_a_failing_seed_becomes_a_file_that_fails(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(f"{FLASH}.write", wide)
    monkeypatch.setattr(f"{FLASH}.reserve", lambda flash, size: None)
    failures = [failed for failed in tried(range(30)) if failed.invariant == "capacity"]
    assert failures
    told: list[str] = []
    kept(failures[:1], tmp_path, told.append)
    [file] = tmp_path.iterdir()
    assert file.name == f"seed-{failures[0].seed}.toml"
    assert command(file) in told[-1]
    scenario = load(file)
    assert scenario.devices == 1
    assert sum(len(group.faults) for group in scenario.groups.values()) <= 1
    assert "capacity at" in file.read_text()
    assert main([str(file)]) == BROKEN
    assert "capacity at" in capsys.readouterr().out
    monkeypatch.undo()
    assert main([str(file)]) == HOLDS


def test_a_history_that_falls_down_is_a_failure(monkeypatch):
    def fall(*_):
        raise LookupError("the world is gone")

    monkeypatch.setattr("tests.histories.judge.live", fall)
    assert tried(range(2)) == [Failed(seed, RAISED, "LookupError: the world is gone") for seed in range(2)]


def test_the_command(tmp_path, capsys):
    assert main(["--seeds", "4", "--jobs", "1", "--out", str(tmp_path)]) == HOLDS
    output = capsys.readouterr()
    assert "4 histories from seed 0 on" in output.out
    assert "4 of 4 histories, 0 failed" in output.err
    assert list(tmp_path.iterdir()) == []
    bad = tmp_path / "bad.toml"
    bad.write_text("[groups.a]\ncount = 0\n")
    assert main([str(bad)]) == USAGE
    for wrong in (["--seeds", "0"], ["--jobs", "0"], ["--first", "-1"]):
        with pytest.raises(SystemExit):
            main(wrong)
