"""What of an update reaches OpenTelemetry, whose SDK is here without its exporters."""

from __future__ import annotations

import sys

import pytest
from locust.env import Environment
from locust.event import Events
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from simulator.fleet.population import Population
from simulator.load.telemetry import DURATION, export_updates
from simulator.load.updates import Update
from simulator.scenario import loads

SCENARIO = """
[groups.field]
count = 2
transport = "coap"
[[groups.field.faults]]
kind = "image-corrupt"
"""
DUE = 1_764_000_000.25
SOUND = {"group": "field", "transport": "coap", "fault": "image-corrupt", "declared": "0/5"}


@pytest.fixture
def environment():
    return Environment(events=Events())


@pytest.fixture
def exported(environment, monkeypatch):
    """The spans and the reader of metrics of what is fired; the providers of the process stay as they are."""
    spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracers, meters = TracerProvider(shutdown_on_exit=False), MeterProvider([reader], shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    monkeypatch.setattr(trace, "get_tracer", tracers.get_tracer)
    monkeypatch.setattr(metrics, "get_meter", meters.get_meter)
    export_updates(environment)
    yield spans, reader
    tracers.shutdown()
    meters.shutdown()


def fire(environment, device, outcome, seconds, result, reason=""):
    plan = Population(loads(SCENARIO), 7).device(device)
    Update(plan, outcome, seconds, DUE, 0, result, reason).fire(environment)


def named(**values):
    return {f"lwm2m_fleet.{key}": value for key, value in values.items()}


def test_an_update_is_a_span_from_when_it_was_due(environment, exported):
    fire(environment, 0, "ok", 2.5, 5)
    fire(environment, 1, "fail", 1.0, 1, "ended in State 0, Result 1")
    good, bad = exported[0].get_finished_spans()
    assert good.name == "update coap"
    assert good.start_time == pytest.approx(DUE * 1e9, abs=1000)
    assert good.end_time - good.start_time == 2_500_000_000
    assert good.attributes == named(endpoint="vd-field-000000", outcome="ok", observed="0/5", **SOUND)
    assert good.status.status_code is trace.StatusCode.UNSET
    assert bad.status.status_code is trace.StatusCode.ERROR
    assert bad.status.description == "fail: ended in State 0, Result 1"


def test_metrics_name_no_device(environment, exported):
    for device in (0, 1):
        fire(environment, device, "ok", 2.0, 5)
    fire(environment, 1, "unknown", 3.0, -1)
    [metric] = exported[1].get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
    assert (metric.name, metric.unit) == (DURATION, "s")
    points = sorted((point.count, point.sum, dict(point.attributes)) for point in metric.data.data_points)
    assert points == [
        (1, 3.0, named(outcome="unknown", observed="", **SOUND)),
        (2, 4.0, named(outcome="ok", observed="0/5", **SOUND)),
    ]


def test_what_others_fire_is_theirs(environment, exported):
    environment.events.request.fire(
        request_type="GET", name="/", response_time=None, response_length=0, exception=None, context={}
    )
    assert exported[0].get_finished_spans() == ()


def test_without_the_packages_there_is_nothing_to_export(environment, monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    export_updates(environment)
    fire(environment, 0, "ok", 2.5, 5)
