"""The pages about one device say what is there, and their examples work."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from simulator import api
from simulator.api import KINDS, VirtualDevice
from simulator.api.life import DeviceLife
from simulator.cli import by_hand
from simulator.cli.device_commands import HELP
from tests.api.rig import socket_server

DOCS = Path(__file__).parent.parent.parent / "docs"
API = (DOCS / "python-api.md").read_text()
DEVICE = (DOCS / "device.md").read_text()


def examples():
    """The tests of the page, by name."""
    found = {}
    for block in re.findall(r"^```python\n(.*?)^```", API, re.MULTILINE | re.DOTALL):
        exec(compile(block, "python-api.md", "exec"), found)
    return {name: test for name, test in found.items() if name.startswith("test_")}


@pytest.mark.parametrize("name", examples())
async def test_the_examples_work(name):
    async with socket_server() as server:
        await examples()[name](server)


def test_there_are_examples():
    assert len(examples()) == 2


def test_every_argument_of_a_device_is_described():
    arguments = set(inspect.signature(DeviceLife).parameters) - {"settings"}
    table = API[API.index("## Making one") : API.index("## Waiting")]
    described = {
        name
        for row in table.splitlines()
        if row.startswith("| `")
        for name in re.findall(r"`(\w+)`", row.split("|")[1])
    }
    assert described == arguments


def test_everything_that_a_device_offers_is_described():
    public = {name for name in dir(VirtualDevice) if not name.startswith("_")} | set(api.__all__)
    missing = {name for name in public if not re.search(rf"\b{name}\b", API)} - {"plan", "was_registered"}
    assert missing == {"Timeline", "StateError"}


def test_every_kind_of_entry_is_described_in_these_words():
    table = DEVICE[DEVICE.index("## What is told") : DEVICE.index("## Commands")]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.MULTILINE))
    assert rows.keys() == KINDS.keys()
    assert all(rows[kind].startswith(words) for kind, words in KINDS.items())


def test_every_command_is_described():
    table = DEVICE[DEVICE.index("## Commands") : DEVICE.index("## Options")]
    described = re.findall(
        r"`([^`]+)`", " ".join(row.split("|")[1] for row in table.splitlines() if row.startswith("| `"))
    )
    assert described == list(HELP)


def test_every_option_is_described():
    table = DEVICE[DEVICE.index("## Options") : DEVICE.index("## A device that outlives")]
    described = {name.replace("-", "_") for name in re.findall(r"--([a-z][a-z0-9-]*)", table)}
    options = {name.rstrip("_") for name in inspect.signature(by_hand.device).parameters} - {"server"}
    assert described == options
