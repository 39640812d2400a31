import subprocess
import sys
import time

import psutil
import pytest

from simulator.recorder.health import HealthSampler, ProcessMeter, dropped_datagrams


def test_sample_holds_the_longest_lag_since_the_last_one():
    sampler = HealthSampler("fleet-0", dropped=lambda: 0)
    sampler.tick(1.0, 0.75)
    sampler.tick(2.0, 1.875)
    first = sampler.sample(2.0, devices=5)
    assert (first.t, first.process, first.loop_lag_s, first.devices) == (2.0, "fleet-0", 0.25, 5)
    assert first.rss_bytes > 2**20
    assert sampler.sample(3.0).loop_lag_s == 0.0


def test_cpu_grows_with_work():
    sampler = HealthSampler("fleet-0", dropped=lambda: 0)
    before = sampler.sample(0.0).cpu_s
    while time.process_time() < before + 0.05:
        sum(range(10_000))
    assert sampler.sample(1.0).cpu_s > before


def test_late_starts_count_from_a_tenth_of_a_second():
    sampler = HealthSampler("fleet-0", dropped=lambda: 0)
    sampler.started(1.0, 0.95)
    sampler.started(1.0, 0.5)
    sampler.missed_starts += 2
    row = sampler.sample(1.0)
    assert (row.late_starts, row.missed_starts) == (1, 2)


def test_only_drops_since_the_start_are_counted():
    counts = iter([40, 40, 47])
    sampler = HealthSampler("fleet-0", dropped=lambda: next(counts))
    assert [sampler.sample(t).dropped_datagrams for t in (1.0, 2.0)] == [0, 7]


def test_process_that_ends_keeps_its_figures():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    meter = ProcessMeter(child.pid, children=True)
    meter.read()
    child.communicate(b"\n")
    before = (meter.cpu_s, meter.rss_bytes, meter.rss_max_bytes)
    meter.read()
    assert before == (meter.cpu_s, meter.rss_bytes, meter.rss_max_bytes)
    assert meter.rss_bytes > 0
    with pytest.raises(psutil.NoSuchProcess):
        ProcessMeter(child.pid)


def test_dropped_datagrams_from_both_tables(tmp_path):
    snmp, snmp6 = tmp_path / "snmp", tmp_path / "snmp6"
    snmp.write_text(
        "Ip: Forwarding\nIp: 1\nUdp: InDatagrams InErrors RcvbufErrors MemErrors\nUdp: 100 9 5 3\n"
        "UdpLite: InDatagrams RcvbufErrors\nUdpLite: 0 77\n"
    )
    snmp6.write_text("Udp6RcvbufErrors                \t2\nUdpLite6RcvbufErrors 9\n")
    assert dropped_datagrams(snmp, snmp6) == 10
    assert dropped_datagrams(tmp_path / "absent", tmp_path / "absent6") == 0
    snmp.write_text("Udp: odd\n")
    assert dropped_datagrams(snmp, tmp_path / "absent6") == 0
