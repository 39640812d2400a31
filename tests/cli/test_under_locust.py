"""What ``lwm2m-fleet run --locust`` asks Locust for."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.cli.failure import CommandFailedError
from simulator.cli.run import Options
from simulator.cli.under_locust import locust_command

FIRST = Path(__file__).resolve().parents[2] / "scenarios" / "first.toml"


def options(**values):
    plain = {
        "scenario": FIRST,
        "devices": None,
        "seed": None,
        "processes": 1,
        "server": None,
        "url": None,
        "out": None,
        "overrides": (),
        "allow_public_target": False,
        "command": (),
    }
    return Options(**plain | values)


def asked(command):
    """The options of a command line, by name."""
    words = command[command.index("-f") :]
    return {word: following for word, following in zip(words, [*words[1:], ""], strict=True) if word.startswith("-")}


def test_the_page_is_on_loopback_and_all_devices_come_as_the_scenario_says():
    found = asked(locust_command(options(), "page"))
    assert found["--web-host"] == "127.0.0.1"
    assert (found["--users"], found["--load-shape"]) == ("1000", "arrivals")
    assert "--headless" not in found
    assert "--processes" not in found


def test_what_the_command_was_given_is_passed_on():
    given = options(
        devices=60,
        seed=7,
        processes=3,
        server="leshan",
        out=Path("x"),
        overrides=("firmware.size=65 KiB", "run.name=n"),
        allow_public_target=True,
        metrics=9100,
    )
    found = asked(locust_command(given, "headless"))
    assert "--headless" in found
    assert "--allow-public-target" in found
    assert [found[name] for name in ("--users", "--processes", "--server", "--fleet-seed", "--fleet-out")] == [
        "60",
        "3",
        "leshan",
        "7",
        "x",
    ]
    assert found["--fleet-set"] == "firmware.size=65 KiB;run.name=n"
    assert found["--fleet-metrics"] == "9100"


@pytest.mark.parametrize(
    ("overrides", "told"), [(('firmware.model="a;b"',), "semicolon"), (("firmware.sise=1",), "firmware.sise")]
)
def test_what_cannot_be_is_said_before_locust_starts(overrides, told):
    with pytest.raises(CommandFailedError, match=told):
        locust_command(options(overrides=overrides), "page")
