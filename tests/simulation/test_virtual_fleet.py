"""Goal: whatever the network and the power do, a fleet keeps to the protocol, ends, and can be replayed byte for byte.

Method: 2,000 devices against the embedded server in virtual time, with random loss, delay, duplication, reordering,
power cuts and injected faults; one history per seed.
"""

from __future__ import annotations

from collections import defaultdict

import pytest

from simulator.events import DeviceEnded, StateChanged, UpdateEnded
from simulator.lwm2m.firmware_table import ALLOWED, State, UpdateResult
from simulator.network.profiles import NetworkProfile
from simulator.scenario import loads
from tests.simulation.world import simulate
from tests.sizes import sized

ROUGH = NetworkProfile(
    "rough", delay_s=0.04, jitter_s=0.12, loss=0.04, duplicate=0.04, reorder=0.05, rate_bps=200_000, mtu=1500
)

SCENARIO = """
[firmware]
size = "6 KiB"
[devices]
boot_time = { min = "200 ms", max = "3 s" }
install_time = { min = "200 ms", max = "3 s" }
block_size = 512
[groups.pull]
count = 900
[[groups.pull.faults]]
kind = "image-corrupt"
share = "4 %"
[[groups.pull.faults]]
kind = "flash-too-small"
capacity = "3 KiB"
share = "4 %"
[[groups.pull.faults]]
kind = "uri-not-found"
share = "2 %"
[groups.push]
count = 900
delivery = "push"
[[groups.push.faults]]
kind = "image-corrupt"
share = "4 %"
[[groups.push.faults]]
kind = "install-fails"
share = "4 %"
[groups.zephyr]
count = 100
delivery = "push"
profile = "zephyr"
[groups.anjay]
count = 100
profile = "anjay"
[arrivals]
kind = "rate"
rate = "100/s"
[campaign]
concurrency = 500
timeout = "10 min"
request_timeout = "5 min"
"""

SEEDS = range(sized(2, 20))


def check(outcome) -> None:
    states = defaultdict(list)
    for event in outcome.log.events:
        if isinstance(event, StateChanged):
            assert UpdateResult(event.result) in ALLOWED[State(event.state)], event
            states[event.device].append(event)
    updates = [event for event in outcome.log.events if isinstance(event, UpdateEnded)]
    assert sorted(update.device for update in updates) == list(range(2000)), "every update is judged exactly once"
    ends = {event.device: event for event in outcome.log.events if isinstance(event, DeviceEnded)}
    assert len(ends) == 2000, "every device is switched off exactly once"
    corrupt = {d.plan.index for d in outcome.devices if "image-corrupt" in d.plan.fault}
    for device, end in ends.items():
        new = end.version == "2.0.0"
        told = any(event.result == 1 for event in states[device])
        assert new == told, f"device {device} runs {end.version}, and {'told' if told else 'did not tell'} success"
        assert not (new and device in corrupt), f"device {device} installed a corrupt image"
    assert outcome.waiting == 0, "a message is in flight for ever"
    assert outcome.deadlines == 0, "somebody waits for a time that never comes"
    # What came through must be most of it: a run in which nothing works would keep every invariant above.
    assert sum(update.outcome == "ok" for update in updates) > 1500


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_a_fleet_keeps_to_the_protocol(seed):
    check(simulate(loads(SCENARIO), seed, ROUGH, reboots=150))


@pytest.mark.parametrize("seed", [1, 2])
def test_a_history_can_be_replayed(seed):
    scenario = loads(SCENARIO).scaled(200)
    first = simulate(scenario, seed, ROUGH, reboots=20)
    second = simulate(scenario, seed, ROUGH, reboots=20)
    assert first.log.to_bytes() == second.log.to_bytes()
    assert len(first.log.events) > 2000


def test_another_seed_gives_another_history():
    scenario = loads(SCENARIO).scaled(50)
    assert simulate(scenario, 1, ROUGH).log.to_bytes() != simulate(scenario, 2, ROUGH).log.to_bytes()


def test_over_an_ideal_network_every_update_ends_as_declared():
    outcome = simulate(loads(SCENARIO).scaled(400), 5, NetworkProfile("ideal", delay_s=0.01))
    updates = [event for event in outcome.log.events if isinstance(event, UpdateEnded)]
    assert [update for update in updates if update.outcome != "ok"] == []
    assert len(updates) == 400
