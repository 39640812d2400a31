"""Several comparisons as one: what is told of each, of all, and where a run lacks what others have."""

from dataclasses import replace

import pytest

from reports.compare.change import BETTER, SAME, UNTOLD, WORSE, Change
from reports.compare.comparison import Comparison
from reports.compare.limits import Judged
from reports.compare.several import Several, overview
from reports.compare.sides import Side

ONE = Change(
    "p50(update_seconds)", 2.0, 2.5, 0.5, 0.3, 0.7, 0.25, 0.9, "blocks", 0.001, 0.01, 0.2, WORSE, up_is_worse=True
)
FAILED = Judged("p50(update_seconds) +10%", ONE, holds=False, why="p 0.01, below 0.05")


def several(*verdicts, limits=()):
    pairs = [
        Comparison(["base"], [f"run {place}"], ["read this"], [replace(ONE, verdict=word)], list(limits))
        for place, word in enumerate(verdicts, 1)
    ]
    return Several([Side("base" if not place else f"run {place}", (), place) for place in range(len(pairs) + 1)], pairs)


@pytest.mark.parametrize(
    ("verdicts", "headline", "tone"),
    [
        ([WORSE], "1 metric worse, 0 better, of 1", "bad"),
        ([BETTER], "0 metrics worse, 1 better, of 1", "good"),
        ([UNTOLD], "No metric can be compared", ""),
        ([SAME, UNTOLD], "run 1: no evidence of change; run 2: no metric can be compared", "good"),
        ([SAME, WORSE], "run 1: no evidence of change; run 2: 1 metric worse, 0 better, of 1", "bad"),
        (
            [SAME, WORSE, BETTER, WORSE],
            "Of 4 comparisons 2 tell of something worse, 1 of something better",
            "bad",
        ),
    ],
)
def test_the_headline_and_its_tone(verdicts, headline, tone):
    found = several(*verdicts)
    assert (found.headline, found.tone) == (headline, tone)
    assert found.notes == ["read this"]


def test_one_limit_that_is_passed_fails_all():
    found = several(SAME, SAME)
    assert (found.holds, found.tone) == (True, "good")
    found.pairs[1].limits.append(FAILED)
    assert (found.holds, found.tone) == (False, "bad")
    assert [pair["holds"] for pair in found.to_dict()["comparisons"]] == [True, False]


def test_the_overview_has_a_column_for_each_run():
    found = several(SAME, WORSE)
    found.pairs[1].changes.append(replace(ONE, name="rate(ok)", base=1.0, other=0.5, difference=-0.5, relative=-0.5))
    table = overview(found)
    assert table.headers == ["metric", "base (base)", "run 1", "run 2"]
    assert table.rows == [
        ["p50(update_seconds)", "2 s", "2.5 s, +25.0 %", "2.5 s, +25.0 %, worse"],
        ["rate(ok)", "100 %", "-", "50 %, -50.0 %, worse"],
    ]
    assert table.rows[1][3].raw == 0.5
