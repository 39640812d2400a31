"""How far a run has come and how fast it goes, from what its processes tell."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from simulator.cli.live import Live
from simulator.cli.plan import View
from simulator.cli.progress import WINDOW_S, Progress

GROUP = {0: "meter", 1: "meter", 2: "pump"}


class Clock:
    t = 100.0

    def __call__(self):
        return self.t


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def progress(clock):
    return Progress({"meter": 2, "pump": 1}, GROUP.get, clock)


def judged(device, outcome="ok", reason=""):
    return [device, outcome, 0.0, 1.0, 0, 1, reason]


def moved(process, **transports):
    return {"tally": {"process": process, "rows": [], "moved": transports}}


def test_groups_have_their_own_ends(progress):
    progress.take({"updates": [judged(0), judged(2, "fail", "0/5 and not 0/1")]})
    progress.take({"updates": [judged(1, "unknown", "no answer")]})
    assert progress.ended == {"meter": {"ok": 1, "unknown": 1}, "pump": {"fail": 1}}
    assert progress.reasons == {"fail: 0/5 and not 0/1": 1, "unknown: no answer": 1}
    assert (progress.judged, progress.total, progress.left_s) == (3, 3, None)


def test_no_rate_is_told_before_it_is_known(progress, clock):
    progress.take({"updates": [judged(0)]})
    clock.t += 1.0
    progress.take({})
    assert (progress.updates_per_s, progress.bytes_per_s, progress.left_s) == (None, {}, None)


def test_rates_are_those_of_the_last_ten_seconds(progress, clock):
    progress.take(moved("fleet-0", coap=0))
    for second in range(1, 31):
        clock.t += 1.0
        progress.take(moved("fleet-0", coap=1000 * min(second, 20), http=500 * second))
    assert progress.bytes_per_s == {"http": pytest.approx(500)}
    clock.t += WINDOW_S
    progress.take({})
    assert progress.bytes_per_s == {}


def test_the_time_left_is_that_at_the_rate_of_now(progress, clock):
    progress.take({})
    clock.t += 4.0
    progress.take({"updates": [judged(0)]})
    assert progress.updates_per_s == pytest.approx(0.25)
    assert progress.left_s == pytest.approx(8.0)


def test_bytes_that_have_moved_do_not_come_back(progress):
    """A download that begins anew tells fewer bytes than before."""
    progress.take(moved("fleet-0", coap=5000))
    progress.take(moved("fleet-1", coap=100, http=1))
    progress.take(moved("fleet-0", coap=3000))
    assert progress.moved == {"coap": 5100, "http": 1}


def test_a_terminal_shows_groups_rates_and_what_went_wrong(progress, clock):
    progress.take({"updates": [judged(0)]})
    clock.t += 4.0
    progress.take({"updates": [judged(2, "fail", "0/5 [and] not 0/1")], **moved("fleet-0", coap=4000)})
    text = io.StringIO()
    console = Console(file=text, width=120, height=40)
    view = View(phase="running", devices=3, fleet={"started": 3}, campaign={"targets": 3, "ok": 1}, progress=progress)
    console.print(Live(view, console).panel())
    shown = text.getvalue()
    for part in ("meter", "1 of 2", "pump", "1 of 1", "0.25 updates/s", "coap 1.0 kB/s", "about 4 s left"):
        assert part in shown
    assert "1 x fail: 0/5 [and] not 0/1" in shown


def test_where_there_is_no_room_for_all_groups_those_that_go_on_are_shown():
    progress = Progress({f"group-{i}": 1 for i in range(30)}, lambda k: f"group-{k}")
    progress.take({"updates": [judged(k) for k in range(25)]})
    text = io.StringIO()
    console = Console(file=text, width=120, height=25)
    view = View(phase="running", devices=30, fleet={"started": 30}, progress=progress)
    console.print(Live(view, console).panel())
    shown = text.getvalue()
    assert all(f"group-{i} " in shown for i in range(25, 30))
    assert "and 20 more groups" in shown
