"""Locust's page in headless Chromium, from the start form to the report, as a user goes through it."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

from reports.read import read_run
from tests.load.browser import chromium, site, visit, window
from tests.peers.process import find_free_port
from tests.peers.tools import peer_tool
from tests.sizes import sized

pytestmark = [pytest.mark.slow, pytest.mark.peer, pytest.mark.timeout(240)]

SCENARIO = """
[run]
duration_max = "120 s"
[firmware]
size = "32 KiB"
[devices]
boot_time = "50 ms"
install_time = "50 ms"
[groups.pull]
count = 20
delivery = "pull"
transport = "http"
[groups.push]
count = 20
delivery = "push"
think_time = "20 ms"
[[groups.push.faults]]
kind = "image-corrupt"
count = 4
[campaign]
timeout = "60 s"
[arrivals]
kind = "rate"
rate = "40/s"
"""
LOGIN = """
from flask import redirect, request, session, url_for
from flask_login import UserMixin, login_user
from locust import events

from simulator.load.locustfile import VirtualDevice


class Tester(UserMixin):
    def get_id(self):
        return "tester"


@events.init.add_listener
def add_login(environment, **_):
    ui = environment.web_ui
    ui.login_manager.user_loader(lambda name: Tester() if name == "tester" else None)
    ui.app.secret_key = "of the test"
    ui.auth_args = {"username_password_callback": "/login_submit"}

    @ui.app.route("/login_submit", methods=["POST"])
    def login_submit():
        if request.form["password"] == "secret":
            login_user(Tester())
            return redirect(url_for("locust.index"))
        session["auth_error"] = "Invalid username or password"
        return redirect(url_for("locust.login"))
"""
"""A locustfile with a login as Locust's documentation has it."""


@pytest.fixture(scope="module")
def browser():
    with chromium(peer_tool("chromium", "chromium")) as browser:
        yield browser


def cells(page, tab):
    """The table of a tab, by its first two columns and the titles."""
    page.get_by_role("tab", name=tab).click()
    table = page.get_by_role("table")
    table.locator("tbody tr").first.wait_for()
    titles, *rows = (row.locator("th,td").all_inner_texts() for row in table.locator("tr").all())
    return [dict(zip(titles, row, strict=True)) for row in rows]


def live(page):
    """All data of the live charts."""
    return page.evaluate("fetch('/firmware/live').then(answer => answer.json())")


def expected_outcomes(run):
    """The rows of the tab *Injected* that a record leads to."""
    tables = read_run(run).tables
    devices = tables["devices"].set_index("device")
    ends = Counter()
    for update in tables["updates"].itertuples():
        device = devices.loc[update.device]
        ends[device.group, device.fault or "none", update.outcome] += 1
    return ends


def fill_in_wrongly(page, directory):
    """Fill in what cannot be run, field by field; each time the form must say why."""
    for label, wrong, words, right in (
        ("Other Scenario", "scenarios/none.toml", "scenarios/none.toml", str(directory / "scenario.toml")),
        ("Fleet Seed", "seven", "no whole number", "7"),
        ("Fleet Set", "firmware.size = 'much'", "firmware.size", ""),
        ("Number of users", "50000000", "arrivals.rate", "40"),
        ("Fleet Out", str(directory), str(directory), str(directory / "run")),
    ):
        page.get_by_label(label).fill(wrong)
        page.get_by_role("button", name="Start").click()
        page.get_by_role("alert").filter(has_text=words).wait_for()
        page.get_by_label(label).fill(right)


def test_a_run_from_the_form_to_its_report(browser, tmp_path):
    (tmp_path / "scenario.toml").write_text(SCENARIO, encoding="utf-8")
    workers = sized(1, 2)
    options = ("--processes", str(workers), "--master-bind-host", "127.0.0.1")
    port = find_free_port()
    bind = str(find_free_port())
    with (
        site(tmp_path, port, *options, "--master-bind-port", bind, "--master-port", bind) as (locust, url),
        window(browser) as page,
    ):
        locust.until(lambda: len(locust.workers) == workers)
        visit(page, url)
        assert "scenarios/first.toml" in page.get_by_label("Scenario (").locator("option").all_inner_texts()
        fill_in_wrongly(page, tmp_path)
        assert not locust.run.exists()
        page.get_by_label("Ramp up").fill("40")
        page.get_by_role("button", name="Start").click()
        page.get_by_role("tab", name="Firmware").wait_for()

        charts = page.context.new_page()
        visit(charts, f"{url}/firmware")
        charts.get_by_text("every update has ended").wait_for()
        charts.wait_for_function(f"document.querySelectorAll('#processes tr').length === {workers}")
        charts.wait_for_function("document.querySelectorAll('#moved polyline').length === 2")
        page.get_by_role("tab", name="Firmware").click()
        page.get_by_role("cell", name=re.compile("1: 20$")).wait_for()
        page.get_by_role("cell", name=re.compile("5: 4$")).wait_for()
        states = {row["Group"]: row for row in cells(page, "Firmware")}

        page.get_by_role("button", name="Stop").click()
        charts.get_by_role("link", name="Report of run").wait_for()
        told = live(charts)
        assert "have none" not in locust.text  # the users of the refused start do not come back as those of this one
        assert max(row["states"]["idle"] for row in told["rows"]) == 40
        tables = read_run(locust.run).tables
        assert len(charts.locator("#states polygon").all()) == 4

        groups = tables["devices"].set_index("device").group
        ends = Counter((groups[row.device], row.result) for row in tables["device_ends"].itertuples())
        assert {group: (row["Devices on"], row["Update Results"]) for group, row in states.items()} == {
            "pull": ("20", f"1: {ends['pull', 1]}"),
            "push": ("20", f"1: {ends['push', 1]}, 5: {ends['push', 5]}"),
        }
        moved = tables["transfers"].groupby("transport").received.sum().to_dict()
        assert told["rows"][-1]["moved"] == moved
        late = tables["health"].groupby("process").late_starts.max()
        assert told["rows"][-1]["late"] == {"in all": late[late.index.str.startswith("fleet")].sum()}
        assert max(row["cpu"].get("busiest fleet process", 0) for row in told["rows"]) > 0

        injected = Counter()
        for row in cells(page, "Injected"):
            for title, outcome in (("As declared", "ok"), ("Otherwise", "fail"), ("Unknown", "unknown")):
                injected[row["Group"], row["Injected"], outcome] += int(row[title])
        assert +injected == expected_outcomes(locust.run)

        page.get_by_role("tab", name="Download").click()
        with page.expect_download() as download:
            page.get_by_role("link", name="Download requests CSV").click()
        rows = list(csv.DictReader(Path(download.value.path()).read_text(encoding="utf-8").splitlines()))
        counted = {row["Name"]: int(row["Request Count"]) for row in rows}
        assert (counted["update http"], counted["update coap"]) == (20, 20)
        with page.context.expect_page() as opened:
            page.get_by_role("link", name="Download Report").click()
        opened.value.get_by_text("Request Statistics").wait_for()
        page.get_by_role("link", name="Report of the last run").click()
        page.get_by_role("heading").first.wait_for()
        assert page.content().count("<svg") + page.content().count("<img") > 0
        assert page.url == f"{url}/firmware/report"


def test_all_of_it_is_behind_the_login_and_fits_on_a_phone(browser, tmp_path):
    locustfile = tmp_path / "locustfile.py"
    locustfile.write_text(LOGIN, encoding="utf-8")
    paths = ("/firmware", "/firmware/live", "/firmware/report", "/firmware/charts.js", "/firmware/form.js")
    port = find_free_port()
    with site(tmp_path, port, "--web-login", locustfile=locustfile) as (_, url):
        for dark in (False, True):
            with window(browser, wide=False, dark=dark) as page:
                for path in paths:
                    answer = page.request.get(url + path, max_redirects=0)
                    assert (answer.status, answer.headers["location"].partition("?")[0]) == (302, "/login"), path
                assert page.request.post(f"{url}/swarm", form={"user_count": "1"}, max_redirects=0).status == 302
                visit(page, f"{url}/firmware")
                page.get_by_label("Username").fill("tester")
                page.get_by_label("Password").first.fill("secret")
                page.get_by_role("button", name="Login").click()
                page.get_by_label("Number of users").wait_for()
                visit(page, f"{url}/firmware")
                page.get_by_text("no run yet").wait_for()
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
                assert page.evaluate("document.documentElement.classList.contains('dark')") is dark
                page.context.clear_cookies()
                page.get_by_label("Username").wait_for()  # the next look at the data leads there
