"""Goal: faulty devices do not touch the good ones. 300 devices that fail in twelve ways, among 700 without a fault.

Method: `scenarios/isolation.toml` in virtual time over an access network that delays, once with its faults and once
without, from one seed. There, time is what devices, network and protocols make of it, so that the histories of the good
devices have to be equal to the byte: counts of messages, states, latencies of blocks, and all that server and operator
told of them. On a network that also loses, the dice of the server (ACK_RANDOM_FACTOR, RFC 7252 §4.2) fall otherwise.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import pytest

from simulator.events import DeviceEnded, RegistrationEnded, ServerSaw, TransferEnded, UpdateEnded, to_json
from simulator.network.profiles import IDEAL
from simulator.scenario import load
from tests.simulation.world import simulate

FILE = Path(__file__).parents[2] / "scenarios" / "isolation.toml"
GROUPS = load(FILE).groups
SMALL = ("firmware.size=4 KiB", "groups.pull.faults.0.capacity=2 KiB", "groups.pull.faults.1.capacity=1 KiB")
SOUND = tuple(f"groups.{name}.faults=[]" for name in GROUPS)
NETWORK = 'devices.network={ profile = "ideal", delay = "40 ms", jitter = "30 ms" }'


def run(*overrides, seed=7):
    return simulate(load(FILE, overrides=(NETWORK, *SMALL, *overrides)), seed, IDEAL)


def histories(outcome, good):
    """All events of each good device but its De-register, which comes when the slowest device of the run is done."""
    found = defaultdict(bytes)
    for event in outcome.log.events:
        device = getattr(event, "device", None)
        left = isinstance(event, RegistrationEnded) and event.operation == "deregister"
        if device not in good or left or (isinstance(event, ServerSaw) and event.kind == "deregistered"):
            continue
        found[device] += to_json(replace(event, t=0.0) if isinstance(event, DeviceEnded) else event)
    return found


def test_the_scenario_has_what_its_comment_says():
    kinds = {fault.kind for group in GROUPS.values() for fault in group.faults}
    faulty = sum(
        fault.devices or round(fault.share * group.count) for group in GROUPS.values() for fault in group.faults
    )
    assert (len(kinds), faulty, sum(group.count for group in GROUPS.values())) == (12, 300, 1000)


@pytest.mark.slow
def test_good_devices_have_the_same_history_beside_faulty_ones_to_the_byte():
    among_faulty, among_good = run(), run(*SOUND)
    good = {device.plan.index for device in among_faulty.devices if not device.plan.fault}
    kinds = Counter(device.plan.fault for device in among_faulty.devices if device.plan.fault)
    assert (len(good), len(kinds), set(kinds.values())) == (700, 12, {25})
    outcomes = Counter(event.outcome for event in among_faulty.log.events if isinstance(event, UpdateEnded))
    assert outcomes == {"ok": 1000}

    here, there = histories(among_faulty, good), histories(among_good, good)
    assert len(here) == 700
    assert [device for device in good if here[device] != there[device]] == []
    # That would hold of histories without anything in them, too.
    blocks = [e.block_us for e in among_faulty.log.events if isinstance(e, TransferEnded) and e.device in good]
    assert len(blocks) == 700
    assert all(sum(each) > 3 * 80_000 for each in blocks)
    others = {device.plan.index for device in among_faulty.devices} - good
    assert all(histories(among_faulty, {k}) != histories(among_good, {k}) for k in others)
