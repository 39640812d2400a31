"""The tabs and pages that Locust's page gets: what they are made of, and that they are behind its login."""

from __future__ import annotations

import json
from types import SimpleNamespace

import flask
import pytest

from simulator.load.history import group_rows
from simulator.load.web import FAULTS, GROUPS, NO_REPORT, FirmwarePages

GAUGES = {
    "states": [["a", 0, 3], ["a", 1, 2], ["b", 3, 1]],
    "results": [["a", 0, 3], ["a", 2, 1], ["a", 5, 1], ["b", 0, 1]],
}


class Page:
    """As much of Locust's page as is extended."""

    def __init__(self, base=None):
        self.app = flask.Flask("locust")
        self.template_args = {"there": 1}
        self.guarded = []
        locust = flask.Blueprint("locust", "locust", url_prefix=base)
        locust.add_url_rule("/", "index", lambda: "<body><div id=root></div></body>")
        locust.add_url_rule("/stats/requests", "stats", lambda: {"stats": [], "user_count": 3})
        locust.add_url_rule("/other", "other", lambda: {"x": 1})
        self.app.register_blueprint(locust)

    def auth_required_if_enabled(self, view):
        self.guarded.append(view)
        return view


class Watcher:
    """Knows what there is to show."""

    report = None

    def __init__(self):
        self.asked = []

    def groups(self):
        return group_rows(GAUGES)

    def outcomes(self):
        return [{"group": "a"}]

    def live(self, series, after):
        self.asked.append((series, after))
        return {"now": "x", "rows": []}


def pages(base=None):
    page, watcher = Page(base), Watcher()
    FirmwarePages(page, watcher)
    return SimpleNamespace(page=page, client=page.app.test_client(), watcher=watcher)


@pytest.fixture
def page():
    return pages()


def test_a_group_is_a_row_with_its_states_and_results():
    first, second = group_rows(GAUGES)
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


@pytest.mark.parametrize("base", [None, "/load"])
def test_the_pages_are_where_the_links_point_and_behind_the_login(base):
    there = pages(base)
    links = [link["href"] for link in there.page.template_args["extended_csv_files"]]
    assert links == [f"{base or ''}/firmware", f"{base or ''}/firmware/report"]
    assert b"Firmware updates, live" in there.client.get(links[0]).data
    assert there.client.get(f"{links[0]}/charts.js").mimetype == "text/javascript"
    assert len(there.page.guarded) == len(
        [rule for rule in there.page.app.url_map.iter_rules() if "/firmware" in str(rule)]
    )


def test_the_data_are_those_that_the_page_does_not_have(page):
    assert json.loads(page.client.get("/firmware/live").data) == {"now": "x", "rows": []}
    page.client.get("/firmware/live?series=run%2F1&after=4.5")
    page.client.get("/firmware/live?series=run&after=nonsense")
    assert page.watcher.asked == [("", -1.0), ("run/1", 4.5), ("run", -1.0)]


def test_a_report_is_sent_when_there_is_one(page, tmp_path):
    answer = page.client.get("/firmware/report")
    assert (answer.status_code, answer.get_data(as_text=True)) == (404, NO_REPORT)
    page.watcher.report = tmp_path / "report.html"
    assert page.client.get("/firmware/report").status_code == 404
    page.watcher.report.write_text("<h1>the run</h1>", encoding="utf-8")
    with page.client.get("/firmware/report") as answer:
        assert (answer.mimetype, answer.data) == ("text/html", b"<h1>the run</h1>")


def test_the_start_page_opens_the_fields_of_the_fleet(page):
    assert b'<script src="./firmware/form.js"></script></body>' in page.client.get("/").data
