"""Every figure of a summary against a second opinion in plain Python, on a run that was made and on one that was."""

import json
import math

import pytest

from reports.build import build
from tests.cli.in_process import typed
from tests.reports import recompute, recompute_ends
from tests.reports.recompute import Raw
from tests.reports.recompute_tables import read_tables, tables_of
from tests.reports.synthetic import Device, Written, fleet_of

SCENARIO = """
[run]
name = "recomputed"
[firmware]
size = "20 KiB"
[devices]
install_time = "100 ms"
boot_time = "50 ms"
[groups.plain]
count = 4
[[groups.plain.faults]]
kind = "image-corrupt"
share = "50 %"
[groups.shaped]
count = 3
network = "lte-m"
transport = "coap+tcp"
[groups.secure]
count = 2
management = "coaps"
transport = "coaps"
[groups.pushed]
count = 2
delivery = "push"
network = "lan"
[groups.web]
count = 2
transport = "http"
[arrivals]
kind = "rate"
rate = "20/s"
[campaign]
timeout = "60 s"
"""


def made(directory):
    """All that can be known of a device: faults, disagreement, silence, a transfer that failed."""
    devices = fleet_of(60)
    devices += [
        Device(60, server_end=(1, 0), outcome="unknown", reason="timeout"),
        Device(61, server_end=(0, 5), outcome="fail", reason="Result 5", update_s=9.0),
        Device(62, "late", results=("0",), due=2.5, refetched=2048, peer=(1500, 7)),
        Device(63, "gone", fault="flash-too-small", declared=(0, 2), struck=False, download_s=0.0),
        Device(64, "never", unreached="no answer"),
    ]
    return Written(devices, criteria={"failed_max": 0, "unknown_max": 9, "as_declared_min": 0.5}).write(directory)


@pytest.fixture(scope="module", params=["made", "run"])
def both(request, tmp_path_factory):
    """The raw rows of a run, and its summary as JSON."""
    directory = tmp_path_factory.mktemp("recompute") / "run"
    if request.param == "made":
        build(made(directory))
    else:
        scenario = directory.with_name("scenario.toml")
        scenario.write_text(SCENARIO)
        code, said = typed("run", scenario, "--seed", "3", "--out", directory)
        assert code == 0, said
    return Raw(directory), json.loads((directory / "summary.json").read_text())


def close(value, *, rel=1e-9, abs=1e-9):  # noqa: A002
    """The same value, with room for the order of additions."""
    if isinstance(value, dict):
        return {key: close(one, rel=rel, abs=abs) for key, one in value.items()}
    return pytest.approx(value, rel=rel, abs=abs) if isinstance(value, float) else value


def kept(row, wanted):
    return {name: row[name] for name in wanted}


def test_counts_of_the_run(both):
    raw, found = both
    run = found["run"]
    assert (run["devices"], run["parts"]) == (len(raw.devices), raw.parts)
    assert {name: rows for name, rows in run["rows"].items() if rows} == {n: len(r) for n, r in raw.tables.items() if r}
    assert run["duration_s"] == recompute.duration_s(raw)
    assert (run["rows_missing"], run["parts_unreadable"], run["missing"]) == (0, 0, [])


def test_outcomes(both):
    raw, found = both
    expected, reasons = recompute.outcomes(raw)
    assert kept(found["outcomes"], expected) == expected
    assert {(row["outcome"], row["reason"]): row["count"] for row in found["outcomes"]["reasons"]} == reasons


def test_throughput_and_every_percentile(both):
    raw, found = both
    assert found["totals"] == close(recompute.throughput(raw.tables["transfers"], raw.tables["updates"]))
    assert found["throughput"] == close(recompute.by_kind(raw))


def test_slices(both):
    raw, found = both
    expected = recompute.slices(raw)
    assert found["slices"].keys() == expected.keys()
    for name, rows in expected.items():
        assert found["slices"][name] == [close(row) for row in rows]


def test_series(both):
    raw, found = both
    series = found["series"]
    rates, payload = recompute.series(raw, series["step_s"])
    assert {name: series[name] for name in rates} == {name: pytest.approx(one, abs=1e-3) for name, one in rates.items()}
    assert series["bytes_per_s"]["transport"] == {n: pytest.approx(one, abs=2e-3) for n, one in payload.items()}


def test_time_of_the_peers(both):
    raw, found = both
    expected = recompute.peers(raw)
    rows = {(row["transport"], row["delivery"], row["network"]): row for row in found["peers"]}
    assert rows.keys() == expected.keys()
    for key, row in expected.items():
        assert kept(rows[key], row) == close(row)


def test_both_accounts_of_the_end(both):
    raw, found = both
    expected, results = recompute_ends.results(raw), found["results"]
    cross = {(row["device"], row["server"]): row["count"] for row in results["cross"]}
    assert {**kept(results, expected), "cross": cross} == expected
    apart = [
        k for k, (own, server, _) in recompute_ends.ends(raw).items() if own != server and "?" not in (own, server)
    ]
    assert sorted(row["index"] for row in results["disagreements"]) == sorted(apart)


def test_verdicts_on_the_devices(both):
    raw, found = both
    expected = recompute_ends.device_verdicts(raw)
    judged = found["verdicts"]["device"]
    assert {name: count for name, count in judged.items() if count} == {n: c for n, c in expected.items() if c}
    assert sum(found["verdicts"]["server"].values()) == len(raw.campaign)


def test_faults_and_pattern(both):
    raw, found = both
    rows = {(row["fault"], row["declared"]): row for row in found["faults"]}
    expected = recompute_ends.faults(raw)
    assert rows.keys() == expected.keys() != set()
    for key, row in expected.items():
        assert kept(rows[key], row) == row
    pattern = recompute_ends.pattern(raw)
    assert kept(found["pattern"], pattern) == pattern


def test_health_messages_and_cpu(both):
    raw, found = both
    expected = recompute_ends.health(raw)
    rows = {row["process"]: row for row in found["generator"]["processes"]}
    assert rows.keys() == expected.keys()
    for name, row in expected.items():
        row["loop_lag_max_s"] = None if rows[name]["role"] == "server" else row["loop_lag_max_s"]
        assert kept(rows[name], row) == close(row, rel=1e-6)
    begin, end = recompute_ends.campaign(raw)
    assert found["generator"]["campaign_s"] == pytest.approx(end - begin)
    own = [row for name, row in expected.items() if rows[name]["role"] != "server"]
    assert found["generator"]["loop_lag_max_s"] == max(row["loop_lag_max_s"] for row in own)
    for name in ("late_starts", "missed_starts"):
        assert found["generator"][name] == sum(row[name] for row in own)
    assert found["messages"] == recompute_ends.messages(raw)
    ended = len(raw.updates)
    assert found["usage"] == close(recompute_ends.usage(raw, ended))


def test_transports_side_by_side(both):
    raw, found = both
    rows = {(row["transport"], row["delivery"], row["network"]): row for row in found["sides"]["transports"]}
    if rows:
        expected = recompute_ends.sides(raw)
        assert rows.keys() == expected.keys()
        for key, row in expected.items():
            assert kept(rows[key], row) == close(row)
            top = rows[key]["ceiling_bytes_per_s"]
            assert rows[key]["of_ceiling"] == (close(row["bytes_per_s"] / top) if top else None)
    else:
        assert len({row["transport"] for row in raw.devices.values()}) == 1


def test_measures_of_criteria(both):
    raw, found = both
    measured = {row["name"]: row["measured"] for row in found["criteria"]}
    counts, _ = recompute.outcomes(raw)
    ends = recompute_ends.results(raw)
    expected = {
        "failed_max": counts["overall"]["fail"],
        "unknown_max": counts["overall"]["unknown"],
        "as_declared_min": ends["as_declared"] / ends["declared"],
    }
    assert measured == {name: expected[name] for name in measured}


def test_every_table_of_the_page(both):
    raw, _ = both
    shown = read_tables((raw.directory / "report.html").read_text())
    expected = {name: rows for name, rows in tables_of(raw).items() if rows}
    if "transports" not in shown:
        assert len({row["transport"] for row in raw.devices.values()}) == 1
        del expected["transports"], expected["transports-bytes"]
    # Limits of criteria are those of the scenario; their measures, verdicts and disagreements are looked at above.
    assert shown.keys() - {"criteria", "verdicts", "misconduct", "disagreements"} == expected.keys()
    if "transports" in shown:
        # Ceilings are not of the events.
        shown["transports"] = {words[:2]: row[:5] for words, row in shown["transports"].items()}
    for name, rows in expected.items():
        assert shown[name].keys() == rows.keys()
        for words, row in rows.items():
            found = [math.nan if value is None else value for value in shown[name][words]]
            wanted = [math.nan if value is None else value for value in row]
            assert found == pytest.approx(wanted, rel=1e-9, abs=1e-9, nan_ok=True), (name, words)
