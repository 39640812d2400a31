"""The tabs and the page that Locust's page gets, and what the charts are drawn from."""

from __future__ import annotations

import json
from itertools import pairwise
from types import SimpleNamespace

import flask
import pytest

from simulator.load.history import POINTS_MAX, History, Outcomes
from simulator.load.web import FAULTS, GROUPS, FirmwarePages, rows_of

GAUGES = {
    "states": [["a", 0, 3], ["a", 1, 2], ["b", 3, 1]],
    "results": [["a", 0, 3], ["a", 2, 1], ["a", 5, 1], ["b", 0, 1]],
}


class Page:
    """As much of Locust's page as is extended."""

    def __init__(self):
        self.app = flask.Flask("locust")
        self.template_args = {"there": 1}
        self.guarded = []
        self.app.add_url_rule("/stats/requests", "stats", lambda: {"stats": [], "user_count": 3})
        self.app.add_url_rule("/other", "other", lambda: {"x": 1})

    def auth_required_if_enabled(self, view):
        self.guarded.append(view)
        return view


@pytest.fixture
def page():
    page = Page()
    FirmwarePages(page, lambda: rows_of(GAUGES), lambda: [{"group": "a"}], lambda: {"now": "x", "rows": []})
    return SimpleNamespace(page=page, client=page.app.test_client())


def test_a_group_is_a_row_with_its_states_and_results():
    first, second = rows_of(GAUGES)
    assert first == {
        "group": "a",
        "devices": 5,
        "idle": 3,
        "downloading": 2,
        "downloaded": 0,
        "updating": 0,
        "results": "2: 1, 5: 1",
    }
    assert (second["updating"], second["results"]) == (1, "")


def test_the_statistics_have_the_tables_of_the_tabs(page):
    told = page.client.get("/stats/requests").get_json()
    assert told["user_count"] == 3
    assert {table["key"]: len(table["data"]) for table in told["extended_stats"]} == {GROUPS: 2, FAULTS: 1}
    assert page.client.get("/other").get_json() == {"x": 1}


def test_every_tab_has_a_table(page):
    args = page.page.template_args
    assert args["there"] == 1
    assert [tab["key"] for tab in args["extended_tabs"]] == [table["key"] for table in args["extended_tables"]]


def test_the_page_and_its_data_are_behind_the_login(page):
    assert len(page.page.guarded) == 2
    assert b"Firmware updates, live" in page.client.get("/firmware").data
    assert json.loads(page.client.get("/firmware/live").data) == {"now": "x", "rows": []}


def test_a_history_of_any_length_is_as_long_as_a_page_can_show():
    history = History()
    for t in range(10 * POINTS_MAX):
        history.add({"t": t})
    times = [row["t"] for row in history.rows]
    assert POINTS_MAX / 3 < len(times) <= POINTS_MAX
    assert times[0] == 0
    assert len({later - earlier for earlier, later in pairwise(times)}) == 1
    assert times[-1] > 9.9 * POINTS_MAX


def test_outcomes_are_told_by_what_was_injected():
    outcomes = Outcomes()
    outcomes.add("g", "", "0/1", "0/1", "ok")
    outcomes.add("g", "image-corrupt", "0/5", "0/5", "ok")
    outcomes.add("g", "image-corrupt", "0/5", "0/1", "fail")
    outcomes.add("g", "image-corrupt", "0/5", "", "unknown")
    sound, corrupt = outcomes.rows()
    assert (sound["fault"], sound["observed"], sound["ok"]) == ("none", "0/1: 1", 1)
    assert (corrupt["observed"], corrupt["ok"], corrupt["fail"], corrupt["unknown"]) == ("0/1: 1, 0/5: 1", 1, 1, 1)
    assert outcomes.total == {"ok": 2, "fail": 1, "unknown": 1}
