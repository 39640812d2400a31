"""A run of 100,000 devices, or fewer in short: its counts by plain arithmetic, and a page that can be sent around."""

import json
from collections import Counter

import pytest

from tests.bench import large_tables
from tests.bench.large_runs import write
from tests.cli.in_process import typed
from tests.sizes import sized

pytestmark = pytest.mark.slow

DEVICES = sized(20_000, full=100_000)
PAGE_MOST = 5_000_000


def test_a_run_of_many_devices_is_counted_right_on_a_small_page(tmp_path, monkeypatch):
    monkeypatch.setattr(large_tables, "UPDATES_EACH", 1)
    monkeypatch.setattr(large_tables, "READS_EACH", 1)
    monkeypatch.setattr(large_tables, "BLOCKS", 4)
    made = write(tmp_path / "run", DEVICES * large_tables.ROWS_EACH)
    assert made.devices == DEVICES
    places = [k // len(large_tables.GROUPS) for k in range(DEVICES)]
    faulty = [place % large_tables.FAULTY_EACH == 0 for place in places]
    unknown = [place % large_tables.UNKNOWN_EACH == 1 for place in places]

    code, told = typed("report", made.path, "--format", "html,json")

    assert code == 0, told
    found = json.loads((made.path / "summary.json").read_text())
    assert found["run"]["devices"] == found["run"]["devices_planned"] == DEVICES
    assert sum(found["run"]["rows"].values()) == made.rows
    assert found["run"]["missing"] == []
    expected = {"ok": DEVICES - sum(unknown), "fail": 0, "unknown": sum(unknown), "unended": 0}
    assert found["outcomes"]["overall"] == expected
    by_group = {group: sum(counts.values()) for group, counts in found["outcomes"]["by_group"].items()}
    assert by_group == {name: DEVICES // len(large_tables.GROUPS) for name, *_ in large_tables.GROUPS}
    ends = [("0/5" if bad else "0/1", "?" if gone else "0/5" if bad else "0/1")
            for bad, gone in zip(faulty, unknown, strict=True)]  # fmt: skip
    cross = {(cell["device"], cell["server"]): cell["count"] for cell in found["results"]["cross"]}
    assert cross == dict(Counter(ends))
    (fault,) = found["faults"]
    assert (fault["devices"], fault["devices_struck"], fault["verdict"]) == (sum(faulty), sum(faulty), "as declared")
    assert found["pattern"]["devices"] == found["pattern"]["complete"] == DEVICES - sum(faulty)
    verdicts = found["verdicts"]
    assert verdicts["device"] == {"as_declared": DEVICES, "differs": 0, "unknown": 0}
    # Of those whose end the operator could not find out, nobody knows whether the server did.
    assert verdicts["server"] == {"as_declared": DEVICES - sum(unknown), "differs": 0, "unknown": sum(unknown)}
    with_blocks = sum(transport != "http" for _, transport, *_ in large_tables.GROUPS) * DEVICES // 10
    assert found["totals"]["transfers"] == DEVICES
    assert found["totals"]["block_us"]["n"] == 4 * with_blocks
    page = (made.path / "report.html").read_bytes()
    assert found["headline"].encode() in page
    assert len(page) < PAGE_MOST
