"""The pages in headless Chromium: on a desktop and on a phone, light and dark, with a script and without."""

from contextlib import contextmanager
from dataclasses import replace

import pytest
from axe_playwright_python.sync_playwright import Axe
from typer.testing import CliRunner

from reports.matrix_judge import matrix_of
from reports.matrix_page import render_matrix
from reports.read import read_run
from simulator.cli.app import app
from tests.load.browser import chromium
from tests.peers.tools import peer_tool
from tests.reports import test_matrix
from tests.reports.pages import page_of, summary_of, with_endpoints
from tests.reports.synthetic import Written

pytestmark = [pytest.mark.slow, pytest.mark.peer]

SIZES = {"desktop": (1280, 800), "phone": (390, 844)}
LONG = "urn:imei:" + "490154203237518" * 6
"""A word that does not fold."""


@pytest.fixture(scope="module")
def browser():
    with chromium(peer_tool("chromium", "chromium")) as browser:
        yield browser


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The addresses of the three pages."""
    directory = tmp_path_factory.mktemp("pages")
    summary = with_endpoints(summary_of(directory / "run"), LONG)
    notes = [*summary.notes, f"{LONG} is long"]
    matrix = matrix_of(
        read_run(Written(test_matrix.devices(device_end=(0, 5))).write(directory / "matrix")), test_matrix.LAYOUT
    )
    texts = {"report": page_of(replace(summary, notes=notes)), "matrix": render_matrix(matrix)}
    for name, text in texts.items():
        (directory / f"{name}.html").write_text(text, encoding="utf-8")
    runs = [str(directory / "run"), str(directory / "matrix")]
    assert CliRunner().invoke(app, ["compare", *runs, "--out", str(directory)]).exit_code == 0
    return {name: (directory / f"{name}.html").as_uri() for name in (*texts, "compare")}


@contextmanager
def window(browser, size="desktop", *, dark=False, script=True):
    """A window that is an error when its page complains or fetches anything."""
    wide, high = SIZES[size]
    context = browser.new_context(
        viewport={"width": wide, "height": high},
        color_scheme="dark" if dark else "light",
        java_script_enabled=script,
        reduced_motion="reduce",
    )
    context.set_default_timeout(30_000)
    asked, told = [], []
    context.on("request", lambda request: asked.append(request.url))
    context.on("console", lambda message: told.append(message.text))
    context.on("weberror", lambda error: told.append(str(error.error)))
    try:
        yield context.new_page()
        assert not told, told
        assert all(address.startswith(("file:", "data:image/svg")) for address in asked), asked
    finally:
        context.close()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
@pytest.mark.parametrize("size", SIZES)
def test_they_fit_in_the_window(browser, pages, size, script):
    with window(browser, size, dark=script, script=script) as page:
        for address in pages.values():
            page.goto(address)
            assert page.locator("h1").count() == 1
            assert (page.locator("button:visible").count() > 0) is script
            laid_out = page.context.new_cdp_session(page).send("Page.getLayoutMetrics")
            assert laid_out["cssContentSize"]["width"] <= SIZES[size][0]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing(browser, pages, dark):
    with window(browser, "phone" if dark else "desktop", dark=dark) as page:
        for address in pages.values():
            page.goto(address)
            page.evaluate("for (const one of document.querySelectorAll('details:not([name])')) one.open = true")
            found = Axe().run(page)
            assert not found.violations_count, found.generate_report()
            assert len(found.response["passes"]) > 20


def column(page, table, place):
    """The cells of a column: their figures and their words."""
    cells = page.locator(f"#t-{table} tbody tr > :nth-child({place})")
    return cells.evaluate_all("cells => cells.map(cell => [Number(cell.dataset.v), cell.textContent])")


def test_tables_are_sorted_by_the_figure(browser, pages):
    with window(browser) as page:
        page.goto(pages["report"])
        head = page.locator("#t-percentiles").get_by_role("columnheader", name="p50")
        button = head.get_by_role("button")
        place = head.evaluate("head => head.cellIndex") + 1
        written = column(page, "percentiles", place)
        assert {text.split()[1] for _, text in written} >= {"s", "ms", "kB/s"}
        assert sorted(written, key=lambda cell: cell[1]) != sorted(written)
        for press, order, expected in (
            (button.click, "ascending", sorted(written)),
            (lambda: button.press("Enter"), "descending", sorted(written)[::-1]),
            (lambda: button.press("Space"), None, written),
        ):
            press()
            assert head.get_attribute("aria-sort") == order
            found = column(page, "percentiles", place)
            assert [value for value, _ in found] == [value for value, _ in expected]


def test_what_was_not_measured_stays_at_the_end(browser, pages):
    with window(browser) as page:
        page.goto(pages["report"])
        head = page.locator("#t-health thead th").nth(5)
        button = head.get_by_role("button")
        assert "loop lag" in button.inner_text()
        for _ in range(2):
            button.click()
            assert column(page, "health", 6)[-1][1] == "-"


def test_rows_are_filtered(browser, pages):
    with window(browser) as page:
        page.goto(pages["report"])
        field = page.locator("#t-percentiles").locator("xpath=ancestor::section").get_by_label("Filter")
        rows = page.locator("#t-percentiles tbody tr:visible")
        every = rows.count()
        field.fill("PUSH")
        shown = rows.all_inner_texts()
        assert 0 < len(shown) < every
        assert all("push" in text for text in shown)
        assert page.get_by_role("status").filter(has_text=f"{len(shown)} of {every} rows").count() == 1
        field.fill("")
        assert rows.count() == every


def test_the_theme_is_switched_and_remembered(browser, pages):
    def ground():
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    with window(browser, dark=True) as page:
        page.goto(pages["report"])
        dark = ground()
        page.get_by_role("button", name="Light theme").click()
        light = ground()
        assert light != dark
        page.reload()
        assert ground() == light
        page.emulate_media(media="print")
        assert ground() not in (dark, light)  # paper
        page.emulate_media(media="screen")
        page.get_by_role("button", name="Dark theme").click()
        assert ground() == dark
        page.reload()
        assert ground() == dark
        assert page.evaluate("localStorage.length") == 0  # what the system prefers needs no memory


def test_a_link_opens_what_is_folded_and_commands_are_copied(browser, pages):
    with window(browser) as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.goto(pages["report"])
        timeline = page.locator("#timeline-1")
        page.evaluate("document.querySelector('#timeline-1').closest('details').open = false")
        assert not timeline.is_visible()
        page.locator("#t-not-ok a[href='#timeline-1']").first.click()
        timeline.wait_for()
        button = page.get_by_role("button", name="Copy: lwm2m-fleet run")
        button.click()
        page.get_by_text("Copied").wait_for()
        assert page.evaluate("navigator.clipboard.readText()") == "lwm2m-fleet run scenarios/synthetic.toml --seed 7"


def test_a_card_of_the_matrix_opens_and_goes_away(browser, pages):
    with window(browser, "phone") as page:
        page.goto(pages["matrix"])
        for leave in (lambda: page.keyboard.press("Escape"), lambda: page.locator("h1").click()):
            page.locator("td.bad summary").first.click()
            card = page.locator("details[open] .card")
            assert "device: ended in 0/5, declared was 0/2" in card.inner_text()
            box = card.bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= SIZES["phone"][0]
            leave()
            card.wait_for(state="hidden")


def test_on_paper_all_is_open_and_no_control_is_left(browser, pages):
    with window(browser, dark=True) as page:
        page.goto(pages["report"])
        folded = page.locator("details:not([open])").count()
        assert folded
        buttons = page.locator("th button").count()
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.locator("details:not([open])").count() == 0
        assert page.locator("th button").count() == 0 < buttons
        page.emulate_media(media="print")
        assert (
            page.locator("main button:visible:not(th button), input:visible, nav:visible, .theme:visible").count() == 0
        )
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.locator("details:not([open])").count() == folded
        assert page.locator("th button").count() == buttons
        assert page.pdf(format="A4").startswith(b"%PDF")
