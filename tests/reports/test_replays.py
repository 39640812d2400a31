"""Devices that were not ok are named, each with the command that replays it."""

from __future__ import annotations

import shlex
from pathlib import Path

from reports import build
from reports.replays import MOST, shown
from tests.reports.synthetic import Device, Written


def bad(index, outcome="fail", reason="0/5"):
    return Device(index, server_end=(0, 5), outcome=outcome, reason=reason)


def test_sound_devices_are_not_named(summary):
    assert summary([Device(0), Device(1)]).not_ok == []


def test_each_reason_is_represented_before_any_comes_twice(summary):
    devices = [Device(0), *(bad(k) for k in range(1, 20)), bad(20, "unknown", "no answer"), bad(21, "fail", "rare")]
    found = summary(devices).not_ok
    assert len(found) == MOST
    assert [(one.index, one.reason) for one in found[:4]] == [(1, "0/5"), (20, "no answer"), (21, "rare"), (2, "0/5")]


def test_the_command_is_on_the_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Written([bad(0)]).write(tmp_path / "runs" / "a run")
    (one,) = build(Path("runs/a run")).not_ok
    assert shlex.join(one.reproduce) == f"lwm2m-fleet reproduce 'runs/a run' --device {one.endpoint}"
    page = (tmp_path / "runs" / "a run" / "report.html").read_text()
    assert f"reproduce &#39;runs/a run&#39; --device {one.endpoint}</code>" in page


def test_a_path_tells_nothing_of_whose_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert shown(tmp_path / "runs" / "one") == "runs/one"
    assert shown(Path("runs/one")) == "runs/one"
    assert shown(Path("/elsewhere/of/somebody/one")) == "one"
