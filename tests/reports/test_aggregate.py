import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.aggregate import percentiles
from reports.counts import Counts, Percentiles
from reports.summary import Reason
from tests.reports.synthetic import SIZE, Device, fleet_of


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=300))
def test_percentiles_are_those_of_the_raw_values(values):
    found = percentiles(values)
    assert found.n == len(values)
    assert [found.p50, found.p95, found.p99] == [float(np.percentile(np.array(values), p)) for p in (50, 95, 99)]
    assert found.max == max(values)
    assert found.mean == pytest.approx(sum(values) / len(values))


def test_percentiles_of_nothing():
    assert percentiles([]) == Percentiles(0)


def test_block_percentiles_over_parts_and_processes_are_exact(summary):
    devices = fleet_of(120)
    found = summary(devices)
    for kind in ("pull", "push"):
        raw = np.concatenate([device.blocks for device in devices if device.delivery == kind])
        measured = found.throughput[f"coap/{kind}"].block_us
        assert (measured.n, measured.max) == (raw.size, raw.max())
        assert [measured.p50, measured.p95, measured.p99] == np.percentile(raw, [50, 95, 99]).tolist()
    everything = np.concatenate([device.blocks for device in devices])
    assert found.totals.block_us.p99 == np.percentile(everything, 99)


def test_durations_count_sound_updates_only(summary):
    devices = [
        Device(0, update_s=1.0, download_s=0.25),
        Device(1, update_s=3.0, download_s=0.75, due=1.0),
        Device(2, update_s=0.2, download_s=0.1, fault="flash-too-small", declared=(0, 2)),
        Device(3, update_s=60.0, server_end=(1, 0), outcome="unknown"),
        Device(4, update_s=50.0, server_end=(0, 5), outcome="fail"),
    ]
    found = summary(devices).totals
    assert (found.update_s.n, found.update_s.p50, found.update_s.max) == (2, pytest.approx(2.0), pytest.approx(3.0))
    assert found.update_from_due_s.p50 == pytest.approx(2.1)
    assert (found.download_s.n, found.download_s.max) == (4, pytest.approx(0.75))


def test_bytes_and_rates(summary):
    devices = [Device(0, download_s=0.5), Device(1, due=1.0, download_s=1.0), Device(2, "p", delivery="push", due=9.0)]
    found = summary(devices)
    pull = found.throughput["coap/pull"]
    assert (pull.devices, pull.transfers, pull.transfers_ok, pull.bytes) == (2, 2, 2, 2 * SIZE)
    assert pull.span_s == pytest.approx(2.0)
    assert pull.bytes_per_s == pytest.approx(SIZE)
    assert pull.device_bytes_per_s.max == pytest.approx(2 * SIZE)
    assert pull.device_bytes_per_s.p50 == pytest.approx(1.5 * SIZE)
    assert (pull.wire_in, pull.wire_out, pull.retransmissions, pull.duplicates) == (2 * (SIZE + 5000), 8000, 4, 2)
    assert found.totals.bytes == 3 * SIZE
    assert found.totals.span_s == pytest.approx(9.5)
    assert (found.messages.sent, found.messages.received, found.messages.retransmissions) == (246, 240, 9)
    assert (found.messages.transfer_retransmissions, found.messages.transfer_duplicates) == (6, 3)


def test_three_outcomes_by_group_and_kind(summary):
    devices = [
        Device(0, "a"),
        Device(1, "a", outcome="fail", reason="0/5"),
        Device(2, "b", transport="http", outcome="unknown", reason="no answer"),
        Device(3, "b", transport="http", outcome="unknown", reason="no answer"),
    ]
    found = summary(devices).outcomes
    assert found.overall == Counts(1, 1, 2, 0)
    assert found.overall.total == 4
    assert found.by_group == {"a": Counts(1, 1, 0, 0), "b": Counts(0, 0, 2, 0)}
    assert found.by_kind == {"coap/pull": Counts(1, 1, 0, 0), "http/pull": Counts(0, 0, 2, 0)}
    assert found.reasons == [Reason("unknown", "no answer", 2), Reason("fail", "0/5", 1)]


def test_update_without_an_end_is_unknown_and_never_failed(summary):
    found = summary([Device(0), Device(1)], operator_rows=False).outcomes
    assert found.overall == Counts(0, 0, 2, 2)
    assert found.reasons == [Reason("unknown", "no end of the update was recorded", 2)]


def test_device_outside_the_campaign_counts_nowhere(summary):
    found = summary([Device(0, delivery="")], operator_rows=False)
    assert found.outcomes.overall.total == 0
    assert found.results.declared == 0
    assert found.run.devices == 1
