"""A tally in Locust's statistics: the same counts, and percentiles that are wrong by 1 % at most."""

from __future__ import annotations

import random

import numpy as np
import pytest
from locust.stats import RequestStats, StatsEntry

from simulator.fleet.tally import Row
from simulator.load.merging import bucket_response_time, merge


def row_of(samples, operation="block", transport="coap", failures=0):
    row = Row()
    for position, us in enumerate(samples):
        row.add(us, 10, failed=position < failures)
    return {"operation": operation, "transport": transport, **row.to_json()}


def test_counts_and_sums_are_exact():
    stats = RequestStats()
    merge(stats, [row_of([1_000.0, 3_000.0], failures=1), row_of([5_000.0], "register", "coaps")])
    merge(stats, [row_of([2_000.0])])
    block, register = stats.entries["block coap", "CoAP"], stats.entries["register coaps", "LwM2M"]
    assert (block.num_requests, block.num_failures, block.total_content_length) == (3, 1, 30)
    assert (block.total_response_time, block.min_response_time, block.max_response_time) == (6.0, 1.0, 3.0)
    assert register.num_requests == 1
    assert (stats.total.num_requests, stats.total.num_failures) == (4, 1)
    assert sum(stats.total.num_reqs_per_sec.values()) == 4


@pytest.mark.parametrize("percentile", [0.5, 0.9, 0.99, 0.999])
def test_percentiles_are_wrong_by_one_per_cent_at_most(percentile):
    dice = random.Random(3)
    samples = [dice.lognormvariate(8.0, 1.5) for _ in range(20_001)]
    stats = RequestStats()
    merge(stats, [row_of(samples)])
    found = stats.entries["block coap", "CoAP"].get_response_time_percentile(percentile)
    exact = float(np.quantile(samples, percentile, method="closest_observation")) / 1000
    assert found == pytest.approx(exact, rel=0.012)


def test_a_report_of_a_worker_survives_the_way_to_its_master():
    worker, master = RequestStats(), RequestStats()
    merge(worker, [row_of([400.0, 900.0, 1_100.0])])
    for report in worker.serialize_stats():
        entry = StatsEntry.unserialize(report, master)
        master.entries[entry.name, entry.method].extend(entry)
    assert master.entries["block coap", "CoAP"].num_requests == 3
    assert 0.3 < master.entries["block coap", "CoAP"].get_response_time_percentile(0.01) < 0.5


def test_blocks_over_http_are_not_of_coap():
    stats = RequestStats()
    merge(stats, [row_of([1.0], "block", "https")])
    assert list(stats.entries) == [("block https", "HTTP")]


@pytest.mark.parametrize("milliseconds", [0.0, 0.0004, 0.4, 7.3, 99.0, 147.0, 58_760.0])
def test_single_samples_go_into_the_same_buckets(milliseconds):
    assert bucket_response_time(milliseconds) == pytest.approx(max(milliseconds, 0.001), rel=0.011)
