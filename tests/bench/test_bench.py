"""The benchmark measures what it says; how fast anything is, is no test."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys

import pytest
from rich.console import Console

from simulator.transport.loop import run
from tests.bench import __main__ as command
from tests.bench import bare_dtls, leshan, measures, orders, origins, rig, transports
from tests.bench.figures import Figure, Goal, Results, number

needs_curl = pytest.mark.skipif(bool(origins.curl_missing()), reason=f"needs curl: {origins.curl_missing()}")
needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler: install Debian package gcc")

TINY = measures.Sizes(3, 4096, 2, 3, 6, 2048, 8, 2, 3, (2, 3), paired_devices=3, rounds=2, link_bytes=2048)


@pytest.fixture
def bench(tmp_path):
    return measures.Bench(tmp_path, TINY, Results(quick=True, repetitions=2), lambda _what: None)


@pytest.mark.parametrize(
    ("goal", "values", "verdict"),
    [
        (Goal("at least", 0.2), (0.1, 0.2, 0.9), "met"),
        (Goal("at least", 0.2), (0.1, 0.19, 0.9), "missed"),
        (Goal("at most", 2.0), (1.0, 2.0, 9.0), "met"),
        (Goal("at most", 2.0), (1.0, 2.1, 9.0), "missed"),
        (None, (1.0,), ""),
    ],
)
def test_a_goal_is_held_against_the_median(goal, values, verdict):
    assert Figure("x", "y", values, goal).verdict == verdict


@pytest.mark.parametrize(("value", "text"), [(0.23456, "0.235"), (4.0, "4"), (99.96, "100"), (123456.7, "123,457")])
def test_numbers_have_three_digits_that_count(value, text):
    assert number(value) == text


def test_the_json_has_every_repetition_and_the_table_every_figure(tmp_path):
    results = Results(quick=False, repetitions=3)
    results.figures.append(Figure("apples", "per CPU-second", (3.0, 1.0, 2.0), Goal("at least", 2), "red ones"))
    results.failed["pears"] = "not [ripe]"
    document = json.loads(results.write(tmp_path / "new").read_text(encoding="utf-8"))
    (figure,) = document["figures"]
    assert (figure["values"], figure["median"], figure["lowest"], figure["highest"]) == ([3, 1, 2], 2, 1, 3)
    assert figure["verdict"] == "met"
    assert document["failed"] == {"pears": "not [ripe]"}
    console = Console(width=120, file=io.StringIO())
    console.print(results.table())
    assert "median, lowest and highest of 3 runs" in console.file.getvalue()
    assert "1 to 3" in console.file.getvalue()
    assert results.remarks() == ["apples: red ones", "pears failed: not [ripe]"]


def test_the_cpu_of_another_process_is_read():
    child = subprocess.Popen(
        [sys.executable, "-c", "import time\nwhile time.process_time() < 0.3: pass\nprint(flush=True)\ninput()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with child:
        assert child.stdout is not None
        assert child.stdin is not None
        child.stdout.readline()
        assert rig.cpu_seconds(child.pid) >= 0.3
        child.stdin.close()
    assert rig.cpu_seconds(os.getpid()) > 0


@needs_compiler
def test_exchanges_give_ratios_of_the_same_repetition(bench):
    bench.exchanges()
    ours, c, other, to_c, to_other = (figure.values for figure in bench.results.figures)
    assert all(value > 0 for value in (*ours, *c, *other))
    assert to_c == tuple(a / b for a, b in zip(ours, c, strict=True))
    assert to_other == tuple(a / b for a, b in zip(ours, other, strict=True))


@needs_compiler
def test_updates_of_both_kinds_and_sizes_are_measured(bench):
    bench.updates()
    bench.scale()
    assert [len(figure.values) for figure in bench.results.figures] == [2] * 4
    assert all(value > 0 for figure in bench.results.figures for value in figure.values)


@needs_compiler
def test_the_recorders_share_is_a_part_of_the_whole(bench):
    bench.recorder()
    (figure,) = bench.results.figures
    assert all(0 < value < 100 for value in figure.values)
    # Each device tells of its start, two registrations, its states, its transfer and its end.
    assert bench.results.parts["recorder"]["calls"] >= 8 * TINY.devices


def test_the_memory_of_a_device_has_parts(bench, monkeypatch):
    monkeypatch.setattr(orders, "SETTLE_S", 0.0)
    bench.memory()
    parts = bench.results.parts["memory"]
    assert parts["bytes_per_device"] == pytest.approx(sum(parts["by_package"].values()))
    assert parts["by_package"]["simulator/device"] > 0


@pytest.fixture
def once(bench, monkeypatch):
    """A benchmark that measures everything one time, and waits for nothing."""
    monkeypatch.setattr(orders, "SETTLE_S", 0.0)
    bench.results.repetitions = 1
    return bench


def test_handshakes_and_exchanges_over_coaps_are_measured_beside_openssl(once):
    transports.coaps(once)
    figures = {figure.name: figure.median for figure in once.results.figures}
    assert figures["Registers over coaps, whole devices"] > 0
    ours, bare = figures["Block2 over coaps, whole devices"], figures["DTLS exchanges, OpenSSL alone"]
    assert figures["exchanges, devices : OpenSSL"] == ours / bare > 0
    assert figures["DTLS handshakes, own DTLS alone"] > 0


@needs_curl
def test_streams_are_held_against_curl_from_the_same_origin(once, monkeypatch):
    monkeypatch.setattr(transports, "STREAMS", ("coap+tcp", "https"))
    transports.streams(once)
    figures = {figure.name: figure.median for figure in once.results.figures}
    assert figures["coap+tcp : curl's http"] == figures["coap+tcp, whole devices"] / figures["http, curl"]
    assert figures["https : curl's https"] == figures["https, whole devices"] / figures["https, curl"]
    assert figures["coap+tcp, whole devices"] > 0
    assert figures["https, whole devices"] > 0


def test_a_machine_without_curl_is_told_what_to_install(bench, monkeypatch):
    monkeypatch.setattr(transports, "curl_missing", lambda: "install Debian package curl")
    transports.streams(bench)
    assert bench.results.skipped == {"streams": "install Debian package curl"}


@needs_curl
def test_curl_that_fetches_nothing_is_no_measurement(tmp_path):
    with pytest.raises(RuntimeError, match="curl ended with exit code 7"):
        origins.curl_cpu_s("http://127.0.0.1:1/package.bin", 1, tmp_path)


def test_a_connection_is_what_its_device_has_more_than_another(once, monkeypatch):
    monkeypatch.setattr(transports, "CONNECTIONS", {"coaps+tcp": ("TLS connection", 40.0)})
    held = {("coap", 2): 100_000, ("coap", 3): 110_000, ("coaps+tcp", 2): 200_000, ("coaps+tcp", 3): 240_000}
    monkeypatch.setattr(once, "run", lambda _order, load: held[load.management, load.devices])
    transports.connections(once)
    (figure,) = once.results.figures
    assert (figure.values, figure.verdict) == ((30.0,), "met")


def test_devices_that_come_by_certificate_are_registered_when_their_memory_is_read(once):
    assert once.run(orders.idle, rig.Load(3, 2048, management="coaps+tcp")) > 0


@pytest.mark.parametrize("pair", [bare_dtls.OpenSslPair, bare_dtls.OwnPair])
def test_bare_dtls_shakes_and_exchanges(pair):
    bare = bare_dtls.measure(pair(), 2, 3)
    assert bare.handshakes > 0
    assert bare.exchanges > 0


@needs_compiler
def test_an_update_that_does_not_end_well_is_no_measurement(tmp_path, monkeypatch):
    monkeypatch.setattr(orders, "origin_uri", lambda port: f"coap://127.0.0.1:{port}/nothing-here")
    with pytest.raises(rig.BenchError, match=r"3 of 3 updates did not end well: .*Result 6"):
        run(orders.update(tmp_path / "load", rig.Load(3, 2048)))


def test_a_fleet_that_cannot_start_is_told_of(tmp_path):
    with pytest.raises(rig.BenchError, match="fleet-0 ended unexpectedly with exit code 1"):
        run(orders.idle(tmp_path / "load", rig.Load(3, 2048, delivery="by mail")))


def test_what_fails_or_is_missing_does_not_stop_the_others(bench, monkeypatch):
    def fail(_bench):
        raise rig.BenchError("the fleet is gone")

    monkeypatch.setitem(command.BENCHMARKS, "memory", fail)
    monkeypatch.setattr(leshan, "missing", lambda: "install Debian package maven")
    command.measure("memory", bench)
    command.measure("leshan", bench)
    assert bench.results.failed == {"memory": "BenchError: the fleet is gone"}
    assert bench.results.skipped == {"fleet : Leshan": "install Debian package maven"}


def test_the_command_wants_repetitions(capsys):
    with pytest.raises(SystemExit):
        command.parse(["--repeat", "0"])
    assert "--repeat needs 1 or more" in capsys.readouterr().err
