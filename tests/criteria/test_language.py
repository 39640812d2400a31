"""Expressions: what is read, what is refused and where, and that the plain form of one is read as the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.criteria import METRICS, UNITS, check, parse, text_of
from simulator.criteria.tree import COMPARISONS, Binary, Label, Negated, Number, Selection
from simulator.events import EVENT_TYPES

KNOWN = {"transport": ["coap", "coap+tcp", "http"], "group": ["a", "b"], "fault": ["none", "install-fails"]}

GOOD = [
    'p95(update_seconds{transport="coap"}) < 120',
    "rate(as_declared) == 1",
    "rate(as_declared) == 100 %",
    "throughput(http) > 5 * throughput(coap)",
    "throughput(coap+tcp) > 5KiB/s",
    "server_disagreements == 0",
    "not (sum(fail) > 0 or sum(unknown) > 0)",
    "not sum(fail) > 0 and not sum(unknown) > 0",
    'p50(update_seconds{group="a"}) <= p50(update_seconds{group!="a"}) + 500 ms',
    "p99_9(block_seconds) < 2 min",
    "median(download_seconds) * 2 < 1 h",
    "throughput * max(update_seconds) >= 1 MiB",
    "payload_bytes / mean(download_seconds) > 3 kB/s",
    "wire_overhead < 10%",
    "-5 s < -max(loop_lag_seconds)",
    'max(cpu_share{role="fleet"}) < 90 %',
    'sum(fail{fault="none"}) == 0',
    "count(ok) != 3",
    "missed_starts + late_starts == 0",
    "sum(ok) / count(ok) > 0.5",
    "4/2<3",
]
BAD = [
    ("", 1, "expected a number"),
    ("p95(update_secnds) < 1", 5, "no metric"),
    ("p59(update_seconds) < 1", 1, "no function"),
    ('p95(update_seconds{grup="a"}) < 1', 20, "no label"),
    ('p95(update_seconds{group="c"}) < 1', 20, "the scenario has no group 'c'"),
    ("throughput(htp) > 1", 12, "the scenario has no transport 'htp'"),
    ('sum(fail{fault="flash"}) == 0', 10, "no fault"),
    ('max(loop_lag_seconds{group="a"}) < 1', 22, "no label"),
    ("rate(update_seconds) < 1", 1, "does not fit"),
    ("p95(as_declared) < 1", 1, "does not fit"),
    ("p95(retransmissions) < 1", 1, "does not fit"),
    ("mean(throughput) < 1", 1, "does not fit"),
    ("update_seconds < 1", 1, "not one number"),
    ("ok > 5", 1, "not one number"),
    ("p95(update_seconds) < 5 KiB", 21, "a duration and a size"),
    ("throughput > 5 KiB", 12, "a throughput and a size"),
    ("server_disagreements < 5 %", 22, "a count and a share"),
    ("p95(update_seconds) + throughput < 1", 21, "a duration and a throughput"),
    ("p95(update_seconds) < 5 parsecs", 25, "expected an operator"),
    ("p95(update_seconds)", 1, "neither holds"),
    ("p95(update_seconds) and 1 < 2", 1, "this is a number"),
    ("(1 < 2) + 3 < 4", 4, "this is a comparison"),
    ("1 < 2 < 3", 7, "do not follow"),
    ("1 = 1", 3, "expected an operator"),
    ("p95(update_seconds < 1", 20, "expected ')'"),
    ("p95(update_seconds{) < 1", 20, "name of a label"),
    ("p95 < 1", 5, "after the function p95"),
    ('p95(update_seconds{group="a) < 1', 26, "closing quote"),
    ("p95(update_seconds{group='a'}) < 1", 26, "has no meaning"),
    ("p95(5) < 1", 5, "name of a metric"),
    ("1 <", 4, "the end"),
    ("1.2.3 < 4", 1, "no number"),
    ("wire_overhead / 0 < 1", 17, "divides by zero"),
    ("(" * 60 + "1", 41, "nested"),
    ("1 < " + "1 + " * 400 + "1", 1001, "longer"),
]


@pytest.mark.parametrize("text", GOOD)
def test_a_good_expression_is_read(text):
    assert check(text, KNOWN) == []
    assert parse(text_of(parse(text))) == parse(text)


@pytest.mark.parametrize(("text", "column", "message"), BAD)
def test_a_bad_expression_is_refused_at_its_place(text, column, message):
    found = check(text, KNOWN)
    assert [one.at + 1 for one in found] == [column]
    assert message in found[0].message


def test_all_that_is_wrong_with_names_is_told_at_once_with_the_nearest():
    found = check('p96(update_seconds{group="aa"}) < max(update_secnds)', KNOWN)
    assert [(one.at, one.mend) for one in found] == [
        (0, "did you mean `p99`?"),
        (19, "did you mean `a`?"),
        (38, "did you mean `update_seconds`?"),
    ]


def test_metrics_rest_on_tables_that_there_are():
    tables = {event.table for event in EVENT_TYPES}
    assert all(set(metric.tables) <= tables and metric.tables for metric in METRICS.values())


NAMES = st.sampled_from(sorted(METRICS))
LABELS = st.builds(
    Label, st.sampled_from(["group", "transport"]), st.from_regex(r"[a-z+_ -]{0,6}", fullmatch=True), st.booleans()
)
LEAVES = st.builds(Number, st.from_regex(r"[0-9]{1,4}(\.[0-9]{1,3})?", fullmatch=True), st.sampled_from(["", *UNITS]))
LEAVES |= st.builds(Selection, NAMES, st.lists(LABELS, max_size=2).map(tuple), st.sampled_from(["", "p95", "sum"]))
SUMS = st.recursive(
    LEAVES,
    lambda inner: st.builds(Binary, st.sampled_from("+-*/"), inner, inner) | st.builds(Negated, st.just("-"), inner),
    max_leaves=8,
)
TRUTHS = st.recursive(
    st.builds(Binary, st.sampled_from(COMPARISONS), SUMS, SUMS),
    lambda inner: (
        st.builds(Binary, st.sampled_from(["and", "or"]), inner, inner) | st.builds(Negated, st.just("not"), inner)
    ),
    max_leaves=5,
)


@given(TRUTHS)
def test_what_is_written_is_read_as_the_same(expression):
    text = text_of(expression)
    if len(text) <= 1000:
        assert parse(text) == expression
