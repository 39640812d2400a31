"""What is kept of a device on disk: whole at any time, refused where it is damaged, mended where the flash differs."""

from __future__ import annotations

import dataclasses
import json

import pytest

from simulator.api.state_files import FLASH_NAME, NAME, StateError, StateFiles, open_flash
from simulator.device.persistent import Persistent
from simulator.lwm2m.firmware_resources import Transfer
from simulator.lwm2m.firmware_table import State, UpdateResult

PULLING = Persistent(
    "1.0.0",
    state=State.DOWNLOADING,
    package_uri="coap://127.0.0.1/fw",
    transfer=Transfer.PULL,
    received=100,
    etag=b"\x00\xff",
    boots=3,
)


@pytest.fixture
def files(tmp_path):
    return StateFiles(tmp_path / "dev", "dev")


def held(files, size):
    files.image.parent.mkdir(exist_ok=True)
    files.image.write_bytes(bytes(size))


def test_what_was_stored_is_what_comes_back(files):
    assert files.load() is None
    held(files, 100)
    files.save(PULLING)
    assert files.load() == PULLING
    assert sorted(path.name for path in files.image.parent.iterdir()) == [NAME, FLASH_NAME]


def test_what_the_flash_has_beyond_is_cut_off(files):
    assert files.load() is None
    held(files, 150)
    files.save(PULLING)
    assert files.load() == PULLING
    assert files.image.stat().st_size == 100
    assert files.flash(1000).written == 100


def test_a_flash_that_is_behind_begins_anew(files):
    assert files.load() is None
    held(files, 50)
    files.save(PULLING)
    assert files.load() == dataclasses.replace(PULLING, received=0, etag=b"")
    files.save(dataclasses.replace(PULLING, state=State.DOWNLOADED, result=UpdateResult.UPDATE_FAILED))
    found = files.load()
    assert (found.state, found.result, found.received) == (State.IDLE, UpdateResult.INITIAL, 0)


def test_the_state_of_another_device_is_refused(files, tmp_path):
    assert files.load() is None
    files.save(Persistent("1.0.0"))
    with pytest.raises(StateError, match="the state of 'dev', not of 'other'"):
        StateFiles(tmp_path / "dev", "other").load()


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"state": 9},
        {"received": "x"},
        {"firmware_version": 1},
        {"etag": "x"},
        {"boots": None},
        {"transfer": 1},
    ],
)
def test_a_value_that_cannot_be_is_refused(files, change):
    assert files.load() is None
    files.save(Persistent("1.0.0"))
    path = files.image.parent / NAME
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(StateError, match="delete the directory"):
        files.load()


@pytest.mark.parametrize("content", ["", "{}", "[]", "nonsense"])
def test_a_damaged_file_is_refused(files, content):
    assert files.load() is None
    (files.image.parent / NAME).write_text(content)
    with pytest.raises(StateError, match="delete the directory"):
        files.load()


def test_a_file_that_is_larger_than_the_flash_is_left_alone(tmp_path):
    image = tmp_path / "mine"
    image.write_bytes(bytes(11))
    with pytest.raises(StateError, match="11 bytes, and the flash has 10"):
        open_flash(image, 10)
    assert image.stat().st_size == 11
    with pytest.raises(StateError, match="File exists"):
        open_flash(image / "below", 10)
