"""A benchmark: its cells are those of its runs, and page, figure and data tell them."""

from __future__ import annotations

import json

import pytest

from reports.benchmark import Repetition, gather, write
from reports.benchmark.draw import draw, label_of, order_of, package
from reports.read import RunError

RATES = {("lan", "coap"): (100.0, 300.0, 200.0), ("lan", "http"): (900.0, 800.0, 1000.0)}


def row(network, transport, bytes_per_s, **changed):
    return {
        "transport": transport,
        "delivery": "pull",
        "network": network,
        "devices": 10,
        "ok": 10,
        "bytes_per_s": bytes_per_s,
        "ceiling_bytes_per_s": 400.0,
        "limit": "round trip",
        "download_s": {"p50": 65536 / bytes_per_s if bytes_per_s else None},
        "overhead": 0.05,
    } | changed


def a_run(directory, rows, size=65536, notes=(), started="2026-01-01T00:00:00Z"):
    directory.mkdir()
    info = {"started": started, "ended": "2026-01-01T01:00:00Z", "machine": {"cpu": "Z80", "cores": 1}, "versions": {}}
    summary = {"run": info, "sides": {"transports": rows}, "notes": list(notes)}
    (directory / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    manifest = {"scenario": {"firmware": {"size_bytes": size}}, "server": {"name": "the server"}}
    (directory / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


@pytest.fixture
def runs(tmp_path):
    for number in range(3):
        rows = [row(network, transport, rates[number]) for (network, transport), rates in RATES.items()]
        a_run(tmp_path / f"lan-{number + 1}", rows, notes=["late"] if number else [])
    return tmp_path


REPETITIONS = [Repetition("lan", "embedded", number, 4 - number, 0, f"lan-{number}") for number in (1, 2, 3)]


def gathered(runs, **options):
    return gather(REPETITIONS, runs, seed=7, command=["lwm2m-fleet", "benchmark", "a b"], **options)


def test_a_cell_has_a_value_of_each_repetition(runs):
    coap, http = gathered(runs).cells
    assert (coap.transport, coap.bytes_per_s, coap.median_bytes_per_s) == ("coap", [100.0, 300.0, 200.0], 200.0)
    assert (http.bytes_per_s, http.of_ceiling) == ([900.0, 800.0, 1000.0], 900 / 400)
    assert (coap.devices, coap.ok, coap.of_ceiling) == (30, 30, 0.5)
    assert coap.download_s == [65536 / rate for rate in (100.0, 300.0, 200.0)]


def test_runs_stand_in_the_order_in_which_they_were_made(runs):
    assert [one.number for one in gathered(runs).repetitions] == [3, 2, 1]


def test_what_reports_say_first_is_said_once_with_its_runs(runs):
    notes = gathered(runs, failed=["nb-iot: did not end"]).notes
    assert notes == ["nb-iot: did not end", "late (lan against embedded, 2; lan against embedded, 3)"]


def test_the_page_has_every_figure(runs, tmp_path):
    written = write(gathered(runs), tmp_path / "out")
    assert [path.name for path in written] == ["README.md", "data.json", "throughput.svg", "throughput.png"]
    page = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "lwm2m-fleet benchmark 'a b'" in page
    assert "## lan, 64 KiB" in page
    assert "| coap | 30 of 30 | 200 B/s | 100 B/s to 300 B/s | 400 B/s | 50 % | 328 s | 5 % |" in page
    data = json.loads((tmp_path / "out" / "data.json").read_text(encoding="utf-8"))
    assert [cell["bytes_per_s"] for cell in data["cells"]] == [[100.0, 300.0, 200.0], [900.0, 800.0, 1000.0]]


def test_a_benchmark_is_written_to_the_byte_alike(runs, tmp_path):
    one, other = (write(gathered(runs), tmp_path / name) for name in ("one", "other"))
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in other]


def test_transfers_that_all_failed_have_a_row_and_no_point(tmp_path):
    a_run(tmp_path / "lan-1", [row("lan", "coap", None, ok=0)])
    made = gather(REPETITIONS[:1], tmp_path, seed=1, command=["x"])
    assert draw(made.cells) is None
    write(made, tmp_path / "out")
    page = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "| coap | 0 of 10 | - | - |" in page
    assert "throughput.png" not in page


def test_points_and_ranges_are_those_of_the_cells(runs):
    (ax,) = draw(gathered(runs).cells).axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["coap", "http"]
    drawn = [sorted(map(float, line.get_xdata())) for line in ax.lines]
    points = [xs for xs, line in zip(drawn, ax.lines, strict=True) if line.get_marker() == "o"]
    assert points == [[200.0], [900.0]]
    assert [100.0, 300.0] in drawn
    assert [800.0, 1000.0] in drawn


def test_a_run_without_a_report_is_named(runs):
    (runs / "lan-2" / "summary.json").unlink()
    with pytest.raises(RunError, match=r"lan-2.summary\.json cannot be read"):
        gathered(runs)


def test_without_runs_there_is_no_benchmark(tmp_path):
    with pytest.raises(RunError, match="none of the runs"):
        gather([], tmp_path, seed=1, command=[])


def test_transports_stand_in_the_order_of_their_specifications(runs):
    cells = gathered(runs).cells
    assert max(["https", "coap, push", "coap", "coaps+tcp"], key=order_of) == "coap, push"
    assert [label_of(cell) for cell in cells] == ["coap", "http"]


@pytest.mark.parametrize(("length", "text"), [(65536, "64 KiB"), (1 << 20, "1 MiB"), (1000, "1 kB"), (0, "0 B")])
def test_a_package_is_named_as_in_a_scenario(length, text):
    assert package(length) == text
