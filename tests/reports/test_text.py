from reports.text import tables
from tests.reports.synthetic import Device, fleet_of


def by_name(summary):
    return {table.name: table for table in tables(summary)}


def test_every_row_has_a_cell_under_every_header(summary):
    found = tables(summary(fleet_of(60), criteria={"failed_max": 0, "update_p95_max_s": 9, "as_declared_min": 1}))
    assert [table.name for table in found] == [
        "criteria", "verdicts", "outcomes", "throughput", "slices", "peers", "percentiles", "faults", "results",
        "health",
    ]  # fmt: skip
    for table in found:
        assert {len(row) for row in table.rows} == {len(table.headers)}
        assert table.figures.stop <= len(table.headers)
        assert all(isinstance(cell, str) for row in table.rows for cell in row)


def test_limits_are_shown_in_their_unit(summary):
    limits = {"failed_max": 0, "update_p95_max_s": 9, "as_declared_min": 0.5, "throughput_min_bytes_per_s": 1e6}
    rows = by_name(summary([Device(0)], criteria={**limits, "odd": "x"}))["criteria"].rows
    assert [row[:4] for row in rows] == [
        ["failed_max", "holds", "0", "0"],
        ["update_p95_max_s", "holds", "9 s", "1 s"],
        ["as_declared_min", "holds", "50 %", "100 %"],
        ["throughput_min_bytes_per_s", "does not hold", "1 MB/s", "131 kB/s"],
        ["odd", "does not hold", "x", "-"],
    ]


def test_empty_run_has_no_empty_tables(summary):
    found = by_name(summary([], fleet_health=[], server_health=[]))
    assert set(found) == {"outcomes"}
    assert found["outcomes"].rows == [["all", "0", "0", "0", "0"]]


def test_agreement_is_in_words(summary):
    devices = [Device(0), Device(1, server_end=(0, 5)), Device(2, server_end=(-1, -1))]
    rows = by_name(summary(devices))["results"].rows
    assert sorted(row[2] for row in rows) == ["agree", "disagree", "not compared"]
