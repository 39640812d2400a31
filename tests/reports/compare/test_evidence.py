"""Goal: what compare calls a change is one, and 20 % more of a server's time is found where docs/compare.md says so.

Method: pairs of whole run directories. In virtual time the same devices have other luck on a lossy network, and the
server thinks 20 % longer or not. Written by hand, runs differ as they do on a machine that is busy now and then: each
by a factor of its own, devices that are due together by another one, and now and then a device by much.
"""

import random
from itertools import pairwise

import pytest

from reports.compare.change import WORSE
from reports.compare.comparison import compare
from reports.compare.limits import parse_limit
from reports.compare.rows import Record
from reports.read import read_run
from simulator.network.profiles import NetworkProfile
from simulator.scenario import loads
from tests.reports.synthetic import Device, Written
from tests.simulation.recorded import recorded

pytestmark = pytest.mark.slow

PAIRS = 20
FALSE_MOST = PAIRS // 10
SEED = 7
LOSSY = NetworkProfile("lossy", delay_s=0.02, jitter_s=0.03, loss=0.01)
SCENARIO = """
[firmware]
size = "4 KiB"
[devices]
boot_time = { min = "100 ms", max = "600 ms" }
install_time = { min = "200 ms", max = "900 ms" }
block_size = 1024
[groups.pull]
count = 60
[arrivals]
kind = "rate"
rate = "20/s"
[campaign]
timeout = "5 min"
[server.chaos]
slow_by = "1 s"
"""
LIMIT = [parse_limit("p50(update_seconds) +10%")]


def virtual(directory, luck, slower=1.0):
    """A run of the scenario in virtual time, of a server that thinks so many times as long."""
    text = SCENARIO.replace('slow_by = "1 s"', f'slow_by = "{slower * 1000:.0f} ms"')
    recorded(directory, loads(text), SEED, LOSSY, luck)
    return Record(read_run(directory))


def busy(directory, luck, slower=1.0, update_s=1.0, devices=100):
    """A run on a busy machine: what belongs to the devices is the same for all ``luck``, the rest is not."""
    own, dice = random.Random(SEED), random.Random(luck)
    whole = dice.gauss(1.0, 0.015)
    made, together = [], 1.0
    for k in range(devices):
        if k % 10 == 0:
            together = dice.gauss(1.0, 0.02)
        much = dice.paretovariate(2.5) if dice.random() < 0.05 else 1.0
        took = update_s * (0.8 + 0.4 * own.random()) * whole * together * slower
        made.append(Device(k, due=k / 50, update_s=took * much, download_s=0.4 * took * dice.gauss(1.0, 0.03)))
    return Record(read_run(Written(made).write(directory)))


@pytest.fixture(params=[virtual, busy], ids=["virtual time", "busy machine"])
def kind(request):
    return request.param


def test_equal_runs_are_not_told_apart(kind, tmp_path):
    alarms = []
    for base, other in pairwise(kind(tmp_path / str(luck), luck) for luck in range(PAIRS + 1)):
        found = compare([base], [other], LIMIT)
        assert found.changes[0].method == "paired blocks"
        if any(one.verdict != "no evidence of change" for one in found.changes) or not found.holds:
            alarms.append([one for one in found.changes if one.verdict != "no evidence of change"])
    assert len(alarms) <= FALSE_MOST, alarms


def test_a_server_that_is_slower_by_a_fifth_is_found(kind, tmp_path):
    for pair in range(3):
        runs = [kind(tmp_path / f"{pair}-{side}", 2 * pair + side, slower=1.0 + 0.2 * side) for side in range(2)]
        found = compare(runs[:1], runs[1:], LIMIT)
        assert WORSE in {one.verdict for one in found.changes if one.name.startswith("p50(update_seconds")}
        assert not found.holds


@pytest.mark.parametrize(("update_s", "finds"), [(0.2, True), (0.08, False)])
def test_of_short_updates_it_is_found_as_the_docs_say(update_s, finds, tmp_path):
    runs = [busy(tmp_path / f"{side}", side, 1.0 + 0.2 * side, update_s) for side in range(2)]
    assert compare(runs[:1], runs[1:], LIMIT).holds is not finds
    if not finds:
        # What the machine does is known to be less, and 10 % stay.
        assert not compare(runs[:1], runs[1:], LIMIT, noise_s=0.002).holds
