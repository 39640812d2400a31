"""The progress of a run: a table on a terminal, lines elsewhere, and nothing where the terminal is gone."""

from __future__ import annotations

import errno
import io

import pytest
from rich.console import Console

from simulator.cli import live as module
from simulator.cli.live import Live
from simulator.cli.plan import View

FLEET = {"started": 5, "registered": 4, "downloading": 1, "downloaded": 1, "updating": 1, "updated": 1, "failed": 0}
CAMPAIGN = {"targets": 5, "ok": 1, "fail": 0, "unknown": 0}


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 1000.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def test_lines_at_each_phase_and_every_few_seconds(clock):
    text, view = io.StringIO(), View(began=1000.0, devices=5)
    with Live(view, Console(file=text, width=200)) as live:
        for phase in ("starting [it]", "running"):
            view.phase = phase
            live.refresh()
            live.refresh()
        view.fleet, view.campaign = FLEET, CAMPAIGN
        for _ in range(70):
            clock.now += 0.1
            live.refresh()
    lines = text.getvalue().splitlines()
    assert [line.split("  ")[1] for line in (line.strip() for line in lines)] == ["starting [it]"] + ["running"] * 3
    assert "devices on 5, registered 4" in lines[-1]
    assert "judged 1 of 5" in lines[-1]


def test_a_table_on_a_terminal():
    text, view = io.StringIO(), View(devices=5)
    with Live(view, Console(file=text, width=100, force_terminal=True)) as live:
        view.phase = "starting"
        live.refresh()
        view.phase, view.fleet, view.campaign = "running", FLEET, CAMPAIGN
        live.refresh()
        live._live.refresh()
    assert "devices on" in text.getvalue()
    assert "server's view: " in text.getvalue()


class Gone(io.StringIO):
    def write(self, text):
        raise OSError(errno.EIO, "the terminal hung up")


@pytest.mark.parametrize("terminal", [True, False])
def test_a_terminal_that_is_gone_stops_nothing(terminal):
    view = View(devices=5)
    console = Console(file=io.StringIO(), width=100, force_terminal=terminal)
    with Live(view, console) as live:
        console.file = Gone()
        view.phase, view.fleet = "running", FLEET
        live.refresh()


def test_what_the_user_has_to_know_is_told_once():
    text, view = io.StringIO(), View(devices=5, told="Package URI to order by: coap://127.0.0.1:1/good.bin")
    with Live(view, Console(file=text, width=200)) as live:
        for view.phase in ("starting", "running"):
            live.refresh()
    assert text.getvalue().count("Package URI") == 1
