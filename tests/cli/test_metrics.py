"""The metrics of a run as Prometheus reads them."""

from __future__ import annotations

import urllib.request

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from simulator.cli.metrics import EDGES_S, FleetCollector, Totals, serve_metrics
from simulator.fleet.tally import Row


def row_of(samples, operation="block", transport="coap", failures=0, length=0):
    row = Row()
    for position, us in enumerate(samples):
        row.add(us, length, failed=position < failures)
    return {"operation": operation, "transport": transport, **row.to_json()}


@pytest.fixture
def totals():
    totals = Totals()
    totals.add_rows([row_of([500.0, 2_000.0], failures=1), row_of([3e6], "download", "http", length=4096)])
    totals.add_rows([row_of([400.0])])
    totals.add_update("http", "ok", 12.0)
    totals.gauges["fleet-0"] = {"states": [["g", 0, 2], ["g", 1, 1]], "results": [["g", 1, 3]]}
    totals.gauges["fleet-1"] = {"states": [["g", 0, 5]], "results": []}
    return totals


@pytest.fixture
def values(totals):
    registry = CollectorRegistry()
    registry.register(FleetCollector(lambda: totals))
    return lambda name, **labels: registry.get_sample_value(name, labels)


def test_counters(values):
    assert values("lwm2m_fleet_operations_total", operation="block", transport="coap", outcome="ok") == 2
    assert values("lwm2m_fleet_operations_total", operation="block", transport="coap", outcome="fail") == 1
    assert values("lwm2m_fleet_payload_bytes_total", delivery="pull", transport="http") == 4096
    assert values("lwm2m_fleet_updates_total", transport="http", outcome="ok") == 1


def test_gauges_are_summed_over_processes(values):
    assert values("lwm2m_fleet_devices", group="g", state="idle") == 7
    assert values("lwm2m_fleet_devices", group="g", state="downloading") == 1
    assert values("lwm2m_fleet_update_results", group="g", result="1") == 3


def test_histograms_are_cumulative_and_their_sums_exact(values):
    labels = {"operation": "block", "transport": "coap"}
    counts = [values("lwm2m_fleet_operation_seconds_bucket", le=str(edge), **labels) for edge in EDGES_S]
    assert counts[0] == 2
    assert counts == sorted(counts)
    assert values("lwm2m_fleet_operation_seconds_bucket", le="+Inf", **labels) == 3
    assert values("lwm2m_fleet_operation_seconds_count", **labels) == 3
    assert values("lwm2m_fleet_operation_seconds_sum", **labels) == pytest.approx(0.0029)
    assert values("lwm2m_fleet_operation_seconds_sum", operation="update", transport="http") == 12.0


def test_prometheus_is_answered_and_the_port_given_back(totals, free_port):
    port = free_port()
    for current in (totals, None):
        end = serve_metrics(lambda current=current: current, port)
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
                names = {family.name for family in text_string_to_metric_families(answer.read().decode())}
        finally:
            end()
        assert ("lwm2m_fleet_devices" in names) == (current is not None)
        assert all(name.startswith("lwm2m_fleet_") for name in names)


def test_a_port_that_is_taken_is_an_error(free_port):
    port = free_port()
    end = serve_metrics(lambda: None, port)
    try:
        with pytest.raises(OSError, match="in use"):
            serve_metrics(lambda: None, port)
    finally:
        end()
