import sys
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from reports.aggregate import update_frame
from reports.devices import device_frame
from reports.figures import Material, draw, states
from tests.reports.synthetic import Device, fleet_of

NAMES = ["states", "update-times", "throughput", "block-latency"]
MORE = ["download-times", "latency-over-time", "pace", "overhead", "accounts", "devices-over-time", "generator"]


def drawn_of(run, directory):
    return draw(Material(run, update_frame(run, device_frame(run))), directory)


def test_all_figures_of_a_run(record, tmp_path):
    found = drawn_of(record(fleet_of(60)), tmp_path / "figures")
    assert [one.name for one in found] == NAMES + MORE
    assert all(any(sign.isdigit() for sign in one.alt) for one in found)
    for one in found:
        assert ET.fromstring(one.svg).tag.endswith("svg")
        assert len(one.svg) < 300_000
        assert (tmp_path / f"figures/{one.name}.png").read_bytes().startswith(b"\x89PNG")
    assert "matplotlib.pyplot" not in sys.modules


def test_figures_are_the_same_each_time(record, tmp_path):
    run = record(fleet_of(20))
    assert drawn_of(run, tmp_path / "a") == drawn_of(run, tmp_path / "b")


def test_nothing_to_draw_removes_what_was_drawn_before(record, tmp_path):
    (tmp_path / "states.png").write_bytes(b"old")
    assert drawn_of(record([], fleet_health=[], server_health=[]), tmp_path) == []
    assert not (tmp_path / "states.png").exists()


@pytest.mark.parametrize("blocks", [[], [0], [-1], [5], [5, 5]])
def test_one_device_is_enough(record, tmp_path, blocks):
    found = drawn_of(record([Device(0, blocks=blocks, transport="$a_b$", download_s=0.0)]), tmp_path)
    assert [one.name for one in found][:2] == NAMES[:2]


def test_layers_count_every_started_device_once(record):
    devices = [*fleet_of(80), Device(80, due=0.4, fault="install-fails", declared=(2, 8))]
    run = record(devices)
    t, heights = states.layers(run)
    started = run.tables["devices"]["t"].to_numpy()
    assert (heights >= 0).all()
    assert heights.sum(axis=0).tolist() == np.searchsorted(started, t, side="right").tolist()
    ends = [device.declared for device in devices]
    assert heights[0, -1] == ends.count((0, 1))
    assert heights[5, -1] == len(devices) - ends.count((0, 1))


def test_layers_follow_one_device(record):
    run = record([Device(0, download_s=0.5, update_s=1.0)])
    t, heights = states.layers(run, points=2000)
    names = ["updated", "Updating", "Downloaded", "Downloading", "Idle", "failed"]
    at = [names[int(np.argmax(heights[:, np.searchsorted(t, when)]))] for when in (0.05, 0.3, 0.62, 0.8, 1.101)]
    assert at == ["Idle", "Downloading", "Downloaded", "Updating", "updated"]
