"""The page by its structure: what a reader without eyes, without a script or with a small mailbox has of it."""

from dataclasses import replace
from itertools import pairwise

import pytest

from reports.figures import Drawn
from reports.grid import LETTERS_MOST, ROWS_MOST, grid
from reports.key_figures import key_figures
from reports.page import FIGURE_BYTES_MOST, FIGURES_BYTES_MOST
from reports.sides import Cause
from reports.summary import Cell, Criterion, Disagreement, FaultVerdict, Reason
from reports.table import Table
from reports.units import microseconds, number, rate, seconds, size
from tests.reports.pages import FIGURES, PICTURE, Reader, page_of, summary_of, with_endpoints
from tests.reports.synthetic import Device

EVIL = "<script>alert(1)</script>"
MANY = 5000


@pytest.fixture(scope="module")
def summary(tmp_path_factory):
    return summary_of(tmp_path_factory.mktemp("run") / "run")


@pytest.fixture(scope="module")
def page(summary):
    return Reader(page_of(summary))


def test_it_is_sound_markup(page):
    assert page.complaints == []
    ids = page.having("id")
    assert len(ids) == len(set(ids))
    anchors = [link.removeprefix("#") for link in page.having("href")]
    assert len(anchors) > 10
    assert set(anchors) <= set(ids)
    assert page.all("html")[0]["lang"] == "en"


def test_headings_have_no_gaps(page):
    levels = page.levels
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(below - above <= 1 for above, below in pairwise(levels))


def test_every_section_is_in_the_contents_and_in_this_order(page):
    listed = [link.removeprefix("#") for link in page.having("href")]
    sections = ["transports", "failures", "timelines", "server", "times", "states", "generator", "further", "repeat"]
    ids = page.having("id")
    assert [anchor for anchor in ids if anchor in sections] == sections
    first = listed.index("transports")
    assert listed[first : first + len(sections)] == sections


def test_the_order_of_what_is_read_first(page):
    text = page.text
    order = ["does not hold", "Criteria", "The generator was the bottleneck", "Read this first", "Key figures"]
    places = [text.index(words) for words in [*order, "On this page", "Throughput by network"]]
    assert places == sorted(places)
    assert text.count("the event loop of fleet-0 was up to 600 ms late") == 2  # at the top and at its processes


@pytest.mark.parametrize(
    ("broken", "shown", "folded"), [(0, 12, "8 more criteria hold"), (19, 19, "1 more criterion holds")]
)
def test_many_criteria_that_hold_are_folded(summary, broken, shown, folded):
    criteria = [Criterion(f"c{k}", 1, 2.0, holds=k >= broken, why="") for k in range(20)]
    text = page_of(replace(summary, criteria=criteria[::-1]))
    first, rest = text[text.index('id="t-criteria"') :].split('id="t-criteria-more"')
    assert first.count("<tr><th scope=row>") == shown
    assert first.count("does not hold") == broken
    assert f"<summary>{folded}</summary>" in text
    assert rest.partition("</table>")[0].count("<tr><th scope=row>") == 20 - shown


def test_what_is_missing_is_told_before_the_figures(tmp_path):
    text = Reader(page_of(summary_of(tmp_path / "run", close_fleet=False))).text
    assert text.index("Records are missing") < text.index("Key figures")
    assert text.count("fleet-0 was killed") == 1


def test_tables_are_told_to_who_cannot_see_them(page):
    assert len(page.all("table")) == len(page.all("caption")) > 8
    assert all(head["scope"] in ("col", "row") for head in page.all("th"))
    regions = [attrs for attrs in page.all("div") if attrs.get("role") == "region"]
    assert len(regions) == len(page.all("table")) + len(page.all("img"))
    assert all(attrs["tabindex"] == "0" and attrs["aria-label"] for attrs in regions)
    assert all(image["alt"] for image in page.all("img"))
    assert {"throughput: 1 and 2", "states: 1 and 2"} <= {image["alt"] for image in page.all("img")}
    assert [len(page.all(tag)) for tag in ("header", "main", "nav", "footer")] == [1, 1, 1, 1]


def test_a_figure_that_has_no_place_of_its_own_is_not_lost(page):
    assert "new: 1 and 2" in [image["alt"] for image in page.all("img")]
    assert page.text.index("Further figures") < page.text.index("What new shows.")


def test_devices_and_faults_with_a_timeline_are_linked_and_each_device_has_a_command(summary, page):
    name = summary.not_ok[0].endpoint
    text = page_of(summary)
    assert f'<a href="#timeline-1">{name}</a>' in text
    assert '<a href="#timeline-1">image-corrupt</a>' in text
    assert text.count('<a href="#timeline-1">') == text.count(f'">{name}</a>') + 1
    for one in summary.not_ok:
        assert f"reproduce {one.reproduce[2]} --device {one.endpoint}" in page.text


def test_all_text_is_escaped(tmp_path):
    devices = [
        Device(0, EVIL, outcome="fail", reason=EVIL, server_end=(0, 5), states=(EVIL,), results=(EVIL,)),
        Device(1, f"{EVIL} 1", fault=EVIL, declared=(0, 5), cause=EVIL, credentials=EVIL, transport=EVIL),
    ]
    found = with_endpoints(summary_of(tmp_path / "run", devices), EVIL)
    plain = page_of(found)
    found = replace(
        found,
        headline=EVIL,
        notes=[EVIL],
        criteria=[Criterion(EVIL, EVIL, None, holds=False, why=EVIL)],
        run=replace(found.run, id=EVIL, status=EVIL, started=EVIL, server={EVIL: EVIL}, versions={EVIL: EVIL}),
        generator=replace(found.generator, bottleneck=True, reasons=[EVIL]),
    )
    figures = [Drawn(EVIL, EVIL, PICTURE, EVIL)]
    page = page_of(found, figures)
    assert Reader(page).complaints == []
    assert page.lower().count("<script") == plain.lower().count("<script") == 2
    assert page.count("&lt;script&gt;alert(1)") > 20
    assert Reader(page).having("alt").count(EVIL) == 1


# -- tables ------------------------------------------------------------------------------------------------------------


def test_cells_have_the_figure_itself_to_be_sorted_by():
    rows = [["slow", seconds(1.2)], ["quick", seconds(0.3)], ["none", seconds(None)], ["odd", seconds(float("nan"))]]
    found = grid(Table("t", "T", ["what", "time"], rows, range(1, 2)))
    assert [row[1].text for row in found.rows] == ["1.2 s", "300 ms", "-", "nan s"]
    assert [row[1].raw for row in found.rows] == ["1.2", "0.3", "", ""]
    assert [row[0].raw for row in found.rows] == ["", "", "", ""]


@pytest.mark.parametrize(
    ("shown", "text", "raw"),
    [
        (size(12_000), "12 kB", "12000"),
        (size(3e6), "3 MB", "3000000"),
        (rate(1234567.5), "1.23 MB/s", "1234567.5"),
        (microseconds(1500), "1.5 ms", "0.0015"),
        (number(10_000), "10,000", "10000"),
        ("1/2", "1/2", ""),
    ],
)
def test_the_figure_is_in_the_base_unit(shown, text, raw):
    [[_, cell]] = grid(Table("t", "T", ["", "x"], [["a", shown]], range(1, 2))).rows
    assert (cell.text, cell.raw) == (text, raw)


def test_columns_that_are_empty_are_left_out():
    found = grid(Table("t", "T", ["a", "b", "c"], [["1", "", number(2)], ["3", "", number(4)]], range(2, 3)))
    assert (found.headers, found.figures) == (["a", "c"], [1])
    assert [[cell.text for cell in row] for row in found.rows] == [["1", "2"], ["3", "4"]]


def test_a_list_that_goes_on_says_how_long_it_is():
    rows = [[str(k), "x" * 1000] for k in range(ROWS_MOST + 1)]
    found = grid(Table("t", "T", ["a", "b"], rows, range(0)))
    assert len(found.rows) == ROWS_MOST
    assert found.more == "The first 200 of 201; the others are in summary.json."
    assert found.rows[0][1].text == "x" * LETTERS_MOST + "… (1,000 characters)"
    few = Table("t", "T", ["a", "b"], rows[:3], range(0))
    assert grid(few).more == ""
    assert grid(few, total=7, where="the record").more == "The first 3 of 7; the others are in the record."


# -- key figures -------------------------------------------------------------------------------------------------------


def test_key_figures_are_those_of_the_summary(summary):
    found = {one.label: one for one in key_figures(summary)}
    counts = summary.outcomes.overall
    assert dict(found["Updates"].lines) == {
        "ok": str(counts.ok),
        "failed": str(counts.fail),
        "unknown": str(counts.unknown),
    }
    assert (counts.total, counts.fail) == (60, 9)
    assert found["Updates"].tone == "bad"
    assert [name for name, _ in found["Throughput"].lines] == ["coap/pull", "coap/push"]
    assert found["Devices"].value == "60"
    assert found["Update, median"].value == seconds(summary.totals.update_s.p50)
    assert (found["Load generator"].value, found["Load generator"].tone) == ("bottleneck", "bad")
    assert dict(found["Load generator"].lines)["late starts"] == "9"


def test_key_figures_of_a_server_that_is_accused(tmp_path):
    device = Device(0, states=("0", "1", "3", "0"), download_s=60, update_s=200)
    found = summary_of(tmp_path / "run", [device])
    one = next(one for one in key_figures(found) if one.label == "Server accused")
    assert found.verdicts.server.differs
    assert (one.value, one.tone) == ("with 1 device", "bad")
    assert [name for name, _ in one.lines] == [f"{own.id} {own.name}" for own in found.verdicts.classes if own.devices]


def test_key_figures_of_nothing(tmp_path):
    found = {one.label: one.value for one in key_figures(summary_of(tmp_path / "run", [], fleet_health=[]))}
    assert (found["Updates"], found["Server accused"]) == ("none", "not judged")
    assert (found["Devices"], found["Throughput"], found["Update, median"]) == ("0", "-", "-")


# -- size --------------------------------------------------------------------------------------------------------------


def test_the_page_of_a_vast_run_can_be_mailed(summary):
    page = page_of(vast(summary), [*FIGURES, Drawn("pace", "Large.", PICTURE + b" " * FIGURE_BYTES_MOST)])
    assert len(page.encode()) < 5_000_000
    found = Reader(page)
    assert found.complaints == []
    assert found.text.count(f"The first 200 of {MANY:,}") >= 5
    assert "This figure is too large for the page" in found.text
    assert "4,950 more are in summary.json." in found.text


def test_figures_have_their_share_of_the_size(summary):
    svg = PICTURE + b" " * (FIGURE_BYTES_MOST - len(PICTURE))
    page = page_of(summary, [Drawn(f"figure-{k}", "c", svg, f"alt {k}") for k in range(40)])
    shown = Reader(page).all("img")
    assert len(shown) == FIGURES_BYTES_MOST // FIGURE_BYTES_MOST
    assert len(page.encode()) < 5_000_000


def vast(summary):
    """The same of a run in which everything is there by the thousand, with long names."""
    long = "x" * 2000
    names = [f"{k} {long}" for k in range(MANY)]
    [cell] = summary.sides.causes[:1] or [Cause("register", "g", "coap", "", "", "none", 1, 1)]
    return replace(
        summary,
        notes=names,
        outcomes=replace(
            summary.outcomes,
            by_group=dict.fromkeys(names, summary.outcomes.overall),
            reasons=[Reason("fail", name, 1) for name in names],
        ),
        throughput=dict.fromkeys(names, summary.totals),
        results=replace(
            summary.results,
            cross=[Cell(name, name, 1) for name in names],
            disagreements=[Disagreement(0, name, name, "0/1", "0/5") for name in names],
            disagree=MANY,
        ),
        pattern=replace(summary.pattern, seen=dict.fromkeys(names, 1)),
        faults=[FaultVerdict(name, "0/1", 1, 1, 1, {long: 1}, {long: 1}, 1, "otherwise") for name in names],
        generator=replace(summary.generator, processes=summary.generator.processes * MANY, reasons=names),
        sides=replace(summary.sides, causes=[replace(cell, group=name, cause=name) for name in names]),
        criteria=[Criterion(name, 1, 1, holds=False, why=long) for name in names],
        run=replace(summary.run, missing=names, versions=dict.fromkeys(names, long)),
    )
